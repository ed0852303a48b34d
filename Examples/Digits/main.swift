import Foundation
import Kiln
import KilnData
import KilnIR

let options = Options(CommandLine.arguments.dropFirst())
let device = try options.device.map { try Device.named($0) } ?? .current

// 1. The data, and a network with random weights.
let (training, test) = try Dataset.digits.split(heldOut: 297, key: RandomKey(seed: 1))
var generator = SplitMix64(seed: 7)
var state = Training(using: &generator)
if let path = options.load { try state.network.load(from: path) }
print("\(training.count) digits to learn from, \(test.count) held out; running on \(device)")

// 2. One compiled step: the batch is gathered, then forward, loss, gradient and update, all in one plan. The images are
//    captured, the state is updated in place; on a device with memory of its own both stay there.
state = state.moved(to: device)
let (images, labels) = (pixels(training).moved(to: device), training.targets.moved(to: device))
let step = compile { (state: inout Training, batch: Tensor<Int32>) in
  state.step(images.gathered(batch), labels.gathered(batch))
}
let accuracy = compile { (network: Network, images: Tensor<Float>, labels: Tensor<Int32>) in
  (network(images).argMax(axis: 1) .== labels).converted(to: Float.self).mean()
}

// 3. Training.
let batchSize = 100
let epochs = options.epochs
let start = Date()
var order = Array(Int32(0)..<Int32(training.count))
for epoch in 1...epochs {
  order.shuffle(using: &generator)
  var loss = Tensor<Float>(0)
  for first in stride(from: 0, through: order.count - batchSize, by: batchSize) {
    loss = step(updating: &state, Tensor(Array(order[first..<first + batchSize])))
  }
  if epoch % 5 == 0 || epoch == epochs {
    let share = accuracy(state.network, pixels(test), test.targets).item
    showProgress(epoch, of: epochs, loss: loss.item, share: share, isLast: epoch == epochs)
  }
}
let seconds = Date().timeIntervalSince(start)
let share = accuracy(state.network, pixels(test), test.targets).item
print(
  "\(epochs) epochs in \(decimal(seconds)) s: \(decimal(Double(share) * 100)) % of the held-out digits are right"
)
print("the parameters' bits, the same on every device: \(String(state.bitsDigest, radix: 16))")

// 4. The network as a file, which NumPy reads: numpy.load("digits.npz")["hidden.weight"].
let path = options.save ?? FileManager.default.temporaryDirectory.appendingPathComponent("kiln-digits.npz").path
try state.network.save(to: path)
var loaded = Network(using: &generator)
try loaded.load(from: path)
let again = accuracy(loaded, pixels(test), test.targets).item
print("saved to \(path); loaded again, \(decimal(Double(again) * 100)) % are right")
if options.epochs < 40 { exit(0) }
if share < 0.96 {
  print("error: expected at least 96 %")
  exit(1)
}

// 5. What compiling brought.
let batch = Tensor(Array(order[0..<batchSize]))
let (batchImages, batchLabels) = (images.gathered(batch), labels.gathered(batch))
let eager = microseconds(calls: 30) { _ = state.step(batchImages, batchLabels) }
let compiled = microseconds(calls: 1000) { _ = step(updating: &state, batch) }
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

try largeProduct(using: &generator)
