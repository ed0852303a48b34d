import KilnIR
import KilnRuntime

/// Loops and branches that bodies do not have.
extension KernelEmitter {
  /// `body`, `count` times with the test at the end of the turn, the shape of innermost loops. The count is at least 1.
  func countedLoop(
    _ count: LLVMValue, carrying initial: [LLVMValue], _ body: ([LLVMValue]) -> [LLVMValue]
  ) -> [LLVMValue] {
    let before = module.currentBlock
    let turn = module.block("count", in: function)
    let after = module.block("counted", in: function)
    module.branch(to: turn)
    module.position(at: turn)
    let left = module.phi(module.int64)
    let carried = initial.map { module.phi(module.type(of: $0)) }
    let next = body(carried)
    let fewer = difference(left, module.index(1))
    let last = module.currentBlock
    module.branch(if: module.compare(.sgt, fewer, module.index(0)), to: turn, else: after)
    module.addIncoming(count, from: before, to: left)
    module.addIncoming(fewer, from: last, to: left)
    for (phi, (first, following)) in zip(carried, zip(initial, next)) {
      module.addIncoming(first, from: before, to: phi)
      module.addIncoming(following, from: last, to: phi)
    }
    module.position(at: after)
    return next
  }

  /// `body` while the first carried value is below `limit`.
  func whileBelow(
    _ limit: LLVMValue, carrying initial: [LLVMValue], _ body: ([LLVMValue]) throws(RuntimeError) -> [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    let before = module.currentBlock
    let head = module.block("while", in: function)
    let turn = module.block("do", in: function)
    let after = module.block("done", in: function)
    module.branch(to: head)
    module.position(at: head)
    let carried = initial.map { module.phi(module.type(of: $0)) }
    module.branch(if: module.compare(.slt, carried[0], limit), to: turn, else: after)
    module.position(at: turn)
    let next = try body(carried)
    let last = module.currentBlock
    module.branch(to: head)
    for (phi, (first, following)) in zip(carried, zip(initial, next)) {
      module.addIncoming(first, from: before, to: phi)
      module.addIncoming(following, from: last, to: phi)
    }
    module.position(at: after)
    return carried
  }

  /// Emits one of two bodies, both without results.
  func either(
    _ condition: LLVMValue, _ first: () throws(RuntimeError) -> Void, else second: () throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    let yes = module.block("yes", in: function)
    let no = module.block("no", in: function)
    let after = module.block("after", in: function)
    module.branch(if: condition, to: yes, else: no)
    module.position(at: yes)
    try first()
    module.branch(to: after)
    module.position(at: no)
    try second()
    module.branch(to: after)
    module.position(at: after)
  }

  func difference(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.binary(.sub, a, b) }

  /// `pointer` moved by bytes.
  func moved(_ pointer: LLVMValue, _ bytes: LLVMValue) -> LLVMValue { module.offset(pointer, bytes, of: module.int8) }

  /// Word `number` of a table.
  func word(_ table: LLVMValue, _ number: Int) -> LLVMValue {
    module.load(module.int64, module.offset(table, module.index(number), of: module.int64), alignment: 8)
  }
}
