#if Macros
  import Foundation
  import Kiln
  import KilnMacros
  import KilnNN
  import Testing

  // The code of Macros.md, as it stands there.

  /// Tells two classes apart; its scores are scaled.
  @Module
  struct Classifier {
    var hidden = Dense(inputs: 2, outputs: 16, key: RandomKey(seed: 1))
    var dropout = Dropout(rate: 0.1)
    var output = Dense(inputs: 16, outputs: 2, key: RandomKey(seed: 2))
    var scale = Tensor<Float>(2)
    var activation = ActivationFunction.tanh
    @Ignored var name = "two rings"

    mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
      scale * output(dropout(activation(hidden(x, &pass)), &pass), &pass)
    }
  }

  @TensorTree
  struct Running {
    var network: Classifier
    var momentum: [Tensor<Float>] = []
    let decay: Double
    @Ignored var note = ""
  }

  @Suite("The page of the macros")
  struct MacroPageTests {
    private func text(_ path: String) throws -> String {
      let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
      return String(
        decoding: try Data(contentsOf: root.standardizedFileURL.appendingPathComponent(path)), as: UTF8.self)
    }

    /// The lines without indentation, imports and directives.
    private func lines(_ text: some StringProtocol) -> String {
      text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.hasPrefix("import ") && !$0.hasPrefix("#sourceLocation") }.joined(separator: "\n")
    }

    private func blocks(_ language: String) throws -> [String] {
      try text("Documentation/Macros.md").components(separatedBy: "```\(language)\n").dropFirst().map {
        $0.components(separatedBy: "```")[0]
      }
    }

    @Test("its program trains a classifier")
    func program() {
      let (points, labels) = (Tensor<Float>([[0, 0.5], [1, 1], [-0.5, 0], [1, -1]]), Tensor<Int32>([0, 1, 0, 1]))
      let model = Classifier()
      var training = TrainingStep(model, optimizer: Optimizer(Adam(), for: model, rate: 0.05)) {
        (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
      }
      for _ in 0..<60 { training(points, labels) }
      print(training.model(points).argMax(axis: 1).scalars)  // [0, 1, 0, 1]
      print(training.model.parameters.map(\.name))

      #expect(training.model(points).argMax(axis: 1).scalars == [0, 1, 0, 1])
      #expect(training.report.entries.count == 1)
      let names = ["hidden.weight", "hidden.bias", "output.weight", "output.bias", "scale"]
      #expect(training.model.parameters.map(\.name) == names)
      let running = Running(network: training.model, decay: 0.5)
      #expect(running.tensors.map(\.name) == names.map { "network.\($0)" })
    }

    @Test("it shows the code that is tested, and what the macro writes for it")
    func page() throws {
      let source = lines(try text("Tests/MacroTests/MacroPageTests.swift"))
      let swift = try blocks("swift").filter { !$0.hasPrefix("// swift-tools-version") }
      #expect(swift.count == 3)
      for block in swift { #expect(source.contains(lines(block))) }
      let declarations = swift.filter { $0.contains("struct ") }.joined(separator: "\n")
        .replacing(#/import \w+\n/#, with: "")
      let expansions = try Expansion.text(of: "\n" + declarations).components(separatedBy: "\n\n")
      let shown = try blocks("text")
      #expect(shown.count == 1 && expansions.count == 2)
      #expect(lines(expansions[1]) == lines(shown[0]))
    }
  }
#endif
