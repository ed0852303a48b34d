import Foundation
import Kiln
import KilnData
import KilnNN

let x = Tensor<Float>([[1, 2, 3], [4, 5, 6]])
print(x.shape, (x * 10 + 1).sum(axes: [1]))  // [2,3] [63.0, 153.0]

let slope = compile { (w: Tensor<Float>, x: Tensor<Float>) in
  gradient(at: w) { w in (matmul(x, w) * matmul(x, w)).sum() }
}
print(slope(Tensor<Float>([1, 0, -1]), x))  // [-20.0, -28.0, -36.0]
print(slope.report.entries.count)  // 1

let (training, heldOut) = try Dataset.digits.split(heldOut: 297, key: RandomKey(seed: 1))
print(training.inputs.shape, heldOut.targets.shape)  // [1500,8,8] [297]

let keys = RandomKey(seed: 2).split(3)
let network = Sequential {
  Reshape(to: [8, 8, 1])
  Conv2D(inputs: 1, outputs: 16, window: 3, padding: .same, filter: .heNormal, key: keys[0])
  BatchNorm(channels: 16)
  ReLU()
  MaxPool(window: 2)
  Conv2D(inputs: 16, outputs: 32, window: 3, padding: .same, filter: .heNormal, key: keys[1])
  BatchNorm(channels: 32)
  ReLU()
  MaxPool(window: 2)
  Flatten()
  Dropout(rate: 0.3)
  Dense(inputs: 128, outputs: 10, key: keys[2])
}
print(network(heldOut.inputs).shape)  // [297,10]
print(try summary(network, heldOut.inputs))

var step = TrainingStep(
  network, optimizer: Optimizer(AdamW(), for: network), schedule: .oneCycle(peak: 4e-3, steps: 300),
  metrics: [NamedMetric("accuracy", Accuracy())]
) { scores, labels in softmaxCrossEntropy(scores, labels) }

try step.fit(epochs: 20, callbacks: []) { epoch in
  training.shuffled(key: RandomKey(seed: UInt64(epoch))).batched(100)
}
print(step.report.entries.count)  // 1: every batch had the same size

let result = try step.evaluate(heldOut.batched(297))
print(result.metrics["accuracy"] ?? 0)  // 0.983: all but five

let file = FileManager.default.temporaryDirectory.appendingPathComponent("digits.safetensors").path
try step.model.saveWeights(to: file)
var loaded = network
try loaded.loadWeights(from: file)

print(loaded(heldOut.inputs).scalars == step.model(heldOut.inputs).scalars)  // true
print(loaded(heldOut.inputs)[0..<8].argMax(axis: 1), heldOut.targets[0..<8])  // both [3, 8, 7, 8, 5, 1, 5, 4]
