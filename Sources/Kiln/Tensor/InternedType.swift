import KilnIR
import KilnRuntime

/// A tensor type that exists once, so that equality is identity. A compiled call compares the types of its arguments
/// this way. Interned types live as long as the process: about 200 bytes for every type that the program ever used.
package final class InternedType: Sendable {
  package let type: TensorType
  /// 0 where calls bring an extent, as is `elementCount`: no tensor with elements has such a type.
  package let byteCount: Int
  package let elementCount: Int

  private static let table = Lock<[TensorType: InternedType]>([:])

  private init(_ type: TensorType) {
    self.type = type
    byteCount = type.shape.isSymbolic ? 0 : type.byteCount
    elementCount = type.shape.size.size ?? 0
  }

  package static func of(_ type: TensorType) -> InternedType {
    table.withLock { table in
      if let known = table[type] { return known }
      let interned = InternedType(type)
      table[type] = interned
      return interned
    }
  }
}
