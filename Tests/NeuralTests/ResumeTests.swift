import Kiln
import KilnNN
import Testing

@Suite("Resuming")
struct ResumeTests {

  @Test("a training that was interrupted and resumed has the bits of one that was not")
  func resumed() throws {
    try withFolder { folder in
      let path = "\(folder)/training.safetensors"
      func train(to epochs: Int, callbacks: [any TrainingCallback]) throws -> (finished: Int, bits: [[UInt8]]) {
        let network = Sequential {
          Dense(inputs: 2, outputs: 8, key: RandomKey(seed: 1))
          Dropout<Float>(rate: 0.5)
          Dense(inputs: 8, outputs: 2, key: RandomKey(seed: 2))
        }
        var training = TrainingStep(network, optimizer: Optimizer(Adam(), for: network), key: RandomKey(seed: 3)) {
          (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
        }
        let finished = callbacks.isEmpty ? 0 : try training.resume(from: path)
        let (points, labels) = rings(32, seed: 1)
        try training.fit(epochs: epochs, finished: finished, callbacks: callbacks) { epoch in
          let order = RandomKey(seed: 4).folding(in: UInt32(epoch))
          return [(points.shuffled(key: order), labels.shuffled(key: order))]
        }
        return (finished, training.state.tensors.map(\.tensor.bytes))
      }
      let whole = try train(to: 9, callbacks: [])
      #expect(try train(to: 4, callbacks: [Checkpoint(path)]).finished == 0)
      let rest = try train(to: 9, callbacks: [Checkpoint(path)])
      #expect(rest.finished == 4 && rest.bits == whole.bits)
      #expect(try train(to: 9, callbacks: [Checkpoint(path)]).finished == 9)
    }
  }

  @Test("a file that is not a checkpoint, or one of another model, is an error, and nothing changes")
  func mistakes() throws {
    try withFolder { folder in
      let path = "\(folder)/training.safetensors"
      let network = Dense(inputs: 2, outputs: 2, key: RandomKey(seed: 1))
      var training = TrainingStep(network, optimizer: Optimizer(Adam(), for: network)) {
        (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
      }
      let before = training.state.tensors.map(\.tensor.bytes)
      #expect(try training.resume(from: path) == 0)
      try network.saveWeights(to: path)
      let weights = failure { _ = try training.resume(from: path) } ?? ""
      #expect(weights.contains("is not a checkpoint") && weights.contains("[training.C4]"), "\(weights)")
      #expect(weights.contains("ResumeTests.swift:"))
      try network.saveWeights(to: path, metadata: ["epoch": "3"])
      let other = failure { _ = try training.resume(from: path) } ?? ""
      #expect(other.contains("[weights.C1]") && other.contains("model.weight is not in the file"), "\(other)")
      #expect(training.state.tensors.map(\.tensor.bytes) == before)
    }
  }
}
