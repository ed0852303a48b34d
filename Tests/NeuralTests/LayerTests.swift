import Kiln
import KilnNN
import Testing

/// A network with all that changes in training: dropout draws, batch norm keeps statistics.
private struct Network: Layer {
  var hidden = Dense(inputs: 5, outputs: 7, key: RandomKey(seed: 1))
  var norm = BatchNorm(channels: 7)
  var dropout = Dropout(rate: 0.5)
  var output = Dense(inputs: 7, outputs: 3, key: RandomKey(seed: 2))

  mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    output(dropped(x, &pass), &pass)
  }

  /// What the last layer is given.
  mutating func dropped(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    dropout(norm(hidden(x, &pass), &pass), &pass)
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&norm, "norm")
    visitor.visit(&dropout, "dropout")
    visitor.visit(&output, "output")
  }
}

private struct Training: TensorTree {
  var network = Network()
  var key = RandomKey(seed: 7)

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&network, "network")
    visitor.visit(&key, "key")
  }
}

@Suite("Layers")
struct LayerTests {
  private let x = Tensor<Float>.randomNormal([4, 5], key: RandomKey(seed: 3))

  @Test("a compiled step has another mask each time, moves the statistics, and compiles once")
  func step() {
    let step = compile { (state: inout Training, x: Tensor<Float>) in
      var pass = ForwardPass(training: state.key.next())
      let (_, mask, gradient) = valueAndGradient(updating: &state.network) { network in
        let dropped = network.dropped(x, &pass)
        return (network.output(dropped).sum(), dropped .== Tensor(0))
      }
      let slopes = gradient.parameters
      var place = 0
      let isTrained = state.network.isTrained
      var next = 0
      state.network.updateTensors { _, tensor in
        defer { next += 1 }
        guard isTrained[next], let value = Tensor<Float>(tensor), let slope = Tensor<Float>(slopes[place].tensor)
        else { return tensor }
        place += 1
        return AnyTensor(value - 0.01 * slope)
      }
      return mask
    }
    var state = Training()
    let before = state
    var masks: [[Bool]] = []
    var means: [[Float]] = []
    for _ in 0..<3 {
      masks.append(step(updating: &state, x).scalars)
      means.append(state.network.norm.mean.value.scalars)
    }
    #expect(step.report.entries.count == 1)
    #expect(Set(masks).count == 3)
    #expect(Set(means).count == 3)
    #expect(masks.allSatisfy { mask in mask.contains(true) && mask.contains(false) })
    #expect(state.network.output.weight.scalars != before.network.output.weight.scalars)

    // The statistics are those of the three batches, by hand.
    var expected = before.network
    var mean = Tensor<Float>.zeros([7])
    var variance = Tensor<Float>.ones([7])
    var replay = before
    for _ in 0..<3 {
      expected = replay.network
      let y = expected.hidden(x)
      let center = y.mean(axes: [0])
      let square = (y - center) * (y - center)
      mean = 0.9 * mean + 0.1 * center
      variance = 0.9 * variance + 0.1 * square.sum(axes: [0]) / 3
      step(updating: &replay, x)
    }
    #expect(state.network.norm.mean.value.isClose(to: mean, absoluteTolerance: 1e-5))
    #expect(state.network.norm.variance.value.isClose(to: variance, absoluteTolerance: 1e-5))
    #expect(replay.tensors.map(\.tensor.bytes) == state.tensors.map(\.tensor.bytes))
  }

  @Test("inference draws nothing, uses the running statistics and changes nothing")
  func inference() {
    var network = Network()
    network.norm.mean.value = Tensor([1, 2, 3, 4, 5, 6, 7])
    let y = network.hidden(x)
    let normed = (y - network.norm.mean.value) / Float(1 + 1e-5).squareRoot()
    #expect(network(x).isClose(to: network.output(normed), absoluteTolerance: 1e-5))
    var pass = ForwardPass.inference
    let before = network.tensors.map(\.tensor.bytes)
    #expect(network(x, &pass).scalars == network(x).scalars)
    #expect(network.tensors.map(\.tensor.bytes) == before)
    #expect(!pass.isTraining && pass.nextKey() == nil)
  }

  @Test("each layer that asks gets its own key, and a pass of the same key the same ones")
  func keys() throws {
    var first = ForwardPass(training: RandomKey(seed: 5))
    var second = ForwardPass(training: RandomKey(seed: 5))
    let ones = Tensor<Float>.ones([50])
    var dropout = Dropout(rate: 0.5)
    let (a, b) = (dropout(ones, &first), dropout(ones, &first))
    #expect(a.scalars != b.scalars)
    #expect(a.scalars == dropout(ones, &second).scalars && b.scalars == dropout(ones, &second).scalars)
    #expect(Set(a.scalars) == [0, 2])
  }

