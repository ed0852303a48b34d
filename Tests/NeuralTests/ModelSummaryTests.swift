import Kiln
import KilnNN
import Testing

private struct Classifier: Layer {
  var features = Sequential {
    Conv2D(inputs: 1, outputs: 2, window: 3, key: RandomKey(seed: 1))
    BatchNorm(channels: 2)
    MaxPool(window: 2)
    Flatten()
  }
  var head = Dense(inputs: 8, outputs: 8, key: RandomKey(seed: 2))

  mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    head(relu(head(features(x, &pass), &pass)), &pass)
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&features, "features")
    visitor.visit(&head, "head")
  }
}

@Suite("Summaries of models")
struct ModelSummaryTests {
  @Test("the table has the calls in their order, with paths, outputs and parameters")
  func table() throws {
    let summary = try summary(Classifier(), .zeros([3, 6, 6, 1]))
    // What the plan needs depends on the machine.
    #expect(summary.planByteCount > 0)
    #expect("\(summary)".hasSuffix(" operations, \(summary.planByteCount) bytes beside the parameters"))
    #expect(
      "\(summary)".hasPrefix(
        """
        layer                  output        parameters
        features.0  Conv2D     f32[3,4,4,2]          20
        features.1  BatchNorm  f32[3,4,4,2]           4
        features.2  MaxPool    f32[3,2,2,2]           0
        features.3  Flatten    f32[3,8]               0
        head        Dense      f32[3,8]              72
        head        Dense      f32[3,8]        (shared)
        96 parameters, 4 more that are not trained, 400 bytes
        one call: \(summary.operationCount) operations
        """), "\(summary)")
  }

  @Test("operations are two for each product, one for other elements, and every turn of a loop")
  func operations() throws {
    // [3, 8] · [8, 5]: 3 · 5 elements of 8 products; the bias is added to each.
    let dense = Dense(inputs: 8, outputs: 5, key: RandomKey(seed: 1))
    #expect(try summary(dense, .zeros([3, 8])).operationCount == 2 * 8 * 15 + 15)
    // 4 · 4 places of 2 channels, each of 9 products.
    let convolution = Conv2D(inputs: 1, outputs: 2, window: 3, key: RandomKey(seed: 1))
    #expect(try summary(convolution, .zeros([3, 6, 6, 1])).operationCount == 3 * 32 * (2 * 9 + 1))
    func recurrent(_ time: Int) throws -> Int {
      try summary(SimpleRNN(inputs: 2, units: 3, key: RandomKey(seed: 1)), .zeros([1, time, 2])).operationCount
    }
    #expect(try recurrent(10) - recurrent(9) == recurrent(9) - recurrent(8) && recurrent(9) > 9 * 2 * 3 * (2 + 3))
  }

  @Test("blocks show the layers inside, and a model that is one layer has no path")
  func blocks() throws {
    let block = TransformerEncoderBlock(width: 4, heads: 2, rotary: Rotary(), key: RandomKey(seed: 1))
    let rows = try summary(block, .zeros([1, 3, 4])).rows
    #expect(rows.map(\.path).contains("attention.query") && rows.map(\.kind).contains("RotaryPositions"))
    #expect(rows.compactMap(\.parameterCount).reduce(0, +) == block.parameters.map(\.tensor.count).reduce(0, +))
    let one = try summary(LSTM(inputs: 2, units: 3, output: .last, key: RandomKey(seed: 1)), .zeros([1, 5, 2])).rows
    #expect(one.map(\.path) == [""] && one.map(\.kind) == ["LSTM"] && one.map(\.output) == ["f32[1,3]"])
    let words = try summary(
      Sequential { Embedding(count: 5, width: 2, key: RandomKey(seed: 1)) }, Tensor<Int32>([[1, 2]]))
    #expect(words.rows.map(\.output) == ["f32[1,2,2]"] && words.parameterCount == 10)
  }

  @Test("a shape that does not fit is thrown")
  func mistake() throws {
    let error = try #require(throws: KilnError.self) { try summary(Classifier(), .zeros([3, 9, 9, 1])) }
    #expect("\(error)".contains("Dense `arg0.head` takes [..., 8], found f32[3,18]"), "\(error)")
  }
}
