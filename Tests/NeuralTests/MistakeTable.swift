import Kiln
import KilnNN

/// A program that is wrong: the label of its message, and what the message says.
struct Mistake: Sendable {
  let line: UInt
  let label: String
  let texts: [String]
  let body: @Sendable (_ folder: String) throws -> Void

  init(
    _ label: String, _ texts: String..., line: UInt = #line, body: @escaping @Sendable (_ folder: String) throws -> Void
  ) {
    (self.line, self.label, self.texts, self.body) = (line, label, texts, body)
  }
}

private let key = RandomKey(seed: 1)
private let images = Tensor<Float>.zeros([2, 6, 6, 3])
private let words = Tensor<Float>.zeros([2, 5, 8])
private let rows = Tensor<Float>.zeros([2, 4])
private let labels = Tensor<Int32>.zeros([2])

/// The lines of the model and the training that several rows share: a message may have one of these, too.
let sharedLines: Range<UInt> = firstSharedLine..<lastSharedLine
private let firstSharedLine: UInt = #line

private struct Classifier: PureLayer {
  var hidden = Dense(inputs: 4, outputs: 8, key: RandomKey(seed: 1))
  var output = Dense(inputs: 6, outputs: 3, key: RandomKey(seed: 2))

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    output(relu(hidden(x)))
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&output, "output")
  }
}

/// A training of a layer that takes `rows` and gives three classes.
private func training(
  classes: Int = 3
) -> TrainingStep<Sequential<Tensor<Float>, Tensor<Float>, Dense<Float>, Dense<Float>>, Adam, Float, Tensor<Int32>> {
  let network = Sequential {
    Dense(inputs: 4, outputs: 5, key: key)
    Dense(inputs: 5, outputs: classes, key: key)
  }
  return TrainingStep(network, optimizer: Optimizer(Adam(), for: network)) { logits, labels in
    softmaxCrossEntropy(logits, labels)
  }
}

private let lastSharedLine: UInt = #line

/// Mistakes that people make with networks. The line of a message lies between that of its row and that of the next, or
/// is one of the model and the training that the row uses.
let mistakeTable: [Mistake] = layerMistakes + numberMistakes + trainingMistakes + fileMistakes

// MARK: - Shapes between layers

