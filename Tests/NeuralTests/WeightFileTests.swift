import Foundation
import Kiln
import KilnNN
import Testing

private struct Affine: TensorTree {
  var weight: Tensor<Float>
  var bias: Tensor<Float>
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }
}

private struct Network: TensorTree {
  var layers = [
    Affine(weight: Tensor([[1, 2, 3], [4, 5, 6]]), bias: Tensor([7, 8, 9])),
    Affine(weight: .zeros([2, 3, 1, 4]), bias: .zeros([4])),
  ]
  var steps = Tensor<Int32>(5)
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&steps, "steps")
  }
}

private func bits(_ tree: some TensorTree) -> [[UInt8]] { tree.tensors.map(\.tensor.bytes) }

@Suite("Weights in safetensors files")
struct WeightFileTests {
  @Test("what is saved is loaded, bit by bit; a bare tensor has a name")
  func roundTrip() throws {
    try withFolder { folder in
      let path = "\(folder)/network.safetensors"
      let saved = Network()
      try saved.saveWeights(to: path, metadata: ["epoch": "3"])
      var loaded: Network = .zeros(like: saved)
      #expect(try loaded.loadWeights(from: path).isEmpty)
      #expect(bits(loaded) == bits(saved))
      #expect(try SafetensorsFile(path).metadata == ["epoch": "3"])
      #expect(
        Set(try SafetensorsFile(path).names)
          == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "steps"])
      try Tensor<Double>([1, 2]).saveWeights(to: path)
      var bare = Tensor<Double>([0, 0])
      try bare.loadWeights(from: path)
      #expect(bare.scalars == [1, 2])
    }
  }

  @Test("names and orders of PyTorch: [out, in], OIHW")
  func foreign() throws {
    try withFolder { folder in
      let path = "\(folder)/torch.safetensors"
      // [out, in, height, width] = [4, 1, 2, 3]: element (o, i, h, w) is 100 o + 10 h + w.
      let numbers = (0..<24).map { (i: Int) -> Float in Float(100 * (i / 6) + 10 * (i / 3 % 2) + i % 3) }
      let kernel = Tensor(numbers, shape: [4, 1, 2, 3])
      try SafetensorsFile.write(
        [
          ("fc.weight", AnyTensor(Tensor<Float16>([[1, 4], [2, 5], [3, 6]]))),
          ("fc.bias", AnyTensor(Tensor<Float>([7, 8, 9]))),
          ("conv.weight", AnyTensor(kernel)), ("conv.bias", AnyTensor(Tensor<Float>([0, 1, 2, 3]))),
          ("num_batches", AnyTensor(Tensor<Int32>(6))),
        ], to: path)
      var network: Network = .zeros(like: Network())
      try network.loadWeights(from: path) { name, rank in
        let foreign = name.replacing("layers.0", with: "fc").replacing("layers.1", with: "conv")
          .replacing("steps", with: "num_batches")
        return ForeignWeight(foreign, order: rank == 4 ? .convolution : rank == 2 ? .linear : .same)
      }
      #expect(network.layers[0].weight.scalars == [1, 2, 3, 4, 5, 6])
      let loaded = network.layers[1].weight
      #expect(loaded.dimensions == [2, 3, 1, 4])
      for (index, value) in loaded.scalars.enumerated() {
        #expect(value == Float(100 * (index % 4) + 10 * (index / 12) + index / 4 % 3))
      }
      #expect(network.layers[1].bias.scalars == [0, 1, 2, 3] && network.steps.item == 6)
      var turned = Tensor<Float>.zeros([2, 3, 4, 1])
      try turned.loadWeights(from: path, strict: false) { _, _ in
        ForeignWeight("conv.weight", order: .axes([2, 3, 0, 1]))
      }
      #expect(turned.scalars == loaded.scalars)
    }
  }

  @Test(
    "strict loading lists what is missing, unexpected or of another shape and changes nothing; else what fits is taken")
  func differences() throws {
    try withFolder { folder in
      let path = "\(folder)/other.safetensors"
      try SafetensorsFile.write(
        [
          ("layers.0.weight", AnyTensor(Tensor<Float>.ones([3, 2]))),
          ("layers.0.bias", AnyTensor(Tensor<Float>.ones([3]))),
          ("layers.1.weight", AnyTensor(Tensor<Double>.ones([2, 3, 1, 4]))), ("steps", AnyTensor(Tensor<Int64>(1))),
          ("extra", AnyTensor(Tensor<Float>.ones([1]))),
        ], to: path)
      var network = Network()
      let before = bits(network)
      let message = try #require(failure { try network.loadWeights(from: path) })
      #expect(message.contains("other tensors than the tree: 5 differences [weights.C1]"))
      #expect(message.contains("WeightFileTests.swift:"))
      for line in [
        "layers.0.weight is f32[2,3] in the tree, f32[3,2] in the file",
        "layers.1.weight is f32[2,3,1,4] in the tree, f64[2,3,1,4] in the file",
        "steps is i32[] in the tree, i64[] in the file", "layers.1.bias is not in the file",
        "extra of the file is not in the tree",
      ] { #expect(message.contains("note: \(line)"), "\(line) in \(message)") }
      #expect(bits(network) == before)
      let differences = try network.loadWeights(from: path, strict: false)
      #expect(differences.missing == ["layers.1.bias"] && differences.unexpected == ["extra"])
      #expect(differences.mismatched.count == 3 && !differences.isEmpty)
      #expect(network.layers[0].bias.scalars == [1, 1, 1] && network.layers[0].weight.scalars == [1, 2, 3, 4, 5, 6])
      let mapped = failure {
        try network.loadWeights(from: path) { name, _ in ForeignWeight("torch." + name, order: .linear) }
      }
      #expect(mapped?.contains("layers.0.weight (torch.layers.0.weight in the file) is not in the file") == true)
      #expect(failure { try network.loadWeights(from: "\(folder)/none") }?.contains("[safetensors.C1]") == true)
    }
  }
}
