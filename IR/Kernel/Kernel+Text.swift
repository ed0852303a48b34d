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
/// `n0` … are launch integers; an affine index is `[offset, [strides of the outer axes, then of the inner ones]]`.
extension Kernel: CustomStringConvertible {
  public var description: String {
    var lines = ["kernel {"]
    for (number, buffer) in buffers.enumerated() {
      lines.append("  buffer \(number): \(buffer.isWritten ? "written " : "")\(buffer.dtype)")
    }
    for (number, dtype) in scratchRows.enumerated() { lines.append("  scratch \(number): \(dtype)") }
    lines.append("  integers \(integerCount)")
    lines.append("  outer \(Attribute.kernelIntegers(outer))")
    var reduced: [DType] = []
    for stage in stages {
      lines.append("  stage \(Attribute.kernelIntegers(stage.inner)) {")
      var dtypes: [DType?] = []
      for (number, instruction) in stage.body.enumerated() {
        dtypes.append(dtype(of: instruction, reduced))
        let type = dtypes[number]?.description ?? "?"
        lines.append("    %\(number): \(type) = \(instruction.text)")
      }
      for effect in stage.effects {
        lines.append("    \(effect.text)")
        guard let reduction = effect.reduction, reduction.value.index < dtypes.count else { continue }
        if let dtype = dtypes[reduction.value.index] { reduced.append(reduction.operation.resultDType(dtype)) }
      }
      lines.append("  }")
    }
    lines.append("  schedule \(schedule)")
    return (lines + ["}\n"]).joined(separator: "\n")
  }

  /// Nil where the kernel is broken: the printer shows broken kernels too.
  private func dtype(of instruction: BodyInstruction, _ reduced: [DType]) -> DType? {
    switch instruction {
    case .constant(let scalar): scalar.dtype
    case .operation(_, _, let dtype), .index(_, let dtype): dtype
    case .load(let buffer, _), .gather(let buffer, _, _, _):
      buffers.indices.contains(buffer) ? buffers[buffer].dtype : nil
    case .loadScratch(let row): scratchRows.indices.contains(row) ? scratchRows[row] : nil
    case .reduced(let number): reduced.indices.contains(number) ? reduced[number] : nil
    }
  }
}

extension Attribute {
  static func kernelInteger(_ integer: KernelInteger) -> Attribute {
    switch integer {
    case .constant(let value): .integer(value)
    case .argument(let index): .word("n\(index)")
    }
  }

  static func kernelIntegers(_ integers: [KernelInteger]) -> Attribute { .list(integers.map { .kernelInteger($0) }) }

  static func affine(_ index: AffineIndex) -> Attribute {
    .list([.kernelInteger(index.offset), .kernelIntegers(index.strides)])
  }
}

/// `name(%0, %1) {attribute = value}`.
private func phrase(_ spelling: String, _ operands: [BodyID], _ attributes: KeyValuePairs<String, Attribute>) -> String
{
  let head = "\(spelling)(\(operands.map { "%\($0.index)" }.joined(separator: ", ")))"
  if attributes.isEmpty { return head }
  return head + " {" + attributes.map { "\($0.key) = \($0.value)" }.joined(separator: ", ") + "}"
}

extension BodyInstruction {
  fileprivate var text: String {
    switch self {
    case .constant(let scalar): phrase("constant", [], ["value": .number(scalar.description)])
    case .operation(let primitive, let operands, _): phrase(primitive.spelling, operands, [:])
    case .index(let index, _): phrase("index", [], ["at": .affine(index)])
    case .load(let buffer, let index): phrase("load", [], ["buffer": .integer(buffer), "at": .affine(index)])
    case .gather(let buffer, let base, let indices, let bounds):
      phrase(
        "gather", indices.map(\.value),
        [
          "buffer": .integer(buffer), "at": .affine(base), "strides": .kernelIntegers(indices.map(\.stride)),
          "extents": .kernelIntegers(indices.map(\.extent)), "bounds": .word(bounds.rawValue),
          "sites": .integers(indices.map(\.site)),
        ])
    case .loadScratch(let row): phrase("loadScratch", [], ["row": .integer(row)])
    case .reduced(let number): phrase("reduced", [], ["number": .integer(number)])
    }
  }
}

extension Effect {
  fileprivate var text: String {
    switch self {
    case .store(let buffer, let index, let value):
      phrase("store", [value], ["buffer": .integer(buffer), "at": .affine(index)])
    case .storeScratch(let row, let value): phrase("storeScratch", [value], ["row": .integer(row)])
    case .reduce(let kind, let value): phrase("reduce", [value], ["kind": .word(kind.rawValue)])
    case .argReduce(let kind, let value): phrase("argReduce", [value], ["kind": .word(kind.rawValue)])
    case .dot(let lhs, let rhs): phrase("dot", [lhs, rhs], [:])
    case .scanReduce(let kind, let value, let buffer, let index):
      phrase(
        "scanReduce", [value], ["kind": .word(kind.rawValue), "buffer": .integer(buffer), "at": .affine(index)])
    case .argSort(let key, let buffer, let index):
      phrase("argSort", [key], ["buffer": .integer(buffer), "at": .affine(index)])
    case .scatter(let buffer, let base, let indices, let combiner, let bounds, let value):
      phrase(
        "scatter", indices.map(\.value) + [value],
        [
          "buffer": .integer(buffer), "at": .affine(base), "strides": .kernelIntegers(indices.map(\.stride)),
          "extents": .kernelIntegers(indices.map(\.extent)), "combiner": .word(combiner.rawValue),
          "bounds": .word(bounds.rawValue), "sites": .integers(indices.map(\.site)),
        ])
    }
  }
}

extension Schedule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .serial: "serial"
    case .pointwise(let lanes, let unroll, let grain, let streaming):
      "pointwise {lanes = \(lanes), unroll = \(unroll), grain = \(grain), streaming = \(streaming)}"
    case .rows: "rows"
    case .turned(let axis, let lanes, let grain): "turned {axis = \(axis), lanes = \(lanes), grain = \(grain)}"
    case .splitRows: "splitRows"
    case .columns(let strip): "columns {strip = \(strip)}"
    case .contraction(let schedule): "contraction {\(schedule)}"
    }
  }
}

extension ContractionSchedule: CustomStringConvertible {
  public var description: String {
    "batchAxes = \(batchAxes), rowAxes = \(rowAxes), tileRows = \(tileRows), tileColumns = \(tileColumns), "
      + "packsRight = \(packsRight), streamsRight = \(streamsRight), packsLeft = \(packsLeft)"
  }
}
