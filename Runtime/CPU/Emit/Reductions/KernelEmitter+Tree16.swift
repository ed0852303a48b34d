import KilnIR

/// Tree16 (Numerics.md R1) of values that arrive one after the other: each level keeps the running sum of its
/// unfinished group of 16 and how many it holds.
struct Tree16 {
  /// Enough for 16⁸ values.
  static let levelCount = 8

  let levels: LLVMValue
  let counts: LLVMValue
  let kind: ReductionKind
  let dtype: DType
}

extension KernelEmitter {
  /// Room for a tree on the stack. Call it in a function's first block.
  func tree(_ kind: ReductionKind, _ dtype: DType) -> Tree16 {
    Tree16(
      levels: module.stackSlot(memoryType(dtype), Tree16.levelCount, alignment: 64),
      counts: module.stackSlot(module.int64, Tree16.levelCount, alignment: 64), kind: kind, dtype: dtype)
  }

  func reset(_ tree: Tree16) {
    let zeros = module.zero(module.vector(module.int64, Tree16.levelCount))
    module.store(zeros, tree.counts, alignment: 64)
  }

  func push(_ value: LLVMValue, to tree: Tree16) {
    _ = module.call(pushFunction(tree), [tree.levels, tree.counts, value])
  }

  /// The value of the tree; an empty one is +0.
  func result(of tree: Tree16) -> LLVMValue { module.call(resultFunction(tree), [tree.levels, tree.counts]) }

  /// for level in 0...: count = (count + 1) % 16; a first value starts the group, others are added; a full group's sum
  /// goes up a level.
  private func pushFunction(_ tree: Tree16) -> LLVMFunction {
    helper("tree16_push_\(tree.kind)_\(tree.dtype)", [module.pointer, module.pointer, registerType(tree.dtype)], nil) {
      function in
      let (levels, counts) = (function.parameters[0], function.parameters[1])
      let entry = module.currentBlock
      let visit = module.block("visit", in: function)
      let rise = module.block("rise", in: function)
      let done = module.block("done", in: function)
      module.branch(to: visit)

      module.position(at: visit)
      let level = module.phi(module.int64)
      let value = module.phi(registerType(tree.dtype))
      let countPlace = module.offset(counts, level, of: module.int64)
      let place = module.offset(levels, level, of: memoryType(tree.dtype))
      let count = module.load(module.int64, countPlace, alignment: 8)
      let group = module.load(memoryType(tree.dtype), place, alignment: tree.dtype.byteCount)
      let isFirst = module.compare(.eq, count, module.index(0))
      let sum = module.select(isFirst, value, combine(tree.kind, group, value, tree.dtype, 1))
      let filled = module.binary(.and, add(count, module.index(1)), module.index(15))
      module.store(filled, countPlace, alignment: 8)
      module.store(sum, place, alignment: tree.dtype.byteCount)
      module.branch(if: module.compare(.eq, filled, module.index(0)), to: rise, else: done)

      module.position(at: rise)
      let next = add(level, module.index(1))
      module.branch(to: visit)
      module.addIncoming(module.index(0), from: entry, to: level)
      module.addIncoming(function.parameters[2], from: entry, to: value)
      module.addIncoming(next, from: rise, to: level)
      module.addIncoming(sum, from: rise, to: value)

      module.position(at: done)
      module.returnVoid()
    }
  }

  /// From the lowest level up, each unfinished group takes what came from below as its last element.
  private func resultFunction(_ tree: Tree16) -> LLVMFunction {
    let type = registerType(tree.dtype)
    return helper("tree16_result_\(tree.kind)_\(tree.dtype)", [module.pointer, module.pointer], type) { function in
      let start = [module.zero(type), module.constant(0, module.int1)]
      let (levels, counts) = (function.parameters[0], function.parameters[1])
      let last = module.loop(
        in: function, from: module.index(0), to: module.index(Tree16.levelCount), step: module.index(1), carrying: start
      ) { level, carried in
        let count = module.load(module.int64, module.offset(counts, level, of: module.int64), alignment: 8)
        let group = module.load(
          memoryType(tree.dtype), module.offset(levels, level, of: memoryType(tree.dtype)),
          alignment: tree.dtype.byteCount)
        let holds = module.compare(.ne, count, module.index(0))
        let joined = module.select(carried[1], combine(tree.kind, group, carried[0], tree.dtype, 1), group)
        return [module.select(holds, joined, carried[0]), module.binary(.or, carried[1], holds)]
      }
      module.return(last[0])
    }
  }

  /// The function `name` of this module, emitted on first use.
  func helper(_ name: String, _ parameters: [LLVMType], _ result: LLVMType?, _ body: (LLVMFunction) -> Void)
    -> LLVMFunction
  {
    if let known = helpers[name] { return known }
    let here = module.currentBlock
    let function = module.function(name, parameters: parameters, result: result, isInternal: true)
    helpers[name] = function
    compiler.addAttributes(to: function, in: module)
    module.position(at: module.block("entry", in: function))
    body(function)
    module.position(at: here)
    return function
  }
}