  @Test("dropout with shared axes keeps or drops whole channels")
  func sharedAxes() {
    var pass = ForwardPass(training: RandomKey(seed: 5))
    var dropout = Dropout(rate: 0.5, sharedAxes: [1, 2])
    let y = dropout(.ones([2, 3, 3, 20]), &pass)
    let (low, high) = (y.min(axes: [1, 2]), y.max(axes: [1, 2]))
    #expect(low.scalars == high.scalars && Set(low.scalars) == [0, 2])
  }

  @Test("statistics are not among the parameters, and no gradient reaches them")
  func statistics() {
    let network = Network()
    let names = ["hidden.weight", "hidden.bias", "norm.scale", "norm.offset", "output.weight", "output.bias"]
    #expect(network.parameters.map(\.name) == names)
    #expect(network.tensors.map(\.name).contains("norm.mean") && network.tensors.count == 8)
    #expect(zip(network.tensors, network.isTrained).filter { !$0.1 }.map(\.0.name) == ["norm.mean", "norm.variance"])
    // In inference the value depends on them.
    let slope = gradient(at: network) { network in network(x).sum() }
    #expect(slope.norm.mean.value.scalars.allSatisfy { $0 == 0 })
    #expect(slope.norm.scale.scalars.contains { $0 != 0 })
  }

  @Test("a mark ends with the subtree that it stands in")
  func marks() {
    struct Model: TensorTree {
      var first = RunningStatistic<Float>(.zeros([2]))
      var inner = [Dense(inputs: 1, outputs: 1, key: RandomKey(seed: 1))]
      var count = Tensor<Int32>(0)
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&first, "first")
        visitor.visit(&inner, "inner")
        visitor.visit(&count, "count")
      }
    }
    #expect(Model().isTrained == [false, true, true, false])
  }

  @Test("a network of convolutions with dropout and batch norm learns, and its optimizer leaves the statistics alone")
  func learning() throws {
    struct Training<Body: Layer<Tensor<Float>, Tensor<Float>>>: TensorTree {
      var network: Body
      var optimizer: Optimizer<AdamW, Float>
      var key = RandomKey(seed: 2)

      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&network, "network")
        visitor.visit(&optimizer, "optimizer")
        visitor.visit(&key, "key")
      }
      mutating func step(_ x: Tensor<Float>, _ labels: Tensor<Int32>) -> Tensor<Float> {
        var pass = ForwardPass(training: key.next())
        let (loss, gradient) = valueAndGradient(updating: &network) { network in
          softmaxCrossEntropy(network(x, &pass), labels)
        }
        optimizer.update(&network, by: gradient)
        return loss
      }
    }
    func train<Body: Layer<Tensor<Float>, Tensor<Float>>>(_ network: Body) throws {
      // Lines that lie and lines that stand, with noise.
      let labels = Tensor<Int32>((0..<16).map { Int32($0 % 2) })
      let noise = 0.3 * Tensor<Float>.randomNormal([16, 6, 6, 1], key: RandomKey(seed: 5))
      var pixels: [Float] = []
      for image in 0..<16 {
        for pixel in 0..<36 {
          let place = image % 2 == 0 ? pixel / 6 : pixel % 6
          pixels.append(place == 1 + image / 4 ? 1 : 0)
        }
      }
      let x = noise + Tensor<Float>(pixels, shape: [16, 6, 6, 1])
      let step = compile { (state: inout Training<Body>, x: Tensor<Float>, labels: Tensor<Int32>) in
        state.step(x, labels)
      }
      let optimizer = Optimizer(AdamW(), for: network, rate: 0.03)
      var state = Training(network: network, optimizer: optimizer)
      let losses = (0..<40).map { _ in step(updating: &state, x, labels).item }
      #expect(losses[0] > 0.5 && losses.suffix(5).allSatisfy { $0 < 0.2 }, "\(losses)")
      #expect(state.network(x).argMax(axis: 1).scalars == labels.scalars)
      #expect(step.report.entries.count == 1)
      // A step without a rate moves the statistics alone.
      let before = state.network
      state.optimizer.rate = Tensor(0)
      step(updating: &state, x, labels)
      let changed = zip(state.network.tensors, before.tensors).filter { $0.tensor.bytes != $1.tensor.bytes }
      #expect(changed.map(\.0.name) == ["1.mean", "1.variance"])
      #expect(step.report.entries.count == 1)
    }
    let keys = RandomKey(seed: 1).split()
    try train(
      Sequential {
        Conv2D(inputs: 1, outputs: 4, window: 3, key: keys[0])
        BatchNorm(channels: 4)
        ReLU()
        MaxPool(window: 2)
        Flatten()
        Dropout(rate: 0.2)
        Dense(inputs: 16, outputs: 2, key: keys[1])
      })
  }
}
