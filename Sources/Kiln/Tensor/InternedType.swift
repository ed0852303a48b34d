import KilnIR
import KilnRuntime

/// A tensor type that exists once, so that equality is identity. A compiled call compares the types of its arguments
/// this way. Interned types live as long as the process: about 200 bytes for every type that the program ever used.
// A pointer, as references to an object would be counted, by all threads in one place.
// @unchecked: the fields do not change.
package struct InternedType: Hashable, @unchecked Sendable {
  private struct Fields {
    let type: TensorType
    let byteCount: Int
    let elementCount: Int
    let sizeClass: SizeClass?
  }

  private let fields: UnsafePointer<Fields>

  package var type: TensorType { fields.pointee.type }
  /// 0 where calls bring an extent, as is `elementCount`: no tensor with elements has such a type.
  package var byteCount: Int { fields.pointee.byteCount }
  package var elementCount: Int { fields.pointee.elementCount }
  /// That of a buffer; nil if no machine has so much memory.
  var sizeClass: SizeClass? { fields.pointee.sizeClass }

  private static let table = Lock<[TensorType: InternedType]>([:])

  private init(_ type: TensorType) {
    let fields = UnsafeMutablePointer<Fields>.allocate(capacity: 1)
    let byteCount = type.shape.isSymbolic ? 0 : type.byteCount
    fields.initialize(
      to: Fields(
        type: type, byteCount: byteCount, elementCount: type.shape.size.size ?? 0,
        sizeClass: SizeClass(byteCount: byteCount)))
    self.fields = UnsafePointer(fields)
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
