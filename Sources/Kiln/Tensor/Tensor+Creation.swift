import KilnIR

extension Tensor {
  /// A scalar.
  @_disfavoredOverload public init(_ value: Scalar) { self.init(core: .constant(Literal(splat: value.irScalar))) }

  /// A vector of `scalars`.
  @_disfavoredOverload public init(_ scalars: [Scalar]) { self.init(elements: scalars, shape: [scalars.count]) }

  /// A matrix of rows of one length.
  // Generic, so that an empty list is a vector and nothing else.
  @_disfavoredOverload
  public init<Row: Collection<Scalar>>(_ rows: [Row]) { self.init(rows: rows.map { Array($0) }) }

  private init(rows: [[Scalar]]) {
    self.init(core: .nested(Scalar.dtype, rows.flatMap { $0.map(\.irScalar.bits) }, [rows.map(\.count)], rows.count))
  }

  /// A tensor of rank 3 of matrices of one shape.
  @_disfavoredOverload
  public init<Plane: Collection, Row: Collection<Scalar>>(_ planes: [Plane]) where Plane.Element == Row {
    self.init(planes: planes.map { $0.map { Array($0) } })
  }

  private init(planes: [[[Scalar]]]) {
    let rows = planes.flatMap { $0 }
    self.init(
      core: .nested(
        Scalar.dtype, rows.flatMap { $0.map(\.irScalar.bits) }, [planes.map(\.count), rows.map(\.count)], planes.count))
  }

  /// A tensor of `shape` with `scalars` in row-major order.
  @_disfavoredOverload public init(_ scalars: [Scalar], shape: some ShapeConvertible) {
    self.init(elements: scalars, shape: shape)
  }

  private init(elements scalars: [Scalar], shape: some ShapeConvertible) {
    self.init(
      core: .checking(shape, Scalar.dtype) { shape throws(ConstraintFailure) in
        // Elements that are there have one number, so a shape that calls bring becomes the one of this call.
        let shape = Shape(shape.dimensions)
        guard shape.elementCount == scalars.count else {
          throw ConstraintFailure(
            "tensor.C1",
            "\(scalars.count) scalars do not fill the shape \(shape), which has \(shape.elementCount) elements")
        }
        return .from(scalars, TensorType(Scalar.dtype, shape))
      })
  }

  /// `value` everywhere.
  public static func full(_ shape: some ShapeConvertible, _ value: Scalar) -> Tensor {
    Tensor(core: .checking(shape, Scalar.dtype) { .constant(Literal(splat: value.irScalar, shape: $0)) })
  }
}

// Literals without a type in sight, `Tensor([[1, 2], [3.5, 4]])`, make tensors of `Float`: the initializers above step
// back for these.
extension Tensor where Scalar == Float {
  /// A scalar.
  public init(_ value: Float) { self.init(core: .constant(Literal(splat: value.irScalar))) }
  /// A vector of `scalars`.
  public init(_ scalars: [Float]) { self.init(elements: scalars, shape: [scalars.count]) }
  /// A matrix of rows of one length.
  public init<Row: Collection<Float>>(_ rows: [Row]) { self.init(rows: rows.map { Array($0) }) }
  /// A tensor of rank 3 of matrices of one shape.
  public init<Plane: Collection, Row: Collection<Float>>(_ planes: [Plane]) where Plane.Element == Row {
    self.init(planes: planes.map { $0.map { Array($0) } })
  }
  /// A tensor of `shape` with `scalars` in row-major order.
  public init(_ scalars: [Float], shape: some ShapeConvertible) { self.init(elements: scalars, shape: shape) }
}

extension Tensor where Scalar: TensorNumber {
  /// Zeros.
  public static func zeros(_ shape: some ShapeConvertible) -> Tensor { full(shape, 0) }
  /// Ones.
  public static func ones(_ shape: some ShapeConvertible) -> Tensor { full(shape, 1) }

  /// Zeros of the shape of `other`.
  public static func zeros(like other: Tensor) -> Tensor { full(other.shape, 0) }
  /// Ones of the shape of `other`.
  public static func ones(like other: Tensor) -> Tensor { full(other.shape, 1) }

  /// The vector 0, 1, …, `count` - 1.
  public static func range(_ count: some DimensionConvertible) -> Tensor {
    Tensor(
      core: .checking([count.asDimension], Scalar.dtype) {
        emit(.source(.iota(TensorType(Scalar.dtype, $0), axis: 0)), [])
      })
  }

  /// The vector `start`, `start` + `step`, … of `count` elements: `start` + i · `step`, each rounded twice.
  public static func range(from start: Scalar, by step: Scalar, count: some DimensionConvertible) -> Tensor {
    range(count) * step + start
  }

