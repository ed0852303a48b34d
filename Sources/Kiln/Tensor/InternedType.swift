import KilnIR
import KilnRuntime

/// A tensor type that exists once, so that equality is identity. A compiled call compares the types of its arguments
/// this way. Interned types live as long as the process: about 200 bytes for every type that the program ever used.
package final class InternedType: Sendable {
  package let type: TensorType
  package let byteCount: Int
  package let elementCount: Int

  private static let table = Lock<[TensorType: InternedType]>([:])

  private init(_ type: TensorType) {
    self.type = type
    // Only the tensors of a trace have sizes that calls bring, and they have no elements.
    byteCount = type.shape.isSymbolic ? 0 : type.byteCount
    elementCount = type.shape.isSymbolic ? 0 : type.shape.elementCount
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
