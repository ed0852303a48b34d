import KilnIR

/// How the dtypes are kept: in registers `bool` is one bit and 16-bit reals are integers (Numerics.md B1); in memory
/// `bool` is a byte.
extension KernelEmitter {
  func registerType(_ dtype: DType, _ lanes: Int = 1) -> LLVMType {
    switch dtype {
    case .bool: module.vector(module.int1, lanes)
    case .i8, .u8: module.vector(module.int8, lanes)
    case .i16, .u16, .f16, .bf16: module.vector(module.integer(16), lanes)
    case .i32, .u32: module.vector(module.int32, lanes)
    case .i64, .u64: module.vector(module.int64, lanes)
    case .f32: module.vector(module.float, lanes)
    case .f64: module.vector(module.double, lanes)
    }
  }

  func memoryType(_ dtype: DType, _ lanes: Int = 1) -> LLVMType { registerType(dtype == .bool ? .u8 : dtype, lanes) }

  /// The integer type as wide as `dtype`.
  func integerType(_ dtype: DType, _ lanes: Int = 1) -> LLVMType {
    module.vector(module.integer(dtype.bitWidth), lanes)
  }

  func constant(_ scalar: Scalar, _ lanes: Int = 1) -> LLVMValue {
    let value =
      switch scalar.dtype {
      case .f32: module.float(bits: UInt32(truncatingIfNeeded: scalar.bits))
      case .f64: module.double(bits: scalar.bits)
      case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
        module.constant(bits: scalar.bits, registerType(scalar.dtype))
      }
    return module.splat(value, lanes)
  }

  func real(_ value: Double, _ dtype: DType, _ lanes: Int = 1) -> LLVMValue {
    constant(dtype == .f32 ? Scalar(Float(value)) : Scalar(value), lanes)
  }

  func integer(_ value: Int, _ dtype: DType, _ lanes: Int = 1) -> LLVMValue {
    module.splat(module.constant(value, integerType(dtype)), lanes)
  }

  /// A value as it was loaded from memory, as it is kept in registers.
  func fromMemory(_ value: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    guard dtype == .bool else { return value }
    return module.compare(.ne, value, module.zero(memoryType(.bool, lanes)))
  }

  func toMemory(_ value: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    dtype == .bool ? module.cast(.zext, value, to: memoryType(.bool, lanes)) : value
  }

  /// 0, 1, 2, … in lanes of a type.
  func iota(_ type: LLVMType, _ lanes: Int, stride: Int = 1) -> LLVMValue {
    module.constantVector((0..<lanes).map { module.constant($0 * stride, type) })
  }

  /// The lanes `l` with `l < count`, for a count below 2³¹.
  func mask(count: LLVMValue, _ lanes: Int) -> LLVMValue {
    let limit = module.broadcast(module.cast(.trunc, count, to: module.int32), lanes)
    return module.compare(.slt, iota(module.int32, lanes), limit)
  }

  func allLanes(_ lanes: Int) -> LLVMValue { module.splat(module.constant(1, module.int1), lanes) }

  // MARK: - Parts of vectors

  /// Applies `body` to pieces of `width` lanes and joins the results: for instructions of one width.
  func inPieces(_ values: [LLVMValue], lanes: Int, width: Int, _ body: ([LLVMValue]) -> LLVMValue) -> LLVMValue {
    guard lanes > width else { return body(values) }
    let pieces = stride(from: 0, to: lanes, by: width).map { start in
      body(values.map { module.shuffle($0, lanes: Array(start..<start + width)) })
    }
    return join(pieces, width: width)
  }

  private func join(_ pieces: [LLVMValue], width: Int) -> LLVMValue {
    guard pieces.count > 1 else { return pieces[0] }
    let pairs = stride(from: 0, to: pieces.count, by: 2).map {
      module.shuffle(pieces[$0], pieces[$0 + 1], lanes: Array(0..<2 * width))
    }
    return join(pairs, width: 2 * width)
  }
}
