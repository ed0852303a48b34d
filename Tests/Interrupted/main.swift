// kiln-interrupted FILE EPOCHS: trains a network and saves a checkpoint after each epoch, from where the file left off.
// A test kills it at random moments. At the end it prints a digest of the bits of its state.
import Kiln
import KilnData
import KilnNN

/// Large enough that a checkpoint takes a while to write, and random in its steps.
struct Network: Layer {
  var hidden = Dense(inputs: 64, outputs: 512, key: RandomKey(seed: 1))
  var dropout = Dropout(rate: 0.2)
  var output = Dense(inputs: 512, outputs: 10, key: RandomKey(seed: 2))

  mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    output(dropout(relu(hidden(x, &pass)), &pass), &pass)
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&dropout, "dropout")
    visitor.visit(&output, "output")
  }
}

let arguments = CommandLine.arguments
guard arguments.count == 3, let epochs = Int(arguments[2]) else { fatalError("usage: kiln-interrupted FILE EPOCHS") }
let (path, network) = (arguments[1], Network())
var training = TrainingStep(
  network, optimizer: Optimizer(Adam(), for: network, rate: 1e-3), schedule: .cosine(from: 1e-3, steps: 200),
  key: RandomKey(seed: 3)
) { (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels) }
let examples = try Dataset.digits.prefix(200)
let finished = try training.resume(from: path)
try training.fit(epochs: epochs, finished: finished, callbacks: [Checkpoint(path)]) { epoch in
  examples.shuffled(key: RandomKey(seed: 4).folding(in: UInt32(epoch))).batched(50)
    .prefetched { images, labels in (images.reshaped(to: [50, 64]), labels) }
}
// FNV-1a.
let digest = training.state.tensors.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { digest, entry in
  entry.tensor.bytes.reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}
print(finished, String(digest, radix: 16))
