import Foundation
import Kiln

// Writes a model to a file, and reads it back into another one.

struct Model: TensorTree {
  var layers: [Tensor<Float>]
  var scale: Tensor<Float>

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&scale, "scale")
  }
}

let file = FileManager.default.temporaryDirectory.appendingPathComponent("first-day-\(UUID().uuidString).npz").path
defer { try? FileManager.default.removeItem(atPath: file) }

let keys = RandomKey(seed: 11).split(2)
let model = Model(layers: keys.map { key in .randomNormal([4, 4], key: key) }, scale: 2)
for (name, tensor) in model.tensors { print("\(name): \(tensor.type)") }
try model.save(to: file)

var loaded = Model.zeros(like: model)
try loaded.load(from: file)
let same = zip(model.layers + [model.scale], loaded.layers + [loaded.scale]).allSatisfy { $0.scalars == $1.scalars }
print("the same: \(same)")

var other = Model(layers: [.zeros([4, 4])], scale: 0)
do {
  try other.load(from: file)
} catch {
  print("a model of another structure: \(error.diagnostics.map(\.label))")
}
