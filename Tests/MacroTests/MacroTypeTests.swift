#if Macros
  import KilnTesting
  import Testing

  /// What the compiler says where a macro cannot know better: of the types of properties.
  @Suite("Types of properties")
  struct MacroTypeTests {
    /// What is said of each line of a struct with `@TensorTree`.
    private func findings(_ lines: [String]) throws -> [[Compiler.Finding]] {
      let head = [
        "import Kiln", "import KilnMacros", "import KilnNN", "final class Thing: Sendable {}",
        "@TensorTree struct Model {",
      ]
      let found = try Compiler.findings(in: (head + lines + ["}"]).joined(separator: "\n") + "\n")
      #expect(found.allSatisfy { $0.line > head.count }, "\(found)")
      return lines.indices.map { index in found.filter { $0.line == head.count + 1 + index } }
    }

    @Test("trees and constants of all kinds compile")
    func right() throws {
      let said = try findings([
        "var a: Tensor<Float>, b = [Tensor<Int32>](), c: [String: Dense<Float>?] = [:]",
        "var d: RandomKey?, e = Static(3), f: any Layer<Tensor<Float>, Tensor<Float>>",
        "var g = 3, h: [String: [Double]] = [:], i: Set<Int> = []",
        "let j: Int?, k: ActivationFunction, l = Static(3)",
        "var m: any Hashable & Sendable = 2",
        "@Ignored var n: (Int) -> Int = { $0 }",
      ])
      for said in said { #expect(said.isEmpty, "\(said)") }
    }

    @Test("a property that can be neither, or cannot change, is an error on its line")
    func wrong() throws {
      let said = try findings([
        "var a: Thing",
        "let b = Thing()",
        "var c: [Character: Tensor<Float>] = [:]",
        "var good = Tensor<Float>(1)",
        "var d: [any Sendable] = []",
        "let e: Tensor<Float>",
        "let f: [Dense<Float>]",
        "var g = (1, 2)",
      ])
      let neither = "the property is neither a TensorTree nor Hashable and Sendable; @Ignored leaves it out of the tree"
      let fixed = "the tensors of a tree are replaced: the property has to be a var"
      let expected = [neither, neither, neither, nil, neither, fixed, fixed, "'g' has a tuple"]
      for (said, expected) in zip(said, expected) {
        guard let expected else {
          #expect(said.isEmpty, "\(said)")
          continue
        }
        #expect(said.count == 1 && said.allSatisfy { $0.isError && $0.message.contains(expected) }, "\(said)")
      }
    }
  }
#endif