  /// The identity matrix.
  public static func identity(_ size: some DimensionConvertible) -> Tensor {
    let core = TensorCore.checking([size, size], Scalar.dtype) { shape in
      let type = TensorType(.i32, shape)
      let rows = emit(.source(.iota(type, axis: 0)), [])
      let columns = emit(.source(.iota(type, axis: 1)), [])
      return emit(.type(.convert(Scalar.dtype)), [emit(.map(.equal), [rows, columns])])
    }
    return Tensor(core: core)
  }
}

extension TensorCore {
  /// A scalar or splat, or a small dense literal: a filled buffer. In a trace also an instruction; the buffer is for
  /// those who use the tensor after the trace, as for a global that is first used there. A large splat is the
  /// instruction alone.
  static func constant(_ literal: Literal) -> TensorCore {
    guard let trace = Trace.current else { return .elements(of: literal) }
    guard let count = literal.type.shape.size.size, count <= Literal.maximumElementCount else {
      return trace.record(.source(.constant(literal)), [])
    }
    return trace.record(literal)
  }

  static func elements(of literal: Literal) -> TensorCore {
    switch literal.elements {
    case .splat(let scalar): .filled(scalar, literal.type)
    case .dense(let bits): .written(bits, literal.type)
    }
  }

  /// `body` of a valid shape, else a poisoned tensor.
  static func checking(
    _ shape: some ShapeConvertible, _ dtype: DType, _ body: (Shape) throws(ConstraintFailure) -> TensorCore
  ) -> TensorCore {
    do {
      return try body(try shape.checked(dtype))
    } catch {
      return Failure.poison(error, TensorType(dtype, .scalar))
    }
  }

  private static func filled(_ scalar: Scalar, _ type: TensorType) -> TensorCore {
    make(type) { bytes in
      switch scalar.dtype.byteCount {
      case 1: bytes.bindMemory(to: UInt8.self).update(repeating: UInt8(truncatingIfNeeded: scalar.bits))
      case 2: bytes.bindMemory(to: UInt16.self).update(repeating: UInt16(truncatingIfNeeded: scalar.bits))
      case 4: bytes.bindMemory(to: UInt32.self).update(repeating: UInt32(truncatingIfNeeded: scalar.bits))
      default: bytes.bindMemory(to: UInt64.self).update(repeating: scalar.bits)
      }
    }
  }

  /// Copies of `elements`, whose memory layout is that of the dtype.
  static func from<Element: TensorElement>(_ elements: [Element], _ type: TensorType) -> TensorCore {
    if Trace.current != nil, elements.count <= Literal.maximumElementCount,
      let literal = try? Literal(type, bits: elements.map(\.irScalar.bits))
    {
      return constant(literal)
    }
    return make(type) { bytes in elements.withUnsafeBytes { bytes.copyMemory(from: $0) } }
  }

  /// Nested arrays with the counts at every level below the first.
  static func nested(_ dtype: DType, _ bits: [UInt64], _ counts: [[Int]], _ count: Int) -> TensorCore {
    var sizes = [count]
    for (level, counts) in counts.enumerated() {
      let first = counts.first ?? 0
      if let odd = counts.firstIndex(where: { $0 != first }) {
        return Failure.poison(
          ConstraintFailure(
            "tensor.C2",
            "the rows of an array literal have one length; row \(odd) at depth \(level + 1) has \(counts[odd]) elements, row 0 has \(first)"
          ),
          TensorType(dtype, sizes + [first]))
      }
      sizes.append(first)
    }
    let type = TensorType(dtype, sizes)
    if Trace.current != nil, let literal = try? Literal(type, bits: bits) { return constant(literal) }
    return written(bits, type)
  }

  private static func written(_ bits: [UInt64], _ type: TensorType) -> TensorCore {
    make(type) { bytes in
      for (index, pattern) in bits.enumerated() { bytes.store(pattern, type.dtype, at: index) }
    }
  }
}

extension UnsafeMutableRawBufferPointer {
  /// Writes element `index` of a buffer of `dtype`.
  func store(_ bits: UInt64, _ dtype: DType, at index: Int) {
    switch dtype.byteCount {
    case 1: storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: index, as: UInt8.self)
    case 2: storeBytes(of: UInt16(truncatingIfNeeded: bits), toByteOffset: index * 2, as: UInt16.self)
    case 4: storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: index * 4, as: UInt32.self)
    default: storeBytes(of: bits, toByteOffset: index * 8, as: UInt64.self)
    }
  }
}

extension UnsafeRawBufferPointer {
  /// Reads element `index` of a buffer of `dtype`.
  func load(_ dtype: DType, at index: Int) -> Scalar {
    switch dtype.byteCount {
    case 1: Scalar(dtype, bits: UInt64(loadUnaligned(fromByteOffset: index, as: UInt8.self)))
    case 2: Scalar(dtype, bits: UInt64(loadUnaligned(fromByteOffset: index * 2, as: UInt16.self)))
    case 4: Scalar(dtype, bits: UInt64(loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
    default: Scalar(dtype, bits: loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
    }
  }
}
