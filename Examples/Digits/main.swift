import Foundation
import Kiln
import KilnData
import KilnIR
import KilnNN

let options = Options(CommandLine.arguments.dropFirst())
let device = try options.device.map { try Device.named($0) } ?? .current

// 1. The data, and a network with random weights.
let (training, test) = try Dataset.digits.split(heldOut: 297, key: RandomKey(seed: 1))
let keys = RandomKey(seed: 2).split(3)
var network = Sequential {
  Flatten()
  Dense(inputs: 64, outputs: 256, weight: .heNormal, key: keys[0])
  ReLU()
  Dropout(rate: 0.3)
  Dense(inputs: 256, outputs: 10, key: keys[1])
}
if let path = options.load { try network.load(from: path) }
print("\(training.count) digits to learn from, \(test.count) held out; running on \(device)")
print(try summary(network, training.inputs))

// 2. A training step: forward pass, loss, gradient and update are one plan, which updates its state in place; on a
//    device with memory of its own the state stays there.
var step = TrainingStep(
  network, optimizer: Optimizer(SGD(momentum: 0.9), for: network, rate: 0.1),
  metrics: [NamedMetric("accuracy", Accuracy())], options: CompileOptions(device: device)
) { scores, labels in softmaxCrossEntropy(scores, labels) }

// 3. Training, in another order of the digits in each epoch.
let heldOut = test.batched(297)
let start = Date()
try step.fit(epochs: options.epochs, validation: heldOut, callbacks: [ProgressLine(every: 5)]) { epoch in
  training.shuffled(key: keys[2].folding(in: UInt32(epoch))).batched(100)
}
let share = try accuracy(step)
print(
  "\(options.epochs) epochs in \(decimal(Date().timeIntervalSince(start))) s: \(decimal(share * 100)) % of the "
    + "held-out digits are right")
print("the parameters' bits, the same on every device: \(String(step.model.bitsDigest, radix: 16))")

// 4. The network as a file, which NumPy reads: numpy.load("digits.npz")["1.weight"].
let path = options.save ?? FileManager.default.temporaryDirectory.appendingPathComponent("kiln-digits.npz").path
try step.model.save(to: path)
var loaded = step
try loaded.state.model.load(from: path)
print("saved to \(path); loaded again, \(decimal(try accuracy(loaded) * 100)) % are right")
if options.epochs < 40 { exit(0) }
if share < 0.975 {
  print("error: expected at least 97.5 %")
  exit(1)
}

// 5. What compiling brought.
let (images, labels) = training.batched(100)[0]
var state = step.state
let eager = microseconds(calls: 30) {
  _ = state.step(images, labels) { scores, labels in softmaxCrossEntropy(scores, labels) }
}
let compiled = microseconds(calls: 1000) { step(images, labels) }
print(
  "one step: eager \(decimal(eager)) µs, compiled \(decimal(compiled)) µs, \(decimal(eager / compiled)) times faster")
print(step.report)

// 6. How the plan uses memory, and every stage as a file.
if let module = step.report.entries.first?.module {
  let lowered = try Lowered(module)
  let memory = lowered.plan.memory
  print(
    "the plan: \(lowered.plan.launches.count) launches of \(lowered.plan.kernels.count) kernels; "
      + "arena \(memory.arenaBytes) bytes, lower bound \(memory.lowerBound), without reuse \(memory.totalBytes)")
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-digits").path
  try lowered.write(to: folder)
  print("its stages lie in \(folder)")
}

// 7. Two small programs: the gradient of a²x + bx + c, and a large product.
let slope = gradient(at: Tensor<Float>(2), Tensor<Float>(3), Tensor<Float>(4)) { a, b, c in
  let x: Tensor<Float> = 1
  return a * a * x + b * x + c
}
print("gradient of a²x + bx + c at x=1, a=2, b=3, c=4:")
print(slope.0, slope.1, slope.2)

try largeProduct()

/// The share of the held-out digits that are named rightly.
func accuracy<Model, Rule>(_ step: TrainingStep<Model, Rule, Float, Tensor<Int32>>) throws -> Double
where Model.Input == Tensor<Float> {
  try step.evaluate(heldOut).metrics["accuracy"] ?? 0
}
