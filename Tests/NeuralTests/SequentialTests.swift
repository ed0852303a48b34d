import Kiln
import KilnNN
import Testing

/// The mistakes of `body`, all of them.
func mistakes(_ body: () throws -> Void) -> [Diagnostic] {
  do {
    try withDiagnostics(body)
    return []
  } catch let error as KilnError {
    return error.diagnostics
  } catch {
    return []
  }
}

/// Whether `found` is one mistake with this label and text, in this file at `line`.
func expectMistake(_ found: [Diagnostic], _ label: String, _ text: String, line: Int, file: String = #filePath) {
  #expect(found.map(\.label) == [label], "\(found)")
  guard let diagnostic = found.first else { return }
  #expect(diagnostic.message.contains(text), "\(diagnostic.message)")
  guard case .position(let path, let place, _) = diagnostic.location else {
    Issue.record("no place: \(diagnostic)")
    return
  }
  #expect(path.hasSuffix("SequentialTests.swift"), "\(diagnostic)")
  #if DEBUG
    #expect(place == line, "\(diagnostic)")
  #endif
}

private func images(_ outputs: Int = 4) -> some Layer<Tensor<Float>, Tensor<Float>> {
  let keys = RandomKey(seed: 1).split(3)
  return Sequential {
    Conv2D(inputs: 1, outputs: 2, window: 3, key: keys[0])
    BatchNorm(channels: 2)
    ReLU()
    MaxPool(window: 2)
    Residual {
      Conv2D(inputs: 2, outputs: 2, window: 1, key: keys[1])
      Tanh()
    }
    Flatten()
    Dense(inputs: outputs, outputs: 3, key: keys[2])
  }
}

/// The line on which a network calls its body: the innermost that is not of the library.
private let callLine = #line + 4

private struct Network<Body: Layer>: Layer where Body.Input == Tensor<Float>, Body.Output == Tensor<Float> {
  var body: Body
  mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> { body(x, &pass) }
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&body, "body") }
}

@Suite("Sequences of layers")
struct SequentialTests {
  private let x = Tensor<Float>.randomNormal([2, 6, 5, 1], key: RandomKey(seed: 3))

