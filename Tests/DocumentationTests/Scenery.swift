/// What stands around the examples: the tensors that a doc comment speaks of without making them.
enum Scenery {
  static let declarations: [String: String] = [
    "Compile/Compile+Arities": "let (x, y) = (tensor, tensor)",
    "Control/Cond": "let x = tensor",
    "Control/Scan": "let x = tensor",
    "Control/WhileLoop": "let start = Tensor<Double>(1)",
    "Diagnostics/Failure": "let (a, b, c) = (tensor, tensor, tensor)",
    "Functions/Einsum": "let (a, b, q, k, x) = (tensor, tensor, tensor, tensor, tensor)",
    "Functions/Sorting": "let (years, months, days, names, ages) = (tensor, tensor, tensor, tensor, tensor)",
    "Functions/Subscripts": "let x = tensor",
    "Stages/Lowered": "let x = tensor",
    "Tensor/Tensor+Device": "let model = tensor",
    "Trace/Traced": "let (x, w) = (tensor, tensor)",
    "Transforms/CheckGradients": "let x = tensor",
    "Transforms/Gradient": "let (a, b) = (tensor, tensor)",
    "Transforms/GradientTape": "let x = tensor",
    "Transforms/JVP": "let (x, v) = (tensor, tensor)",
    "Transforms/Jacobian": "let (x, w) = (tensor, tensor)",
    "Transforms/VJP": "let (x, w, cotangent) = (tensor, tensor, tensor)",
    "Transforms/VMap": "let (points, origin) = (tensor, tensor)",
  ]

  /// The declarations that stand before the example.
  static func before(_ example: Example) -> String {
    guard let key = declarations.keys.first(where: { example.file == "Sources/Kiln/\($0).swift" }) else { return "" }
    return "let tensor = Tensor<Float>.ones([2, 2])\n" + declarations[key, default: ""]
  }
}
