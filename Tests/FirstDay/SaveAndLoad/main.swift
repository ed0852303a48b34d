import Foundation
import Kiln

// Writes the tensors of a model to a folder, one .npy file each, and reads them back.

struct Model: TensorTree {
  var layers: [Tensor<Float>]
  var scale: Tensor<Float>

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&scale, "scale")
  }
}

let folder = FileManager.default.temporaryDirectory.appendingPathComponent("first-day-\(UUID().uuidString)").path
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? FileManager.default.removeItem(atPath: folder) }

let keys = RandomKey(seed: 11).split(2)
let model = Model(layers: keys.map { key in .randomNormal([4, 4], key: key) }, scale: 2)
for (name, tensor) in model.tensors {
  print("writing \(name): \(tensor.type)")
  try tensor.writeNPY(to: "\(folder)/\(name).npy")
}

var files: [String: AnyTensor] = [:]
for (name, _) in model.tensors { files[name] = try AnyTensor(contentsOfNPY: "\(folder)/\(name).npy") }
var loaded = Model(layers: [.zeros([4, 4]), .zeros([4, 4])], scale: 0)
loaded.updateTensors { name, tensor in files[name] ?? tensor }

let same = zip(model.layers + [model.scale], loaded.layers + [loaded.scale]).allSatisfy { $0.scalars == $1.scalars }
print("the same: \(same)")
