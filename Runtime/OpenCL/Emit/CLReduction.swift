import KilnIR

/// One reduction effect of a stage.
struct CLReduction {
  enum Operation: Equatable {
    case fold(ReductionKind)
    case extremeIndex(ArgReductionKind)
    case dot(BodyID)
  }

  /// Its number among all reduced values of the kernel.
  let number: Int
  let operation: Operation
  /// What is reduced; the left operand of a dot.
  let value: BodyID
  /// The dtype of that value.
  let dtype: DType

  /// Whether the elements are combined in blocks (R2); other folds are order-free (R3).
  var isBlocked: Bool {
    guard case .fold(let kind) = operation else { return false }
    return dtype.isReal && (kind == .sum || kind == .product)
  }

  var isDot: Bool { if case .dot = operation { true } else { false } }
  var isExtremeIndex: Bool { if case .extremeIndex = operation { true } else { false } }

  /// The kind in which block values are combined.
  var treeKind: ReductionKind { if case .fold(let kind) = operation { kind } else { .sum } }

  var resultType: DType { isExtremeIndex ? .i32 : dtype }

  /// What a fold may meet any number of times: -0 for sums and 1 for products are exact (R2).
  var neutral: String {
    switch operation {
    case .dot: Scalar.zero(dtype).clConstant
    case .extremeIndex(let kind): dtype.clExtreme(isLeast: kind == .max)
    case .fold(let kind):
      switch kind {
      case .sum: dtype.isReal ? dtype.clReal(-0.0) : Scalar.zero(dtype).clConstant
      case .product: Scalar.one(dtype).clConstant
      case .max: dtype.clExtreme(isLeast: true)
      case .min: dtype.clExtreme(isLeast: false)
      case .and: Scalar(dtype, bits: dtype.bitMask).clConstant
      case .or: Scalar.zero(dtype).clConstant
      }
    }
  }

  /// The value of a reduction over nothing.
  var empty: String {
    switch operation {
    case .dot, .fold(.sum): Scalar.zero(dtype).clConstant
    case .fold: neutral
    case .extremeIndex: "0"
    }
  }
}

extension DType {
  /// The least or the largest value.
  func clExtreme(isLeast: Bool) -> String {
    if isReal { return clReal(isLeast ? -.infinity : .infinity) }
    let sign = isSignedInteger ? bitMask ^ (bitMask >> 1) : 0
    return Scalar(self, bits: isLeast ? sign : bitMask ^ sign).clConstant
  }
}

extension CLEmitter {
  func reductions(ofStage number: Int) -> [CLReduction] {
    let stage = kernel.stages[number]
    var next = kernel.stages[..<number].reduce(0) { $0 + $1.reductionCount }
    return stage.effects.compactMap { effect in
      let (operation, value): (CLReduction.Operation, BodyID)
      switch effect {
      case .reduce(let kind, let id): (operation, value) = (.fold(kind), id)
      case .argReduce(let kind, let id): (operation, value) = (.extremeIndex(kind), id)
      case .dot(let lhs, let rhs): (operation, value) = (.dot(rhs), lhs)
      case .store, .storeScratch, .scatter, .scanReduce, .argSort: return nil
      }
      defer { next += 1 }
      return CLReduction(
        number: next, operation: operation, value: value, dtype: kernel.dtype(of: value, in: stage.body))
    }
  }

  /// a ∘ b of a fold.
  func combine(_ reduction: CLReduction, _ a: String, _ b: String) -> String {
    let primitive: Primitive =
      switch reduction.treeKind {
      case .sum: .add
      case .product: .multiply
      case .max: .maximum
      case .min: .minimum
      case .and: .and
      case .or: .or
      }
    return operations.expression(primitive, [a, b], operand: reduction.dtype, dtype: reduction.dtype)
  }

  /// lhs · rhs + sum, as D1 has it; integers wrap.
  func multiplyAdd(_ dtype: DType, _ lhs: String, _ rhs: String, _ sum: String) -> String {
    if dtype.isReal { return "fma(\(lhs), \(rhs), \(sum))" }
    let carrier = dtype.clCarrier
    return "(\(dtype.clRegister))((\(carrier))\(lhs) * (\(carrier))\(rhs) + (\(carrier))\(sum))"
  }

  /// Replaces the best value and its index by another element if that is better: more extreme, a NaN before any number,
  /// the smaller index among equals (E9).
  func takeBetter(_ reduction: CLReduction, best: String, at bestIndex: String, _ other: String, at index: String) {
    guard case .extremeIndex(let kind) = reduction.operation else { return }
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

  func declareTree(_ reduction: CLReduction) {
    let number = reduction.number
    out.line("\(reduction.dtype.clRegister) t\(number)[8]; uint q\(number) = 0;")
  }

  func push(_ reduction: CLReduction, _ value: String) {
    let number = reduction.number
    let helper = CLHelper.push(reduction.treeKind, reduction.dtype)
    out.line(operations.call(helper, ["t\(number)", "q\(number)", value]) + "; q\(number)++;")
  }

  /// The result of the tree, or the value of nothing.
  func top(_ reduction: CLReduction) -> String {
    let number = reduction.number
    let top = operations.call(.top(reduction.treeKind, reduction.dtype), ["t\(number)", "q\(number)"])
    return "q\(number) == 0 ? \(reduction.empty) : \(top)"
  }
}
