/// What stands around the examples: what they speak of without making it. In a doc comment `tensor` is one, too.
enum Scenery {
  static let declarations: [String: String] = [
    "Documentation/Examples/digits.md": """
    import KilnData
    import KilnNN
    struct Options { var epochs = 40 }
    let (device, options) = (Device.current, Options())
    let heldOut = try Dataset.digits.batched(297)
    """,
    "Documentation/Examples/digits-convolutions.md": """
    import KilnData
    import KilnNN
    let (epochs, rate, digits) = (30, 4e-3, try Dataset.digits.batched(100))
    """,
    "Documentation/Examples/digits-rows.md": "import KilnNN",
    "Documentation/Examples/character-transformer.md": """
    import KilnNN
    let temperature: Float = 0.7
    """,
    "Documentation/Examples/variational-autoencoder.md": "import KilnNN",
    "Documentation/Examples/denoising-autoencoder.md": "import KilnNN",
    "Documentation/Examples/iris.md": """
    import KilnNN
    let (model, weightDecay) = (Dense(inputs: 4, outputs: 1, key: RandomKey(seed: 1)), 0.01)
    func loss(_ scores: Tensor<Float>, _ signs: Tensor<Float>) -> Tensor<Float> { hingeLoss(scores, signs) }
    """,
    "Documentation/Examples/principal-components.md": """
    let (turns, key) = (300, RandomKey(seed: 1))
    var (covariance, directions, explained) = (Tensor<Float>.ones([64, 64]), [Tensor<Float>](), Float(0))
    """,
    "Documentation/Trees.md": "enum Activation: Hashable { case relu }\n" + models,
    "Sources/Kiln/Compile/Overloads/Compile+One.swift": "let (x, y) = (tensor, tensor)",
    "Sources/Kiln/Compile/Overloads/Compile+Update.swift": "let x = tensor; var model = tensor",
    "Sources/Kiln/Control/Cond.swift": "let x = tensor",
    "Sources/Kiln/Control/Scan.swift": "let x = tensor",
    "Sources/Kiln/Control/WhileLoop.swift": "let start = Tensor<Double>(1)",
    "Sources/Kiln/Diagnostics/Listener.swift": "let (a, b, c) = (tensor, tensor, tensor)",
    "Sources/Kiln/Execution/TrimMemory.swift": """
    func train(_ network: inout Tensor<Float>) { network = network * 2 }
    func serve(_ network: Tensor<Float>) { print(network) }
    var network = tensor
    """,
    "Sources/Kiln/Functions/Contraction/Einsum.swift": "let (a, b, q, k, x) = (tensor, tensor, tensor, tensor, tensor)",
    "Sources/Kiln/Functions/Indexing/Sorting.swift":
      "let (years, months, days, names, ages) = (tensor, tensor, tensor, tensor, tensor)",
    "Sources/Kiln/Functions/Movement/Subscripts.swift": "let x = tensor",
    "Sources/Kiln/Stages/Lowered.swift": "let x = tensor",
    "Sources/Kiln/Stages/Module+Locations.swift": "let x = tensor",
    "Sources/Kiln/Device/Tensor+Device.swift": "let model = tensor",
    "Sources/Kiln/Trace/Traced.swift": "let (x, w) = (tensor, tensor)",
    "Sources/Kiln/Transforms/CheckGradients.swift": "let x = tensor",
    "Sources/Kiln/Transforms/Gradient.swift": "let (a, b) = (tensor, tensor)",
    "Sources/Kiln/Tape/GradientTape.swift": "let x = tensor",
    "Sources/Kiln/Transforms/GradientOfUpdate.swift": "var w = tensor",
    "Sources/Kiln/Transforms/JVP.swift": "let (x, v) = (tensor, tensor)",
    "Sources/Kiln/Transforms/Jacobian.swift": "let (x, w) = (tensor, tensor)",
    "Sources/Kiln/Transforms/VJP.swift": "let (x, w, cotangent) = (tensor, tensor, tensor)",
    "Sources/Kiln/Transforms/VMap.swift": "let (points, origin) = (tensor, tensor)",
    "Sources/Kiln/Tree/TensorModel.swift": """
    struct Dense: TensorModel {
      var weight = Tensor<Float>(1)
      mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
    }
    let gradient = Network(hidden: Dense(), output: Dense())
    var (network, velocity) = (gradient, gradient)
    let rate: Float = 0.1
    """,
    "Sources/Kiln/Tree/TensorTree+Combining.swift": models,
    "Sources/Kiln/Tree/TensorTree+Saving.swift": models,
    "Sources/Kiln/Tree/TensorTree+Tensors.swift": models,
    "Sources/KilnNN/Model/Sequential.swift": "let x = tensor",
  ]

  /// A model and what its training keeps.
  private static let models = """
    struct Network: TensorModel {
      var weight = Tensor<Float>(1)
      mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
    }
    struct Deviations: TensorModel {
      var weight = Tensor<Double>(1)
      mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
    }
    var (network, velocity, average, gradient) = (Network(), Network(), Network(), Network())
    var (mean, square, seen, variances) = (Network(), Network(), Network(), Deviations())
    let rate: Float = 0.1
    """

  /// The declarations that stand before the example.
  static func before(_ example: Example) -> String {
    guard let declarations = declarations[example.file] else { return "" }
    return example.file.hasSuffix(".swift") ? "let tensor = Tensor<Float>.ones([2, 2])\n\(declarations)" : declarations
  }
}