private let layerMistakes: [Mistake] = [
  Mistake("layer.C1", "Dense `arg0.1` takes [..., 7], found f32[2,5]") { _ in
    let network = Sequential {
      Dense(inputs: 4, outputs: 5, key: key)
      Dense(inputs: 7, outputs: 3, key: key)
    }
    _ = try trace(network, rows) { network, x in network(x) }
  },
  Mistake("layer.C1", "Dense `arg1.0` takes [..., 9], found f32[2,4]") { _ in
    let network = Sequential { Dense(inputs: 9, outputs: 3, key: key) }
    _ = try compile { (x: Tensor<Float>, network: Sequential<Tensor<Float>, Tensor<Float>, Dense<Float>>) in
      network(x)
    }.run(rows, network)
  },
  Mistake("layer.C1", "Conv2D `arg0.0` takes [batch, height, width, 1], found f32[2,6,6,3]") { _ in
    let network = Sequential { Conv2D(inputs: 1, outputs: 2, window: 3, key: key) }
    _ = try trace(network, images) { network, x in network(x) }
  },
  Mistake("layer.C1", "Conv2D `arg0.0` takes [batch, height, width, 3], found f32[6,6,3]") { _ in
    let network = Sequential { Conv2D(inputs: 3, outputs: 2, window: 3, key: key) }
    _ = try trace(network, images[0]) { network, x in network(x) }
  },
  Mistake("layer.C1", "Conv1D `arg0.0` takes [batch, time, 3], found f32[2,5,8]") { _ in
    let network = Sequential { Conv1D(inputs: 3, outputs: 2, window: 3, key: key) }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "`arg0.0` takes [batch, height, width, 4], found f32[2,6,6,3]") { _ in
    let network = Sequential { ConvTranspose2D(inputs: 4, outputs: 2, window: 3, key: key) }
    _ = try trace(network, images) { network, x in network(x) }
  },
  Mistake("layer.C1", "DepthwiseConv2D `arg0.0` takes [batch, height, width, 4], found f32[2,6,6,3]") { _ in
    let network = Sequential { DepthwiseConv2D(channels: 4, window: 3, key: key) }
    _ = try trace(network, images) { network, x in network(x) }
  },
  Mistake("layer.C1", "BatchNorm `arg0.1` takes [batch, …, 3], found f32[2,4,4,2]") { _ in
    let network = Sequential {
      Conv2D(inputs: 3, outputs: 2, window: 3, key: key)
      BatchNorm(channels: 3)
    }
    _ = try trace(network, images) { network, x in network(x) }
  },
  Mistake("layer.C1", "LayerNorm `arg0.0` takes [..., 6], found f32[2,5,8]") { _ in
    let network = Sequential { LayerNorm(features: 6) }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "GroupNorm `arg0.0` takes [batch, …, 4], found f32[2,6,6,3]") { _ in
    let network = Sequential { GroupNorm(groups: 2, channels: 4) }
    _ = try trace(network, images) { network, x in network(x) }
  },
  Mistake("layer.C1", "MaxPool `arg0.1` takes [batch, spatial axes, channels], found f32[2,5]") { _ in
    let network = Sequential {
      Dense(inputs: 4, outputs: 5, key: key)
      MaxPool(window: 2)
    }
    _ = try trace(network, rows) { network, x in network(x) }
  },
  Mistake("layer.C1", "Reshape `arg0.1` takes [batch, …] with the elements of [2, 3], found f32[2,5]") { _ in
    let network = Sequential {
      Dense(inputs: 4, outputs: 5, key: key)
      Reshape(to: [2, 3])
    }
    _ = try trace(network, rows) { network, x in network(x) }
  },
  Mistake("layer.C1", "LSTM `arg0.0` takes [batch, time, 3], found f32[2,5,8]") { _ in
    let network = Sequential { LSTM(inputs: 3, units: 2, key: key) }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "GRU `arg0.1` takes [batch, time, 4], found f32[2,4]") { _ in
    let network = Sequential {
      LSTM(inputs: 8, units: 4, output: .last, key: key)
      GRU(inputs: 4, units: 2, key: key)
    }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "LSTM `arg0` takes [batch, time, 8] and a mask [batch, time]", "bool[2,4]") { _ in
    let mask = Tensor<Bool>.full([2, 4], true)
    _ = try trace(LSTM(inputs: 8, units: 2, key: key), words) { network, x in network(x, mask: mask) }
  },
  Mistake("layer.C1", "MultiHeadAttention `arg0.0` takes [batch, time, 6]", "f32[2,5,8]") { _ in
    let network = Sequential { MultiHeadAttention(width: 6, heads: 2, key: key) }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "LearnedPositions `arg0.0` takes", "found f32[2,5,8]") { _ in
    let network = Sequential { LearnedPositions(count: 9, width: 6, key: key) }
    _ = try trace(network, words) { network, x in network(x) }
  },
  Mistake("layer.C1", "Residual `arg0.0` takes a body that keeps the shape, found f32[2,4] and f32[2,5]") { _ in
    let network = Sequential { Residual { Dense(inputs: 4, outputs: 5, key: key) } }
    _ = try trace(network, rows) { network, x in network(x) }
  },
  Mistake("layer.C1", "Dense `arg0.output` takes [..., 6], found f32[2,8]") { _ in
    _ = try summary(Classifier(), rows)
  },
]

// MARK: - Numbers that a layer, an optimizer or a schedule does not take

