import Kiln
import KilnIR

/// Convolutions, alone and in training steps.
extension Workload {
  static let images = [
    Workload("lenet_train") { session, name throws(KilnError) in
      let model = TrainingByHand.leNet()
      return try session.measure(name, old: [nil] + model.parameters, outputs: { $0 }) { () throws(KilnError) in
        try model.run()
      }
    },
    Workload("conv3x3", operations: 2 * 8 * 56 * 56 * 64 * 64 * 9) { session, name throws(KilnError) in
      let x = Noise.tensor([8, 56, 56, 64], seed: 1, scale: 2)
      let filter = Noise.tensor([3, 3, 64, 64], seed: 2, scale: 0.125)
      let f = compile { (x: Tensor<Float>, filter: Tensor<Float>) in conv2d(x, filter, padding: .same) }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x, filter) }
    },
    // Forward, and two products backward for each of the two convolutions.
    Workload("resnet_block_train", operations: 6 * 2 * 8 * 32 * 32 * 64 * 64 * 9) { session, name throws(KilnError) in
      let parameters = [
        Noise.tensor([8, 32, 32, 64], seed: 1, scale: 2), Noise.tensor([3, 3, 64, 64], seed: 2, scale: 0.125),
        Noise.tensor([64], seed: 3, offset: 1), Noise.tensor([64], seed: 4),
        Noise.tensor([3, 3, 64, 64], seed: 5, scale: 0.125), Noise.tensor([64], seed: 6, offset: 1),
        Noise.tensor([64], seed: 7),
      ]
      let target = Noise.tensor([8, 32, 32, 64], seed: 8, scale: 2)
      let step = compile { (parameters: [Tensor<Float>], target: Tensor<Float>) in
        let (loss, gradients) = valueAndGradient(at: parameters) { p in
          let h = relu(batchNorm(conv2d(p[0], p[1], padding: .same), p[2], p[3]))
          let difference = relu(p[0] + batchNorm(conv2d(h, p[4], padding: .same), p[5], p[6])) - target
          return 0.5 * (difference * difference).sum()
        }
        return [loss] + gradients
      }
      return try session.measure(name, outputs: { $0 }) { () throws(KilnError) in try step.run(parameters, target) }
    },
  ]
}

/// Normalised over batch, height and width by the statistics of the batch.
private func batchNorm(_ x: Tensor<Float>, _ scale: Tensor<Float>, _ offset: Tensor<Float>) -> Tensor<Float> {
  let axes = [0, 1, 2]
  let centered = x - x.mean(axes: axes, keepDims: true)
  let variance = (centered * centered).mean(axes: axes, keepDims: true)
  return centered / sqrt(variance + 1e-5) * scale + offset
}
