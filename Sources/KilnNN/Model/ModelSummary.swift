public import Kiln

/// What a model does with an input, layer by layer; made by `summary`.
public struct ModelSummary: Sendable, CustomStringConvertible {
  /// One call of a layer of this library.
  public struct Row: Sendable {
    /// The path in the model, such as `body.3`; empty where the layer has neither tensors nor a place in a
    /// `Sequential`.
    public let path: String
    /// The kind of layer.
    public let kind: String
    /// What it gave: f32[2,10].
    public let output: String
    /// The elements that training changes; nil where a row before it has them, because the layer is called twice.
    public let parameterCount: Int?
  }

  /// The calls, in their order.
  public let rows: [Row]
  /// The elements that training changes, also of layers that are not in a row.
  public let parameterCount: Int
  /// The real elements that training leaves alone, such as running statistics.
  public let otherCount: Int
  /// The memory of all tensors of the model.
  public let byteCount: Int
  /// The memory that the plan of the call needs for what lies between input and output, on this machine's processor.
  public let planByteCount: Int
  /// The operations on real numbers of the call: two for each product of a contraction, one for each element of any
  /// other result that is computed from real numbers, and for each element that is reduced.
  public let operationCount: Int

  public var description: String {
    let head = ["layer", "", "output", "parameters"]
    let lines = rows.map { [$0.path, $0.kind, $0.output, $0.parameterCount.map(String.init) ?? "(shared)"] }
    let widths = head.indices.map { column in ([head] + lines).map { $0[column].count }.max() ?? 0 }
    func line(_ cells: [String]) -> String {
      let padded = cells.indices.map { column in
        let blanks = String(repeating: " ", count: widths[column] - cells[column].count)
        return column == 3 ? blanks + cells[column] : cells[column] + blanks
      }
      return padded.joined(separator: "  ")
    }
    let others = otherCount == 0 ? "" : ", \(otherCount) more that are not trained"
    let sums = [
      "\(parameterCount) parameters\(others), \(byteCount) bytes",
      "one call: \(operationCount) operations, \(planByteCount) bytes beside the parameters",
    ]
    return ([line(head)] + lines.map(line) + sums).joined(separator: "\n")
  }
}

/// The layers of `model` that a call on `input` goes through, with the types of their outputs and their parameters.
///
/// ```swift
/// let network = Sequential {
///   Dense(inputs: 64, outputs: 128, key: RandomKey(seed: 1))
///   ReLU()
/// }
/// print(try summary(network, .zeros([32, 64])))
/// ```
/// Nothing is computed: the model is traced, in inference, and a plan is made. Layers of one's own have rows for the
/// layers of the library that they call.
/// - Throws: what is wrong with the shapes, as the call would.
public func summary<Model: Layer>(_ model: Model, _ input: Model.Input) throws(KilnError) -> ModelSummary
where Model.Input: TensorTree, Model.Output: TensorTree {
  let log = LayerLog()
  let program = try trace(model, input) { model, input in LayerLog.$current.withValue(log) { model(input) } }
  let parameters = model.parameters.map(\.tensor.count).reduce(0, +)
  let real = model.tensors.filter(\.tensor.dtype.isReal).map(\.tensor.count).reduce(0, +)
  let bytes = model.tensors.map { $0.tensor.count * $0.tensor.dtype.byteCount }.reduce(0, +)
  return ModelSummary(
    rows: log.rows, parameterCount: parameters, otherCount: real - parameters, byteCount: bytes,
    planByteCount: try Lowered(program.module).plan.memory.arenaBytes, operationCount: program.operationCount)
}

/// Collects the calls of layers in a trace, which is one thread's.
final class LayerLog: @unchecked Sendable {
  @TaskLocal static var current: LayerLog?

  private(set) var rows: [ModelSummary.Row] = []
  private var seen: Set<String> = []

  func note(_ layer: some Layer, _ kind: String, _ output: AnyTensor) {
    let path = LayerPlace.path(of: layer) ?? ""
    // The model is the first argument of the trace.
    let own = path == "arg0" ? "" : path.hasPrefix("arg0.") ? String(path.dropFirst(5)) : path
    let count = layer.parameters.map(\.tensor.count).reduce(0, +)
    let isNew = count == 0 || seen.insert(path).inserted
    rows.append(
      ModelSummary.Row(path: own, kind: kind, output: "\(output.type)", parameterCount: isNew ? count : nil))
  }
}

extension Layer {
  /// Notes the call for a summary, if one is being made.
  func noted<Scalar: TensorElement>(_ kind: String, _ output: Tensor<Scalar>) -> Tensor<Scalar> {
    LayerLog.current?.note(self, kind, output.untyped)
    return output
  }
}
