import KilnIR
import KilnRuntime

/// One reduction effect of a stage.
struct Reduction {
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

  /// Whether the elements are combined in blocks (NUMERICS R2); other folds are order-free (R3).
  var isBlocked: Bool {
    guard case .fold(let kind) = operation else { return false }
    return dtype.isReal && (kind == .sum || kind == .product)
  }
}

extension KernelEmitter {
  func reductions(ofStage number: Int) -> [Reduction] {
    let stage = kernel.stages[number]
    var next = kernel.firstReduced(ofStage: number)
    return stage.effects.compactMap { effect in
      let (operation, value): (Reduction.Operation, BodyID)
      switch effect {
      case .reduce(let kind, let id): (operation, value) = (.fold(kind), id)
      case .argReduce(let kind, let id): (operation, value) = (.extremeIndex(kind), id)
      case .dot(let lhs, let rhs): (operation, value) = (.dot(rhs), lhs)
      case .store, .storeScratch, .scatter, .scanReduce, .argSort: return nil
      }
      defer { next += 1 }
      return Reduction(
        number: next, operation: operation, value: value, dtype: kernel.dtype(of: value, in: stage.body))
    }
  }

  func combine(_ kind: ReductionKind, _ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    let primitive: Primitive =
      switch kind {
      case .sum: .add
      case .product: .multiply
      case .max: .maximum
      case .min: .minimum
      case .and: .and
      case .or: .or
      }
    return apply(primitive, [a, b], operand: dtype, dtype: dtype, lanes: lanes)
  }

  /// What a fold may meet any number of times: -0 for sums and 1 for products are exact (R2).
  func neutral(_ kind: ReductionKind, _ dtype: DType, _ lanes: Int = 1) -> LLVMValue {
    switch kind {
    case .sum: return dtype.isReal ? real(-0.0, dtype, lanes) : integer(0, dtype, lanes)
    case .product: return dtype.isReal ? real(1, dtype, lanes) : integer(1, dtype, lanes)
    case .max: return extreme(dtype, least: true, lanes)
    case .min: return extreme(dtype, least: false, lanes)
    case .and: return integer(-1, dtype, lanes)
    case .or: return integer(0, dtype, lanes)
    }
  }

  /// The value of a reduction over nothing.
  func emptyValue(_ reduction: Reduction) -> LLVMValue {
    switch reduction.operation {
    case .fold(.sum), .dot: module.zero(registerType(reduction.dtype))
    case .fold(let kind): neutral(kind, reduction.dtype)
    case .extremeIndex: module.constant(0, module.int32)
    }
  }

  private func extreme(_ dtype: DType, least: Bool, _ lanes: Int) -> LLVMValue {
    if dtype.isReal { return real(least ? -.infinity : .infinity, dtype, lanes) }
    guard dtype.isSignedInteger else { return integer(least ? 0 : -1, dtype, lanes) }
    let minimum = Int.min >> (64 - dtype.bitWidth)
    return integer(least ? minimum : ~minimum, dtype, lanes)
  }

  /// Lane l += lane l + h for h = 16, 8, 4, 2, 1 (R2).
  func foldLanes(_ vector: LLVMValue, lanes: Int, _ combine: (LLVMValue, LLVMValue, Int) -> LLVMValue) -> LLVMValue {
    var (vector, width) = (vector, lanes)
    while width > 2 {
      width /= 2
      let low = module.shuffle(vector, lanes: Array(0..<width))
      let high = module.shuffle(vector, lanes: Array(width..<2 * width))
      vector = combine(low, high, width)
    }
    return lanes == 1 ? vector : combine(module.extract(vector, lane: 0), module.extract(vector, lane: 1), 1)
  }

  // MARK: - The index of an extreme (E9)

  /// The best value of each lane and its index; no index yet is 2³¹ - 1.
  func extremeStart(_ kind: ArgReductionKind, _ dtype: DType, _ lanes: Int) -> [LLVMValue] {
    [extreme(dtype, least: kind == .max, lanes), integer(Int(Int32.max), .i32, lanes)]
  }

  /// The better of two: the more extreme value, a NaN before any number, the smaller index among equals.
  func better(
    _ kind: ArgReductionKind, _ best: [LLVMValue], _ other: [LLVMValue], _ dtype: DType
  ) -> [LLVMValue] {
    let isMore = kind == .max ? less(best[0], other[0], dtype) : less(other[0], best[0], dtype)
    var isEqual = apply(.equal, [best[0], other[0]], operand: dtype, dtype: .bool, lanes: 1)
    var wins = isMore
    if dtype.isReal {
      let isNaN = module.compare(.uno, other[0], other[0])
      let wasNaN = module.compare(.uno, best[0], best[0])
      wins = module.binary(.or, wins, module.binary(.and, isNaN, module.compare(.ord, best[0], best[0])))
      isEqual = module.binary(.or, isEqual, module.binary(.and, isNaN, wasNaN))
    }
    let isFirst = module.compare(.slt, other[1], best[1])
    wins = module.binary(.or, wins, module.binary(.and, isEqual, isFirst))
    return zip(best, other).map { module.select(wins, $1, $0) }
  }

  func foldExtremeLanes(_ kind: ArgReductionKind, _ best: [LLVMValue], _ dtype: DType, lanes: Int) -> LLVMValue {
    var (best, width) = (best, lanes)
    while width > 1 {
      width /= 2
      let halves = [0, width].map { start in
        best.map { vector in
          width == 1 ? module.extract(vector, lane: start) : module.shuffle(vector, lanes: Array(start..<start + width))
        }
      }
      best = better(kind, halves[0], halves[1], dtype)
    }
    return best[1]
  }
}
