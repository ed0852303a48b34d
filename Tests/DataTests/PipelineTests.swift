import Kiln
import KilnData
import KilnNN
import Testing

@Suite("Pipelines")
struct PipelineTests {
  private let inputs = (0..<5).map { Tensor<Float>([Float($0), 1]) }
  private let labels = (0..<5).map { Tensor<Int32>(Int32($0)) }

  @Test("an order is its key's, and has every element once")
  func shuffled() {
    let order = (0..<100).shuffled(key: RandomKey(seed: 3))
    #expect(order.sorted() == Array(0..<100) && order != Array(0..<100))
    #expect(order == (0..<100).shuffled(key: RandomKey(seed: 3)))
    #expect(order != (0..<100).shuffled(key: RandomKey(seed: 4)))
    #expect((0..<8).shuffled(key: RandomKey(seed: 1)) == [0, 4, 7, 1, 6, 2, 5, 3])
    #expect([String]().shuffled(key: RandomKey(seed: 1)) == [])
  }

  @Test("trees and pairs of trees are stacked; the rest is kept or dropped")
  func batched() {
    let batches = Array(zip(inputs, labels).batched(2))
    #expect(batches.map { $0.0.scalars } == [[0, 1, 1, 1], [2, 1, 3, 1], [4, 1]])
    #expect(batches.map { $0.0.dimensions } == [[2, 2], [2, 2], [1, 2]])
    #expect(batches.map { $0.1.scalars } == [[0, 1], [2, 3], [4]])
    #expect(Array(inputs.batched(2, remainder: .drop)).map(\.dimensions) == [[2, 2], [2, 2]])
    let trees = Array(inputs.lazy.map { [$0, $0 * 2] }.batched(5))
    #expect(trees.count == 1 && trees[0].map(\.dimensions) == [[5, 2], [5, 2]] && trees[0][1].scalars[8] == 8)
    #expect(Array([Tensor<Float>]().batched(3)).isEmpty)
  }

  @Test("a dataset gives the batches that its examples give")
  func sameBatches() throws {
    let dataset = try Dataset(inputs: stacked(inputs), targets: stacked(labels)).shuffled(key: RandomKey(seed: 9))
    for remainder in [Remainder.keep, .drop] {
      let examples = dataset.lazy.map { $0 }
      let (gathered, stacked) = (dataset.batched(2, remainder: remainder), examples.batched(2, remainder: remainder))
      #expect(gathered.map { $0.0.scalars } == stacked.map { $0.0.scalars } && gathered.count == Array(stacked).count)
      #expect(gathered.map { $0.1.scalars } == stacked.map { $0.1.scalars })
    }
  }

  @Test("sequences of several lengths are padded to the longest of their batch")
  func padded() {
    let words = [[3, 1, 4], [1, 5], [9], [2, 6, 5, 3, 5]].map { Tensor<Int32>($0.map { Int32($0) }) }
    let batches = Array(words.paddedBatches(2, with: -1))
    #expect(batches.map { $0.values.dimensions } == [[2, 3], [2, 5]])
    #expect(batches[0].values.scalars == [3, 1, 4, 1, 5, -1] && batches[0].lengths.scalars == [3, 2])
    #expect(batches[0].mask.scalars == [true, true, true, true, true, false])
    let pairs = Array(zip(words, labels).paddedBatches(3, multiple: 4, remainder: .drop))
    #expect(pairs.count == 1 && pairs[0].0.values.dimensions == [3, 4] && pairs[0].1.scalars == [0, 1, 2])
  }

  @Test("a sequence is repeated, also without end and when it is empty")
  func repeated() {
    #expect(Array([1, 2].repeated(3)) == [1, 2, 1, 2, 1, 2])
    #expect(Array([1, 2].repeated(0)) == [] && Array([Int]().repeated()) == [])
    #expect(Array([1, 2, 3].repeated().prefix(7)) == [1, 2, 3, 1, 2, 3, 1])
    #expect(failure { try withDiagnostics { _ = [1].repeated(-1) } }.contains("not -1 [repeat.C1]"))
  }

  @Test("a pipeline is what a model is fitted to; a mistake in it is thrown at the caller's line")
  func fit() throws {
    let network = Dense(inputs: 2, outputs: 5, key: RandomKey(seed: 1))
    var training = TrainingStep(network, optimizer: Optimizer(Adam(), for: network, rate: 0.1)) {
      (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
    }
    let batches = zip(inputs, labels).batched(5).prefetched(1)
    let reports = try training.fit(batches, epochs: 20, callbacks: [])
    #expect(reports.count == 20 && reports[19].loss < reports[0].loss / 2)

    let wrong = zip(inputs + [Tensor<Float>([1])], labels + [Tensor<Int32>(0)]).batched(4)
    for message in [
      failure { try training.fit(wrong, epochs: 1, callbacks: []) },
      failure { try training.fit(wrong.prefetched(), epochs: 1, callbacks: []) },
    ] {
      #expect(message.contains("input 5 has f32[1], input 4 has f32[2]"), "\(message)")
      #expect(message.contains("[batch.C2]") && message.contains("PipelineTests.swift:"), "\(message)")
    }
  }

  @Test("batches of fewer than one example, and trees of another structure, are mistakes")
  func mistakes() {
    #expect(failure { try withDiagnostics { _ = inputs.batched(0) } }.contains("not 0 [batch.C1]"))
    let uneven = [[inputs[0]], [inputs[1], inputs[2]]]
    let message = failure { try withDiagnostics { for _ in uneven.batched(2) {} } }
    #expect(message.contains("element 1 has 2 tensors, element 0 has 1 [batch.C2]"), "\(message)")
  }
}
