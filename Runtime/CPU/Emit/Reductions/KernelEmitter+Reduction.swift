import KilnIR
import KilnRuntime

extension KernelEmitter {
  func combine(_ kind: ReductionKind, _ a: LLVMValue, _ b: LLVMValue, _ dtype: DType, _ lanes: Int) -> LLVMValue {
    apply(kind.primitive, [a, b], operand: dtype, dtype: dtype, lanes: lanes)
  }

  func combine(_ reduction: KernelReduction, _ a: LLVMValue, _ b: LLVMValue, _ lanes: Int = 1) -> LLVMValue {
    combine(reduction.kind, a, b, reduction.dtype, lanes)
  }

  func neutral(_ kind: ReductionKind, _ dtype: DType, _ lanes: Int = 1) -> LLVMValue {
    constant(kind.neutral(dtype), lanes)
  }

  func emptyValue(_ reduction: KernelReduction) -> LLVMValue { constant(reduction.empty) }

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
    [constant(kind.neutral(dtype), lanes), integer(Int(Int32.max), .i32, lanes)]
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
