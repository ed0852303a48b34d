import KilnIR

extension CLEmitter {
  /// a ∘ b of a fold.
  func combine(_ reduction: KernelReduction, _ a: String, _ b: String) -> String {
    operations.expression(reduction.kind.primitive, [a, b], operand: reduction.dtype, dtype: reduction.dtype)
  }

  /// lhs · rhs + sum, as D1 has it; integers wrap.
  func multiplyAdd(_ dtype: DType, _ lhs: String, _ rhs: String, _ sum: String) -> String {
    if dtype.isReal { return "fma(\(lhs), \(rhs), \(sum))" }
    let carrier = dtype.clCarrier
    return "(\(dtype.clRegister))((\(carrier))\(lhs) * (\(carrier))\(rhs) + (\(carrier))\(sum))"
  }

  /// Replaces the best value and its index by another element if that is better: more extreme, a NaN before any number,
  /// the smaller index among equals (E9).
  func takeBetter(_ reduction: KernelReduction, best: String, at bestIndex: String, _ other: String, at index: String) {
    guard case .argReduce(let kind) = reduction.operation else { return }
    var wins = kind == .max ? "\(other) > \(best)" : "\(other) < \(best)"
    var isEqual = "\(other) == \(best)"
    if reduction.dtype.isReal {
      wins = "\(wins) || (\(other) != \(other) && \(best) == \(best))"
      isEqual = "(\(isEqual) || (\(other) != \(other) && \(best) != \(best)))"
    }
    out.open("if (\(wins) || (\(isEqual) && \(index) < \(bestIndex)))")
    out.line("\(best) = \(other);")
    out.line("\(bestIndex) = \(index);")
    out.close()
  }

  // MARK: - Tree16 in private memory

  func declareTree(_ reduction: KernelReduction) {
    let number = reduction.number
    out.line("\(reduction.dtype.clRegister) t\(number)[8]; uint q\(number) = 0;")
  }

  func push(_ reduction: KernelReduction, _ value: String) {
    let number = reduction.number
    let helper = CLHelper.push(reduction.kind, reduction.dtype)
    out.line(operations.call(helper, ["t\(number)", "q\(number)", value]) + "; q\(number)++;")
  }

  /// The result of the tree, or the value of nothing.
  func top(_ reduction: KernelReduction) -> String {
    let number = reduction.number
    let top = operations.call(.top(reduction.kind, reduction.dtype), ["t\(number)", "q\(number)"])
    return "q\(number) == 0 ? \(reduction.empty.clConstant) : \(top)"
  }
}