private let numberMistakes: [Mistake] = [
  Mistake("layer.C2", "3 inputs and 4 outputs into 2 groups") { _ in
    try withDiagnostics { _ = Conv2D(inputs: 3, outputs: 4, window: 3, groups: 2, key: key) }
  },
  Mistake("layer.C2", "into 3 heads") { _ in
    try withDiagnostics { _ = MultiHeadAttention(width: 8, heads: 3, key: key) }
  },
  Mistake("layer.C2", "GroupNorm cannot cut 6 channels into 4 groups") { _ in
    try withDiagnostics { _ = GroupNorm(groups: 4, channels: 6) }
  },
  Mistake("shape.C1", "-4") { _ in
    try withDiagnostics { _ = Dense(inputs: -4, outputs: 3, key: key) }
  },
  Mistake("dropout.C1", "1.5") { _ in
    var pass = ForwardPass(training: key)
    var layer = Dropout(rate: 1.5)
    try withDiagnostics { _ = layer(rows, &pass) }
  },
  Mistake("optimizer.C3", "found -0.1") { _ in
    try withDiagnostics { _ = Optimizer(SGD(), for: rows, rate: -0.1) }
  },
  Mistake("schedule.C1", "0") { _ in
    try withDiagnostics { _ = Schedule.cosine(from: 0.1, steps: 0).rate(at: Tensor(1)) as Tensor<Float> }
  },
  Mistake("optimizer.C2", "f32", "f64") { _ in
    let network = Dense(inputs: 4, outputs: 3, of: Double.self, key: key)
    try withDiagnostics { _ = Optimizer(Adam(), for: network) }
  },
]

// MARK: - Labels, data and models that do not fit

private let trainingMistakes: [Mistake] = [
  Mistake("loss.C1", "labels of their shape without it, found f32[2,3] and i32[3]") { _ in
    var training = training()
    try training.fit([(rows, Tensor<Int32>.zeros([3]))], epochs: 1, callbacks: [])
  },
  Mistake("loss.C1", "found f32[2,3] and i32[2,1]") { _ in
    var training = training()
    try training.fit([(rows, Tensor<Int32>.zeros([2, 1]))], epochs: 1, callbacks: [])
  },
  Mistake("scatter.R1", "index 7 is out of range for axis 1, which has 3 elements") { _ in
    var training = training()
    try training.fit([(rows, Tensor<Int32>([1, 7]))], epochs: 1, callbacks: [])
  },
  Mistake("loss.C1", "squaredError takes two tensors of one shape, found f32[2,1] and f32[2]") { _ in
    let network = Dense(inputs: 4, outputs: 1, key: key)
    var training = TrainingStep(network, optimizer: Optimizer(SGD(), for: network)) { output, target in
      squaredError(output, target)
    }
    try training.fit([(rows, Tensor<Float>.zeros([2]))], epochs: 1, callbacks: [])
  },
  Mistake("loss.C2", "weights f32[3] do not broadcast to the losses of the samples, f32[2]") { _ in
    try withDiagnostics { _ = softmaxCrossEntropy(rows, labels, weights: .ones([3])) }
  },
  Mistake("loss.C3", "label smoothing from 0 to below 1, found 1.5") { _ in
    try withDiagnostics { _ = softmaxCrossEntropy(rows, labels, labelSmoothing: 1.5) }
  },
  Mistake("gradient.C2", "f32[2]") { _ in
    let network = Dense(inputs: 4, outputs: 3, key: key)
    var training = TrainingStep(network, optimizer: Optimizer(SGD(), for: network)) {
      (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels, reduction: .none)
    }
    try training.fit([(rows, labels)], epochs: 1, callbacks: [])
  },
  Mistake("layer.C1", "0` takes [..., 4], found f32[2,5]") { _ in
    var training = training()
    try training.fit([(Tensor<Float>.zeros([2, 5]), labels)], epochs: 1, callbacks: [])
  },
  Mistake("layer.C1", "arg0.0` takes [..., 4], found f32[2,5]") { _ in
    _ = try training().predict(Tensor<Float>.zeros([2, 5]))
  },
  Mistake("training.C5", "step 2 of epoch 1 makes a NaN: the input of the batch has one already") { _ in
    var training = training()
    try training.fit(
      [(rows, labels), (.full([2, 4], .nan), labels)], epochs: 1, callbacks: [NaNStop()])
  },
  Mistake("optimizer.C1", "the optimizer was made for another model", "bias") { _ in
    var network = Dense(inputs: 4, outputs: 3, key: key)
    var optimizer = Optimizer(Adam(), for: network)
    network.bias = nil
    try withDiagnostics { optimizer.update(&network, by: network) }
  },
  Mistake("optimizer.C1", "weight is f32[4,5], and had the shape [4, 3]") { _ in
    var network = Dense(inputs: 4, outputs: 3, key: key)
    var optimizer = Optimizer(Adam(), for: network)
    network = Dense(inputs: 4, outputs: 5, key: key)
    try withDiagnostics { optimizer.update(&network, by: network) }
  },
  Mistake("metric.C1", "Accuracy takes", "f32[2,4] and i32[3]") { _ in
    var accuracy = Accuracy()
    try withDiagnostics { accuracy.update(rows, Tensor<Int32>.zeros([3])) }
  },
  Mistake("training.C1", "fit was given no validation data") { _ in
    var training = training()
    try training.fit([(rows, labels)], epochs: 1, callbacks: [EarlyStopping(patience: 1)])
  },
  Mistake("training.C1", "recall", "the metrics are []") { _ in
    var training = training()
    let batches = [(rows, labels)]
    try training.fit(
      batches, epochs: 1, validation: batches, callbacks: [Checkpoint("unused", bestBy: .metric("recall"))])
  },
]

