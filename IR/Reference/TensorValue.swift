/// A tensor with its elements: what the reference interpreter takes and gives.
public struct TensorValue: Hashable, Sendable {
  public private(set) var type: TensorType
  /// The elements in row-major order, without gaps, in the byte order of the machine. A `bool` is 0 or 1.
  public internal(set) var bytes: [UInt8]

  /// A tensor of these bytes; those of `bool` other than 0 count as true.
  /// - Throws: `value.C1` when `type` has another number of bytes; `type.C1` when the type is impossible.
  public init(_ type: TensorType, bytes: [UInt8]) throws(ConstraintFailure) {
    try type.requireAddressable()
    try require(
      bytes.count == type.byteCount, "value.C1", "a tensor \(type) has \(type.byteCount) bytes, found \(bytes.count)")
    self.type = type
    self.bytes = type.dtype == .bool ? bytes.map { $0 == 0 ? 0 : 1 } : bytes
  }

  /// A tensor of these elements in row-major order.
  /// - Throws: `value.C1` when `shape` has another number of elements; `type.C1` when the shape is impossible.
  public init<Element: NativeElement>(_ elements: [Element], shape: Shape) throws(ConstraintFailure) {
    try self.init(TensorType(Element.dtype, shape), bytes: elements.withUnsafeBytes { Array($0) })
  }

  /// A tensor of elements given by their bit patterns in row-major order.
  /// - Throws: `value.C1` when `type` has another number of elements; `type.C1` when the type is impossible.
  public init(_ type: TensorType, bits: [UInt64]) throws(ConstraintFailure) {
    try type.requireAddressable()
    try require(
      bits.count == type.shape.elementCount, "value.C1",
      "a tensor \(type) has \(type.shape.elementCount) elements, found \(bits.count)")
    self.init(type) { bits.store($0, type.dtype) }
  }

  /// The tensor that a constant makes.
  public init(_ literal: Literal) {
    self.init(literal.type) { literal.allBits.store($0, literal.type.dtype) }
  }

  /// A tensor whose bytes `fill` writes, all of them.
  init(_ type: TensorType, fill: (UnsafeMutableRawPointer) -> Void) {
    self.type = type
    let count = type.byteCount
    bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
      if let base = buffer.baseAddress, count > 0 { fill(UnsafeMutableRawPointer(base)) }
      initializedCount = count
    }
  }

  /// Writes all elements of `value` to the places `elements` of this tensor.
  mutating func store(_ value: TensorValue, at elements: StridedElements) {
    guard !value.bytes.isEmpty else { return }
    let size = type.dtype.byteCount
    bytes.withUnsafeMutableBytes { target in
      value.bytes.withUnsafeBytes { source in
        copyElements(
          extents: value.type.shape.dimensions, size: size, from: source.baseAddress!,
          StridedElements(value.type.shape),
          to: target.baseAddress!, elements)
      }
    }
  }

  /// The same bytes as a tensor of another type of the same size.
  func reinterpreted(as type: TensorType) -> TensorValue {
    var result = self
    result.type = type
    return result
  }
}

extension TensorValue {
  /// The bit pattern of every element, zero extended.
  public var bits: [UInt64] {
    let count = type.shape.elementCount
    return bytes.withUnsafeBytes { source in
      switch type.dtype.byteCount {
      case 1: source.prefix(count).map { UInt64($0) }
      case 2: source.bindMemory(to: UInt16.self).map { UInt64($0) }
      case 4: source.bindMemory(to: UInt32.self).map { UInt64($0) }
      default: Array(source.bindMemory(to: UInt64.self))
      }
    }
  }

  /// The element at a position of the row-major order.
  public subscript(index: Int) -> Scalar {
    let size = type.dtype.byteCount
    let word = bytes[index * size..<(index + 1) * size].reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    return Scalar(type.dtype, bits: word)
  }

  /// The elements in row-major order.
  /// - Throws: `value.C2` when they are of another dtype.
  public func elements<Element: NativeElement>(as type: Element.Type) throws(ConstraintFailure) -> [Element] {
    try require(
      Element.dtype == self.type.dtype, "value.C2", "the elements are \(self.type.dtype), not \(Element.dtype)")
    return withElements(of: type) { Array($0) }
  }

  /// The elements, whose dtype is known to be `Element.dtype`.
  func withElements<Element: NativeElement, Result>(
    of type: Element.Type, _ body: (UnsafeBufferPointer<Element>) -> Result
  ) -> Result {
    bytes.withUnsafeBytes { body($0.bindMemory(to: type)) }
  }

  /// Whether both have the same type and bits, where all NaNs are one value (Numerics.md S2).
  public func isIdentical(to other: TensorValue) -> Bool {
    guard type == other.type else { return false }
    if bytes == other.bytes { return true }
    guard type.dtype.isReal else { return false }
    return zip(bits, other.bits).allSatisfy { a, b in
      a == b || Scalar(type.dtype, bits: a).isIdentical(to: Scalar(type.dtype, bits: b))
    }
  }

  /// The elements as text that reads back exactly: `[1.0, nan]`, or `1.0` for a scalar.
  public var elementText: String {
    let texts = bits.map { Scalar(type.dtype, bits: $0).description }
    return type.rank == 0 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
  }
}

extension TensorValue: CustomStringConvertible {
  public var description: String { "\(type) \(elementText)" }
}

extension [UInt64] {
  /// Writes the words as elements of `dtype`.
  func store(_ target: UnsafeMutableRawPointer, _ dtype: DType) {
    switch dtype.byteCount {
    case 1: store(target, as: UInt8.self)
    case 2: store(target, as: UInt16.self)
    case 4: store(target, as: UInt32.self)
    default: store(target, as: UInt64.self)
    }
  }

  private func store<Word: FixedWidthInteger & BitwiseCopyable>(_ target: UnsafeMutableRawPointer, as type: Word.Type) {
    let elements = target.assumingMemoryBound(to: type)
    for (i, word) in enumerated() { elements[i] = Word(truncatingIfNeeded: word) }
  }
}