  @Test("a step updates the layers of a sequence in place")
  func inPlace() throws {
    let network = images()
    var training = TrainingStep(network, optimizer: Optimizer(SGD(momentum: 0.9), for: network)) {
      (scores: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(scores, labels)
    }
    for _ in 0..<5 { try training.run(x, Tensor([0, 2])) }
    // In the first step the test has the tensors, too.
    #expect(training.report.inPlaceCount >= 4 * training.state.tensors.count, "\(training.report)")
    #expect(training.report.freshBufferCounts.values.reduce(0, +) <= training.state.tensors.count + 1)
  }

  @Test("the names of the layers are their numbers")
  func names() {
    let names = [
      "0.filter", "0.bias", "1.scale", "1.offset", "1.mean", "1.variance", "4.body.0.filter", "4.body.0.bias",
      "6.weight", "6.bias",
    ]
    #expect(images().tensors.map(\.name) == names)
    #expect(images().parameters.map(\.name) == names.filter { $0 != "1.mean" && $0 != "1.variance" })
  }

  @Test("statistics of layers inside move in training, and the rest stays")
  func training() {
    var network = images()
    let before = network.tensors.map(\.tensor.bytes)
    var pass = ForwardPass(training: RandomKey(seed: 1))
    #expect(network(x, &pass).dimensions == [2, 3])
    let changed = zip(network.tensors, before).filter { $0.tensor.bytes != $1 }.map(\.0.name)
    #expect(changed == ["1.mean", "1.variance"])
  }

  @Test("an array of layers calls them in turn")
  func arrays() {
    let layers = RandomKey(seed: 1).split(3).map { Dense(inputs: 2, outputs: 2, key: $0) }
    let x = Tensor<Float>([[1, 2], [3, 4]])
    #expect(layers(x).scalars == layers[2](layers[1](layers[0](x))).scalars)
    let inner = Sequential {
      layers
      ReLU()
    }
    #expect(inner.tensors.map(\.name).prefix(2) == ["0.0.weight", "0.0.bias"])
  }

  @Test("an input that does not fit is reported at the line of the call, with the number of the layer")
  func eager() {
    let (network, x) = (images(5), x)
    let line = #line + 1
    let found = mistakes { _ = network(x) }
    expectMistake(found, "layer.C1", "Dense `6` takes [..., 5], found f32[2,4]", line: line)
    let next = #line + 1
    let flat = mistakes { _ = network(Tensor<Float>([[1, 2]])) }
    expectMistake(flat, "layer.C1", "Conv2D `0` takes [batch, height, width, 1], found f32[1,2]", line: next)
  }

  @Test("in a traced closure it is reported with its key path")
  func traced() {
    func expect<Body: Layer>(_ network: Network<Body>, _ x: Tensor<Float>, _ text: String) {
      let step = compile { (networks: [Network<Body>], x: Tensor<Float>) in
        networks[0](x)
      }
      expectMistake(mistakes { _ = try step.run([network], x) }, "layer.C1", text, line: callLine)
    }
    expect(Network(body: images(5)), x, "Dense `arg0.0.body.6` takes [..., 5], found f32[2,4]")
    // A layer without parameters has its name from the sequence that it is in.
    let flat = Sequential {
      Dense(inputs: 4, outputs: 4, key: RandomKey(seed: 1))
      MaxPool(window: 2)
    }
    expect(
      Network(body: flat), .ones([3, 4]),
      "MaxPool `arg0.0.body.1` takes [batch, spatial axes, channels], found f32[3,4]")
  }

  @Test("the line is found through sequences in sequences")
  func nested() {
    func wrapped<Body: Layer<Tensor<Float>, Tensor<Float>>>(_ body: Body) -> some Layer<Tensor<Float>, Tensor<Float>> {
      Sequential {
        Tanh()
        Residual { body }
      }
    }
    let network = wrapped(wrapped(wrapped(wrapped(Dense(inputs: 3, outputs: 2, key: RandomKey(seed: 1))))))
    let line = #line + 1
    let found = mistakes { _ = network(Tensor<Float>([[1, 2]])) }
    expectMistake(found, "layer.C1", "Dense `1.0.1.0.1.0.1.0` takes [..., 3], found f32[1,2]", line: line)
  }

  @Test("in a loss the innermost closure names it")
  func loss() {
    var network = Network(body: images(5))
    let x = x
    let found = mistakes {
      _ = valueAndGradient(updating: &network) { network in network(x).sum() }
    }
    expectMistake(found, "layer.C1", "Dense `arg0.body.6` takes", line: callLine)
  }

  @Test("layers that cannot be made are reported where they are made")
  func makers() {
    let key = RandomKey(seed: 1)
    let rows: [(Int, String, () -> Void)] = [
      (#line, "Conv2D takes positive numbers", { _ = Conv2D(inputs: 0, outputs: 2, window: 3, key: key) }),
      (#line, "a window of [3, 3, 3]", { _ = Conv2D(inputs: 1, outputs: 2, window: [3, 3, 3], key: key) }),
      (#line, "Conv1D cannot cut 3 inputs", { _ = Conv1D(inputs: 3, outputs: 2, window: 3, groups: 2, key: key) }),
      (#line, "ConvTranspose3D takes", { _ = ConvTranspose3D(inputs: 1, outputs: -1, window: 3, key: key) }),
      (#line, "DepthwiseConv2D takes", { _ = DepthwiseConv2D(channels: 2, multiplier: 0, window: 3, key: key) }),
      (#line, "GroupNorm cannot cut 5 channels into 2", { _ = GroupNorm(groups: 2, channels: 5) }),
    ]
    for (line, text, body) in rows { expectMistake(mistakes(body), "layer.C2", text, line: line) }
  }

  @Test("every layer says what it takes")
  func inputs() {
    let key = RandomKey(seed: 1)
    let (vector, matrix, images) = (
      Tensor<Float>.ones([3]), Tensor<Float>.ones([2, 3]), Tensor<Float>.ones([1, 4, 4, 3])
    )
    var training = ForwardPass(training: key)
    var dropout = Dropout(rate: 0.5, sharedAxes: [2])
    var norm = BatchNorm(channels: 4)
    let rows: [(Int, String, () -> Void)] = [
      (#line, "Dense takes [..., 4], found f32[2,3]", { _ = Dense(inputs: 4, outputs: 1, key: key)(matrix) }),
      (#line, "[batch, time, 3]", { _ = Conv1D(inputs: 3, outputs: 1, window: 2, key: key)(images) }),
      (#line, "[batch, height, width, 2]", { _ = ConvTranspose2D(inputs: 2, outputs: 1, window: 2, key: key)(images) }),
      (#line, "[batch, height, width, 2]", { _ = DepthwiseConv2D(channels: 2, window: 2, key: key)(images) }),
      (#line, "[batch, height, width, 2]", { _ = SeparableConv2D(inputs: 2, outputs: 1, window: 2, key: key)(images) }),
      (#line, "[batch, depth, height, width, 3]", { _ = Conv3D(inputs: 3, outputs: 1, window: 2, key: key)(images) }),
      (#line, "AveragePool takes", { _ = AveragePool(window: 2)(matrix) }),
      (#line, "GlobalAveragePool takes", { _ = GlobalAveragePool()(matrix) }),
      (#line, "GlobalMaxPool takes", { _ = GlobalMaxPool()(matrix) }),
      (#line, "AdaptiveMaxPool takes", { _ = AdaptiveMaxPool(to: 1)(matrix) }),
      (#line, "AdaptiveAveragePool takes", { _ = AdaptiveAveragePool(to: 1)(matrix) }),
      (#line, "Flatten takes [batch, …], found f32[]", { _ = Flatten()(Tensor<Float>(1)) }),
      (#line, "the elements of [5, -1]", { _ = Reshape(to: [5, -1])(matrix) }),
      (#line, "the elements of [-1, -1]", { _ = Reshape(to: [-1, -1])(matrix) }),
      (#line, "the elements of [2]", { _ = Reshape(to: [2])(matrix) }),
      (#line, "LayerNorm takes [..., 2, 3], found f32[3]", { _ = LayerNorm(shape: [2, 3])(vector) }),
      (#line, "RMSNorm takes [..., 2]", { _ = RMSNorm(features: 2)(vector) }),
      (#line, "GroupNorm takes [batch, …, 4]", { _ = GroupNorm(groups: 2, channels: 4)(images) }),
      (#line, "InstanceNorm takes [batch, spatial axes, 3]", { _ = InstanceNorm(channels: 3)(matrix) }),
      (#line, "BatchNorm takes [batch, …, 4]", { _ = norm(images, &training) }),
      (#line, "Dropout takes a tensor with the axes [2]", { _ = dropout(matrix, &training) }),
      (#line, "PReLU takes [..., 2]", { _ = PReLU(channels: 2)(vector) }),
      (#line, "Embedding.scores takes [..., 2]", { _ = Embedding(count: 4, width: 2, key: key).scores(vector) }),
      (#line, "Residual takes a body that keeps", { _ = Residual(Dense(inputs: 3, outputs: 2, key: key))(matrix) }),
    ]
    for (line, text, body) in rows { expectMistake(mistakes(body), "layer.C1", text, line: line) }
  }

  @Test("reshape gives each example its shape, also of a batch of any size")
  func shapes() {
    let layer = Sequential {
      Reshape(to: [2, -1])
      Flatten()
      Reshape(to: [3, 2])
    }
    let run = compile(options: .sizes("batch, 6")) { (x: Tensor<Float>) in layer(x) }
    for batch in [2, 5] {
      let x = Tensor<Float>.range(6 * batch).reshaped(to: [batch, 6])
      let y = run(x)
      #expect(y.dimensions == [batch, 3, 2] && y.scalars == x.scalars)
    }
    #expect(run.report.entries.count == 1)
  }

  @Test("scores of an embedding are the products with its rows")
  func scores() {
    let table = Embedding(count: 4, width: 2, key: RandomKey(seed: 1))
    let x = Tensor<Float>([[1, 2]])
    let expected = (0..<4).map { (table.table[$0] * x[0]).sum().item }
    #expect(table.scores(x).isClose(to: Tensor([expected]), absoluteTolerance: 1e-6))
  }
}
