import KilnIR

/// What the emitter knows of the function under construction.
struct FunctionContext {
  let function: LLVMFunction
  /// Eight zero bytes on the stack: where loads go that must not happen.
  var zeroSlot: LLVMValue
  /// Eight bytes on the stack: where stores go that must not happen.
  var dropSlot: LLVMValue
  /// The tables of the launch: integers, the first byte of each buffer, and of the workspace.
  var integers: [LLVMValue] = []
  var buffers: [LLVMValue] = []
  var workspace: LLVMValue?
  /// Where the scratch rows begin.
  var scratchRows: [LLVMValue] = []
  /// The reduced values of this outer point, by their numbers; or how to get them where they differ from point to
  /// point.
  var reducedValues: [Int: LLVMValue] = [:]
  var loadReduced: ((Int, Point) -> LLVMValue)?
}
