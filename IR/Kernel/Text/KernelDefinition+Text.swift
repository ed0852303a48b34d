/// The text form of kernels: instructions and effects as in module text, with dtypes for types.
///
///     kernel {
///       buffer 0: f32
///       buffer 1: written f32
///       integers 2
///       outer [n0]
///       stage [n1] {
///         %0: f32 = load() {buffer = 0, at = [0, [n1, 1]]}
///         reduce(%0) {kind = sum}
///       }
///       stage [] {
///         %0: f32 = reduced() {number = 0}
///         store(%0) {buffer = 1, at = [0, [1]]}
///       }
///       schedule rows
///     }
///
/// `n0` … are launch integers; an affine index is `[offset, [strides of the outer axes, then of the inner ones]]`. A
/// matrix product has `contraction {batchAxes = 0, rowAxes = 1}` before its schedule. The schedule of an OpenCL device
/// is `openCL points {strides = false}`, with others that tuning may try after `or`.
extension Kernel: CustomStringConvertible {
  public var description: String { definition.text(["  schedule \(schedule)"]) }
}

extension KernelDefinition: CustomStringConvertible {
  public var description: String { text([]) }

  fileprivate func text(_ last: [String]) -> String {
    var lines = ["kernel {"]
    for (number, buffer) in buffers.enumerated() {
      lines.append("  buffer \(number): \(buffer.isWritten ? "written " : "")\(buffer.dtype)")
    }
    for (number, dtype) in scratchRows.enumerated() { lines.append("  scratch \(number): \(dtype)") }
    lines.append("  integers \(integerCount)")
    lines.append("  outer \(Attribute.kernelIntegers(outer))")
    for (number, stage) in stages.enumerated() {
      let reduced = reducedDTypes(beforeStage: number)
      lines.append("  stage \(Attribute.kernelIntegers(stage.inner)) {")
      for (number, instruction) in stage.body.enumerated() {
        let type = dtype(of: instruction, reduced)?.description ?? "?"
        lines.append("    %\(number): \(type) = \(instruction.phrase)")
      }
      for effect in stage.effects { lines.append("    \(effect.phrase)") }
      lines.append("  }")
    }
    if let contraction {
      lines.append("  contraction {batchAxes = \(contraction.batchAxes), rowAxes = \(contraction.rowAxes)}")
    }
    return (lines + last + ["}\n"]).joined(separator: "\n")
  }
}
