import KilnIR

extension Op {
  /// The type that a result of the operation, which has failed, would most likely have had.
  func guess(_ operands: [TensorCore]) -> TensorType {
    let first = operands.last?.type ?? TensorType(.f32, .scalar)
    switch self {
    case .source(.constant(let literal)): return literal.type
    case .source(.iota(let type, _)): return type
    case .source(.dimensionSize): return TensorType(.i64, .scalar)
    case .type(.convert(let dtype)), .type(.bitcast(let dtype)): return TensorType(dtype, first.shape)
    case .map(let function):
      let widest = operands.map(\.shape).max { $0.rank < $1.rank } ?? .scalar
      return TensorType(function.isPredicate ? .bool : first.dtype, widest)
    case .indexing(.dynamicSlice(let sizes, _)): return TensorType(operands.first?.dtype ?? first.dtype, Shape(sizes))
    case .movement(.reshape(let shape)), .movement(.broadcast(let shape, _)): return TensorType(first.dtype, shape)
    case .reduction(.argReduce), .indexing(.argSort): return TensorType(.i32, first.shape)
    case .movement, .reduction, .contraction, .indexing, .control: return operands.first?.type ?? first
    }
  }
}
