import Kiln
import KilnNN
import Testing

/// The square root of what a layer gives, which is NaN as soon as that is negative.
private struct RootNetwork: PureLayer {
  var dense = Dense(inputs: 1, outputs: 1, key: RandomKey(seed: 1))

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    sqrt(dense(x))
  }
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&dense, "dense") }
}

@Suite("Stopping at NaN")
struct NaNStopTests {
  private typealias Batches = [(Tensor<Float>, Tensor<Float>)]

  private func training(rate: Double) -> TrainingStep<RootNetwork, SGD, Float, Tensor<Float>> {
    var network = RootNetwork()
    network.dense.weight = Tensor([[1]])
    return TrainingStep(network, optimizer: Optimizer(SGD(), for: network, rate: rate)) { output, target in
      squaredError(output, target)
    }
  }

  /// Batches of a single number each.
  private func batches(_ numbers: [Float]) -> Batches { numbers.map { (Tensor([[$0]]), Tensor([[1]])) } }

  @Test("the message has the step and the operation, and the state is that before the step")
  func operation() throws {
    let batches = batches([4, 1, -3, 2])
    var training = training(rate: 0)
    let message = failure { try training.fit(batches, epochs: 3, callbacks: [NaNStop()]) } ?? ""
    #expect(message.contains("step 3 of epoch 1 makes a NaN: the first comes from `sqrt`"), "\(message)")
    #expect(message.contains("NaNStopTests.swift:10") && message.contains("in f32[1,1] [training.C5]"), "\(message)")
    #expect(message.contains("operand 0 is f32[1,1] of -3.0"), "\(message)")
    #expect(training.state.optimizer.stepCount.item == 2)
    // Without the callback training goes on with it.
    var other = self.training(rate: 0)
    #expect(try other.fit(batches, epochs: 1, callbacks: [])[0].loss.isNaN)
  }

  @Test("an update that makes the parameters NaN is found before the loss is")
  func update() throws {
    // The slope of the root at 0 is infinite, and the input is 0: the gradient is infinity times 0.
    let batches = batches([4, 0, 1, 1])
    var training = training(rate: 0.1)
    let message = failure { try training.fit(batches, epochs: 1, callbacks: [NaNStop()]) } ?? ""
    #expect(message.contains("step 2 of epoch 1 makes a NaN: the first comes from `"), "\(message)")
    #expect(training.state.tensors.allSatisfy { $0.tensor.scalars(as: Float.self)?.contains(where: \.isNaN) != true })
  }

  @Test("data with a NaN are named, and not an operation")
  func data() throws {
    var training = training(rate: 0)
    let inputs = failure { try training.fit(batches([1, .nan]), epochs: 1, callbacks: [NaNStop()]) } ?? ""
    #expect(inputs.contains("step 2 of epoch 1 makes a NaN: the input of the batch has one already"), "\(inputs)")
    let target: Batches = [(Tensor([[1]]), Tensor([[.nan]]))]
    let targets = failure { try training.fit(target, epochs: 1, callbacks: [NaNStop()]) } ?? ""
    #expect(targets.contains("the target of the batch has one already"), "\(targets)")
    training.state.model.dense.bias = Tensor([.nan])
    let model = failure { try training.fit(batches([1]), epochs: 1, callbacks: [NaNStop()]) } ?? ""
    #expect(model.contains("model.dense.bias has one already (f32[1])"), "\(model)")
  }

  @Test("batches that differ each time are said to be the reason when no step is at fault")
  func random() throws {
    var training = training(rate: 0)
    var count = 0
    let message = failure {
      try training.fit(epochs: 1, callbacks: [NaNStop()]) { _ in
        count += 1
        return batches(count == 1 ? [.nan] : [1])
      }
    }
    #expect(message?.contains("gone through again it is not") == true, "\(message ?? "")")
  }

  @Test("training without a NaN has the bits that it has without the callback")
  func nothing() throws {
    let batches = batches([4, 1, 2])
    var (watched, plain) = (training(rate: 0.1), training(rate: 0.1))
    try watched.fit(batches, epochs: 3, callbacks: [NaNStop()])
    try plain.fit(batches, epochs: 3, callbacks: [])
    #expect(watched.state.tensors.map(\.tensor.bytes) == plain.state.tensors.map(\.tensor.bytes))
  }
}
