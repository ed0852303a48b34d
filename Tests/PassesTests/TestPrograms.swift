import KilnIR
import KilnPasses
import KilnTesting

/// What the tests share: programs as text, values in f64.
func module(_ text: String) throws -> Module { try Module(parsing: text, file: "test.kiln") }

/// A function `main` of one expression per line; the last line is what it returns.
func main(_ parameters: String, _ results: String, _ body: String) throws -> Module {
  try module("func @main(\(parameters)) -> (\(results)) {\n\(body)\n}\n")
}

func tensor(_ numbers: [Double], _ sizes: [Int]) throws -> TensorValue {
  try TensorValue(numbers, shape: Shape(sizes))
}

extension Module {
  func run(_ name: String = "main", _ inputs: [TensorValue]) throws -> [TensorValue] {
    try ReferenceInterpreter.run(self, function: name, inputs: inputs)
  }

  /// The labels of the ops of a function, in order.
  func ops(_ name: String = "main") -> [String] {
    self[name]?.instructions.elements.map { RandomProgram.label(of: $0.op) } ?? []
  }
}

extension TensorValue {
  var doubles: [Double] { (try? elements(as: Double.self)) ?? [] }
}
