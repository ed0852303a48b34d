public import Kiln
import KilnNN

/// Training steps with the layers of KilnNN beside the same steps written by hand.
public enum LayerSteps {
  public struct Measurement: Sendable {
    public let name: String
    /// Microseconds of a step, medians of the rounds.
    public let byHand: Double
    public let withLayers: Double
    /// The median over the rounds of `withLayers` over `byHand`, each pair measured within a moment.
    public let ratio: Double
    /// How far the losses and the parameters after one step are apart, relative to the greatest of each tensor.
    public let difference: Double
  }

  /// Both steps in turn, for so many seconds each.
  public static func measure(seconds: Double) throws(KilnError) -> [Measurement] {
    let (perceptron, leNet, lstm) = (TrainingByHand.perceptron(), TrainingByHand.leNet(), TrainingByHand.lstm())
    let key = RandomKey(seed: 1)
    return [
      try measure(
        "mlp_train", perceptron, x: perceptron.x, seconds,
        Sequential {
          Dense(inputs: 784, outputs: 512, key: key)
          ReLU()
          Dense(inputs: 512, outputs: 512, key: key)
          ReLU()
          Dense(inputs: 512, outputs: 10, key: key)
        }),
      try measure(
        "lenet_train", leNet, x: leNet.x, seconds,
        Sequential {
          Conv2D(inputs: 1, outputs: 6, window: 5, padding: .same, key: key)
          ReLU()
          MaxPool(window: 2)
          Conv2D(inputs: 6, outputs: 16, window: 5, key: key)
          ReLU()
          MaxPool(window: 2)
          Flatten()
          Dense(inputs: 400, outputs: 120, key: key)
          ReLU()
          Dense(inputs: 120, outputs: 84, key: key)
          ReLU()
          Dense(inputs: 84, outputs: 10, key: key)
        }),
      // Layers take the batch first.
      try measure(
        "lstm_train", lstm, x: lstm.x.swappingAxes(0, 1), seconds,
        Sequential {
          LSTM(inputs: 64, units: 128, output: .last, key: key)
          Dense(inputs: 128, outputs: 10, key: key)
        }),
    ]
  }

  private static func measure<Network: Layer<Tensor<Float>, Tensor<Float>>>(
    _ name: String, _ byHand: TrainingByHand, x: Tensor<Float>, _ seconds: Double, _ network: Network
  ) throws(KilnError) -> Measurement {
    var (network, rest) = (network, byHand.parameters[...])
    network.updateTensors { _, old in rest.popFirst().map { AnyTensor($0) } ?? old }
    var training = TrainingStep(network, optimizer: Optimizer(SGD(), for: network, rate: 0.1)) {
      (scores: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(scores, labels)
    }
    let expected = try byHand.run()
    let loss = try training.run(x, byHand.labels)
    let found = [loss] + training.model.parameters.compactMap { Tensor<Float>($0.tensor) }
    let differences = zip(found, expected).map { Double((abs($0 - $1).max() / abs($1).max()).item) }
    let difference = found.count == expected.count ? differences.max() ?? 0 : .infinity

    // Rounds of a few calls, after some that do not count.
    let start = Stopwatch.now()
    for _ in 0..<5 { _ = try byHand.run() }
    let calls = max(1, Int(20e6 / (Double(Stopwatch.now() - start) / 5)))
    var (hand, layers): ([Double], [Double]) = ([], [])
    let end = Stopwatch.now() + UInt64(seconds * 2e9)
    var isWarm = false
    while hand.count < 5 || Stopwatch.now() < end {
      let first = Stopwatch.now()
      for _ in 0..<calls { _ = try byHand.run() }
      let second = Stopwatch.now()
      for _ in 0..<calls { try training.run(x, byHand.labels) }
      let third = Stopwatch.now()
      if isWarm {
        hand.append(Double(second - first) / Double(calls) / 1000)
        layers.append(Double(third - second) / Double(calls) / 1000)
      }
      isWarm = true
    }
    return Measurement(
      name: name, byHand: median(hand), withLayers: median(layers), ratio: median(zip(layers, hand).map { $0 / $1 }),
      difference: difference)
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
