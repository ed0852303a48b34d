extension LLVMModule {
  /// Emits `for index in stride(from: start, to: end, by: step)` with values carried from turn to turn, and returns
  /// their last values. `body` gets the index and the carried values and returns the next ones.
  package func loop(
    in function: LLVMFunction, from start: LLVMValue, to end: LLVMValue, step: LLVMValue,
    carrying initial: [LLVMValue] = [],
    _ body: (_ index: LLVMValue, _ carried: [LLVMValue]) -> [LLVMValue]
  ) -> [LLVMValue] {
    let before = currentBlock
    let head = block("head", in: function)
    let turn = block("turn", in: function)
    let after = block("after", in: function)
    branch(to: head)

    position(at: head)
    let index = phi(type(of: start))
    let carried = initial.map { phi(type(of: $0)) }
    branch(if: compare(.slt, index, end), to: turn, else: after)

    position(at: turn)
    let next = body(index, carried)
    let nextIndex = binary(.add, index, step)
    let last = currentBlock
    branch(to: head)

    addIncoming(start, from: before, to: index)
    addIncoming(nextIndex, from: last, to: index)
    for (phi, (first, following)) in zip(carried, zip(initial, next)) {
      addIncoming(first, from: before, to: phi)
      addIncoming(following, from: last, to: phi)
    }
    position(at: after)
    return carried
  }
}
