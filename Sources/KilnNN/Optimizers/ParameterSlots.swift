import Kiln

/// Tensors beside the parameters of a model, by their names: `layers.0.weight.mean`.
struct ParameterSlots<Scalar: TensorReal>: TensorTree {
  private let names: [String]
  var tensors: [Tensor<Scalar>]

  init(_ entries: [(name: String, tensor: Tensor<Scalar>)]) {
    names = entries.map(\.name)
    tensors = entries.map(\.tensor)
  }

  mutating func visit<Visitor: TensorVisitor>(_ visitor: inout Visitor) {
    visitor.constant(names, "names")
    visitor.constant(tensors.count, "tensors")
    for index in names.indices {
      visitor.enter(names[index])
      if Visitor.isReadOnly {
        // Written through, the array would be copied.
        var tensor = tensors[index]
        tensor.visit(&visitor)
      } else {
        tensors[index].visit(&visitor)
      }
      visitor.leave()
    }
  }
}