// MARK: - Files of something else

private let fileMistakes: [Mistake] = [
  Mistake(
    "weights.C1", "hidden.weight is f32[4,8] in the tree, f32[4,7] in the file", "output.bias2 of the file is not"
  ) { folder in
    let path = "\(folder)/other.safetensors"
    let file: [(String, AnyTensor)] = [
      ("hidden.weight", Tensor<Float>.zeros([4, 7]).untyped), ("hidden.bias", Tensor<Float>.zeros([8]).untyped),
      ("output.weight", Tensor<Float>.zeros([6, 3]).untyped), ("output.bias", Tensor<Float>.zeros([3]).untyped),
      ("output.bias2", Tensor<Float>.zeros([3]).untyped),
    ]
    try SafetensorsFile.write(file.map { (name: $0.0, tensor: $0.1) }, to: path)
    var network = Classifier()
    try network.loadWeights(from: path)
  },
  Mistake("weights.C1", "1.weight is f32[5,3] in the tree, f32[5,4] in the file") { folder in
    let path = "\(folder)/training.safetensors"
    try training(classes: 4).state.saveWeights(to: path, metadata: ["epoch": "2"])
    var training = training()
    _ = try training.resume(from: path)
  },
  Mistake("training.C4", "is not a checkpoint") { folder in
    let path = "\(folder)/training.safetensors"
    try training().model.saveWeights(to: path)
    var training = training()
    _ = try training.resume(from: path)
  },
  Mistake("safetensors.C2", "training.safetensors") { folder in
    let path = "\(folder)/training.safetensors"
    try write(Array("not a file of weights".utf8), path)
    var training = training()
    _ = try training.resume(from: path)
  },
  Mistake("safetensors.C6", "of", "that the file has") { folder in
    let path = "\(folder)/training.safetensors"
    try training().model.saveWeights(to: path)
    try write(Array(try bytes(path).dropLast(5)), path)
    var model = training().model
    try model.loadWeights(from: path)
  },
  Mistake("weights.C1", "0.weight (fc.weight in the file)") { folder in
    let path = "\(folder)/torch.safetensors"
    try SafetensorsFile.write([(name: "fc.weight", tensor: Tensor<Float>.zeros([4, 5]).untyped)], to: path)
    var network = Sequential { Dense(inputs: 4, outputs: 5, hasBias: false, key: key) }
    // Kiln's order, called PyTorch's.
    try network.loadWeights(from: path) { _, _ in ForeignWeight("fc.weight", order: .linear) }
  },
  Mistake("safetensors.C8", "there is no tensor 'fc.weights' among 1") { folder in
    let path = "\(folder)/torch.safetensors"
    try SafetensorsFile.write([(name: "fc.weight", tensor: rows.untyped)], to: path)
    _ = try SafetensorsFile(path).tensor("fc.weights")
  },
]
