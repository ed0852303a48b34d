import Kiln

/// Where in a model the layers are that run: what messages and summaries call them.
struct LayerPlace: Sendable {
  /// The place of a layer in a `Sequential` that calls it.
  struct Step: Sendable {
    let index: Int
    /// The name of the sequence itself, if it is known.
    let owner: @Sendable () -> String?
    /// Where the outermost sequence was called.
    let call: CallUnderWay
  }

  @TaskLocal static var steps: [Step] = []

  /// The name of the tree as an argument of the closure that is traced, such as `arg0.hidden`, which its tensors tell.
  static func argumentName(of tree: some TensorTree) -> String? {
    for (name, tensor) in tree.tensors {
      guard let full = tensor.argumentName else { continue }
      if name.isEmpty { return full }
      if full.hasSuffix("." + name) { return String(full.dropLast(name.count + 1)) }
    }
    return nil
  }

  /// The key path of a layer: that of its tensors, or else the way to it through sequences.
  static func path(of layer: some Layer) -> String? {
    if let name = argumentName(of: layer) { return name }
    var names: [String] = []
    for step in steps.reversed() {
      names.insert(String(step.index), at: 0)
      if let owner = step.owner() { return ([owner] + names).joined(separator: ".") }
    }
    return names.isEmpty ? nil : names.joined(separator: ".")
  }
}

extension Layer {
  /// What stands for the output when the input does not fit: `layer.C1`.
  ///
  /// - Parameters:
  ///   - name: What the kind of layer is called.
  ///   - wanted: What it takes.
  ///   - shape: The guess at the output's shape.
  func misfit<Scalar: TensorElement>(
    _ name: String, takes wanted: String, _ x: AnyTensor, _ others: AnyTensor..., shape: some ShapeConvertible
  ) -> Tensor<Scalar> {
    let found = ([x] + others).map { "\($0.type)" }.joined(separator: " and ")
    let place = LayerPlace.path(of: self).map { " `\($0)`" } ?? ""
    return Tensor(
      failed: "layer.C1", "\(name)\(place) takes \(wanted), found \(found)", shape: shape.asShape,
      operands: [x] + others, outer: LayerPlace.steps.first?.call)
  }
}
