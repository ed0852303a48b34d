import KilnIR
import KilnRuntime

/// Tree16 (Numerics.md R1) of more than 16 block values, as a counter to the base 16: level n holds the running sum of
/// up to 16 sums of level n - 1. Each level is a tile in scratch, of a size that the functions get.
extension KernelEmitter {
  private struct Levels {
    let dtype: DType
    let lanes: Int
    let start: LLVMValue
    let bytes: LLVMValue
  }

  private func level(_ l: Levels, _ number: LLVMValue) -> LLVMValue { moved(l.start, multiply(number, l.bytes)) }

  /// `to` becomes `from`, or `to` + `from`, element by element.
  private func combine(_ l: Levels, to: LLVMValue, from: LLVMValue, adds: LLVMValue) throws(RuntimeError) {
    let type = registerType(l.dtype, l.lanes)
    _ = try loop(from: module.index(0), to: l.bytes, step: l.lanes * l.dtype.byteCount) { place, _ in
      let new = module.load(type, moved(from, place), alignment: l.dtype.byteCount)
      let old = module.load(type, moved(to, place), alignment: l.dtype.byteCount)
      let sum = module.binary(l.dtype.isReal ? .fadd : .add, old, new)
      module.store(module.select(adds, sum, new), moved(to, place), alignment: l.dtype.byteCount)
      return []
    }
  }

  private var truth: LLVMValue { module.constant(1, module.int1) }

  /// A function of the type `MicroKernel.Push`, for the end of a block that is not the first of its group of 16: adds
  /// it to the group's running sum, and at the end of the group moves full levels up by one.
  func emitPush(_ dtype: DType, _ lanes: Int, _ name: String) throws(RuntimeError) {
    beginFunction(name, taking: [module.pointer, module.pointer, module.int64, module.int64])
    let parameters = function.parameters
    let levels = Levels(dtype: dtype, lanes: lanes, start: parameters[0], bytes: parameters[2])
    let blocks = parameters[3]
    try combine(levels, to: levels.start, from: parameters[1], adds: truth)
    // The first value is 0 as long as the level below was full.
    _ = try whileBelow(
      module.index(1),
      carrying: [
        module.binary(.and, blocks, module.index(15)), module.index(0), module.binary(.lshr, blocks, module.index(4)),
      ]
    ) { carried throws(RuntimeError) in
      let (below, count) = (carried[1], carried[2])
      let above = add(below, module.index(1))
      let number = difference(count, module.index(1))
      let isFirst = module.compare(.eq, module.binary(.and, number, module.index(15)), module.index(0))
      let adds = module.binary(.xor, isFirst, truth)
      try combine(levels, to: level(levels, above), from: level(levels, below), adds: adds)
      return [module.binary(.and, count, module.index(15)), above, module.binary(.lshr, count, module.index(4))]
    }
    module.returnVoid()
  }

  /// A function of the type `MicroKernel.Fold`, for the end of all blocks: what the levels hold is added from the
  /// lowest up, each to the right of the earlier sums above it, and the result goes to level 0.
  func emitFold(_ dtype: DType, _ lanes: Int, _ name: String) throws(RuntimeError) {
    beginFunction(name, taking: [module.pointer, module.int64, module.int64])
    let levels = Levels(dtype: dtype, lanes: lanes, start: function.parameters[0], bytes: function.parameters[1])
    let blocks = function.parameters[2]
    let none = module.index(-1)
    let last = try loop(
      from: module.index(0), to: module.index(ContractionTile.levels), carrying: [none]
    ) { number, carried throws(RuntimeError) in
      let shifted = module.binary(.lshr, blocks, multiply(number, module.index(4)))
      let digit = module.binary(.and, shifted, module.index(15))
      let isEmpty = module.compare(.eq, digit, module.index(0))
      let isFull = module.compare(.ne, digit, module.index(0))
      let joins = module.binary(.and, isFull, module.compare(.ne, carried[0], none))
      _ = try branch(if: joins) { () throws(RuntimeError) in
        try combine(levels, to: level(levels, number), from: level(levels, carried[0]), adds: truth)
        return []
      }
      return [module.select(isEmpty, carried[0], number)]
    }
    try combine(levels, to: levels.start, from: level(levels, last[0]), adds: module.constant(0, module.int1))
    module.returnVoid()
  }
}
