import KilnTesting
import Testing

/// What the compiler says of layers whose types do not follow on each other.
@Suite("Surface of layers")
struct LayerSurfaceTests {
  private static let prologue = """
    import Kiln
    import KilnNN
    let key = RandomKey(seed: 1)

    """

  /// What is said of each of `lines`.
  private func findings(_ lines: [String]) throws -> [[Compiler.Finding]] {
    let found = try Compiler.findings(in: Self.prologue + lines.joined(separator: "\n") + "\n")
    let first = Self.prologue.split(separator: "\n", omittingEmptySubsequences: false).count
    return lines.indices.map { index in found.filter { $0.line == first + index } }
  }

  @Test("a sequence of layers whose types follow on each other compiles")
  func right() throws {
    let said = try findings([
      "let a = Sequential { Embedding(count: 9, width: 4, key: key); Dense(inputs: 4, outputs: 2, key: key); ReLU() }",
      "let b: Tensor<Float> = a(Tensor<Int32>([1, 2]))",
      "let c = Sequential { Dense(inputs: 4, outputs: 2, of: Double.self, key: key); Tanh(of: Double.self) }",
      "let d: Tensor<Double> = c(.ones([2, 4]))",
      "let e = Sequential { Residual { Dense(inputs: 4, outputs: 4, key: key) }; Dropout(rate: 0.5) }",
      "let f: some Layer<Tensor<Float>, Tensor<Float>> = e",
    ])
    for said in said { #expect(said.isEmpty, "\(said)") }
  }

  @Test("one whose types do not is refused at the layer that does not fit")
  func wrong() throws {
    let said = try findings([
      "let a = Sequential { Dense(inputs: 4, outputs: 2, key: key); Embedding(count: 9, width: 4, key: key) }",
      "let b = Sequential { Dense(inputs: 4, outputs: 2, key: key); Tanh(of: Double.self) }",
      "let c = Sequential { ReLU() }(Tensor<Int32>([1, 2]))",
      "let d = Residual { Embedding(count: 9, width: 4, key: key) }",
    ])
    for said in said { #expect(said.contains { $0.isError }, "\(said)") }
  }
}
