import Kiln
import KilnNN

extension Example {
  static let mlp = Example(name: "digits-mlp", summary: "two dense layers read digits") { run in
    let keys = RandomKey(seed: 7).split()
    let network = Sequential {
      Flatten()
      Dense(inputs: 64, outputs: 256, weight: .heNormal, key: keys[0])
      ReLU()
      Dropout(rate: 0.3)
      Dense(inputs: 256, outputs: 10, key: keys[1])
    }
    return try reading(network, epochs: 60, rate: 3e-3, bar: 0.975, run)
  }

  static let cnn = Example(name: "digits-cnn", summary: "convolutions, batch norm and dropout read digits") { run in
    let keys = RandomKey(seed: 1).split(4)
    let network = Sequential {
      Reshape(to: [8, 8, 1])
      Conv2D(inputs: 1, outputs: 32, window: 3, padding: .same, hasBias: false, filter: .heNormal, key: keys[0])
      BatchNorm(channels: 32)
      ReLU()
      Conv2D(inputs: 32, outputs: 32, window: 3, padding: .same, hasBias: false, filter: .heNormal, key: keys[1])
      BatchNorm(channels: 32)
      ReLU()
      MaxPool(window: 2)
      Conv2D(inputs: 32, outputs: 64, window: 3, padding: .same, hasBias: false, filter: .heNormal, key: keys[2])
      BatchNorm(channels: 64)
      ReLU()
      MaxPool(window: 2)
      Flatten()
      Dropout(rate: 0.4)
      Dense(inputs: 256, outputs: 10, key: keys[3])
    }
    return try reading(network, epochs: 30, rate: 4e-3, bar: 0.988, run)
  }

  static let lstm = Example(name: "digits-lstm", summary: "an LSTM reads digits row by row") { run in
    let keys = RandomKey(seed: 3).split()
    let network = Sequential {
      LSTM(inputs: 8, units: 96, output: .last, key: keys[0])
      Dense(inputs: 96, outputs: 10, key: keys[1])
    }
    return try reading(network, epochs: 40, rate: 8e-3, bar: 0.975, run)
  }

  static let gru = Example(name: "digits-gru", summary: "a GRU reads digits row by row") { run in
    let keys = RandomKey(seed: 4).split()
    let network = Sequential {
      GRU(inputs: 8, units: 96, output: .last, key: keys[0])
      Dense(inputs: 96, outputs: 10, key: keys[1])
    }
    return try reading(network, epochs: 40, rate: 8e-3, bar: 0.975, run)
  }

  /// Trains a classifier of digits, and counts the held-out digits that it names rightly.
  private static func reading(
    _ network: some Layer<Tensor<Float>, Tensor<Float>>, epochs: Int, rate: Double, bar: Double, _ run: Run
  ) throws -> Outcome {
    let digits = try DigitBatches()
    var training = TrainingStep(
      network, optimizer: Optimizer(AdamW(), for: network),
      schedule: .oneCycle(peak: rate, steps: epochs * digits.count),
      metrics: [NamedMetric("accuracy", Accuracy())]
    ) { logits, labels in softmaxCrossEntropy(logits, labels, labelSmoothing: 0.1) }
    try run.fit(&training, epochs: epochs, validation: digits.heldOut.batched(297)) { digits.epoch($0) }
    let accuracy = try training.evaluate(digits.heldOut.batched(297)).metrics["accuracy"] ?? 0
    return Outcome(
      "accuracy on 297 held-out digits", accuracy, .atLeast(bar), compiled: training.report, of: training.state)
  }
}
