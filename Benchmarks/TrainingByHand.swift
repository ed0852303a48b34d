import Kiln

/// A training step that is written without layers: parameters, a batch, and the step, which gives the loss and the
/// parameters after gradient descent with a rate of 0.1.
struct TrainingByHand: Sendable {
  let parameters: [Tensor<Float>]
  let x: Tensor<Float>
  let labels: Tensor<Int32>
  private let step: Compiled<[Tensor<Float>], [Tensor<Float>], Tensor<Float>, Tensor<Int32>>

  private init(
    _ shapes: [(shape: [Int], scale: Float)], x: Tensor<Float>, labels: Int,
    _ scores: @escaping @Sendable (_ parameters: [Tensor<Float>], _ x: Tensor<Float>) -> Tensor<Float>
  ) {
    parameters = shapes.enumerated().map { Noise.tensor($1.shape, seed: UInt32($0 + 1), scale: $1.scale) }
    (self.x, self.labels) = (x, Noise.labels(labels))
    step = compile { (parameters: [Tensor<Float>], x: Tensor<Float>, labels: Tensor<Int32>) in
      let (loss, gradients) = valueAndGradient(at: parameters) { p in crossEntropy(scores(p, x), labels) }
      return [loss] + descended(parameters, gradients, rate: 0.1)
    }
  }

  /// One step from the first parameters.
  func run() throws(KilnError) -> [Tensor<Float>] { try step.run(parameters, x, labels) }

  /// 784, 512, 512 and 10 numbers, 128 examples.
  static func perceptron() -> TrainingByHand {
    let shapes: [(shape: [Int], scale: Float)] = [
      ([784, 512], 0.125), ([512], 0.25), ([512, 512], 0.125), ([512], 0.25), ([512, 10], 0.125), ([10], 0.25),
    ]
    return TrainingByHand(shapes, x: Noise.tensor([128, 784], seed: 7, offset: 0.5), labels: 128) { p, x in
      dense(relu(dense(relu(dense(x, p[0], p[1])), p[2], p[3])), p[4], p[5])
    }
  }

  /// Two convolutions and three dense layers (LeCun and others, 1998), 64 images.
  static func leNet() -> TrainingByHand {
    let shapes: [(shape: [Int], scale: Float)] = [
      ([5, 5, 1, 6], 0.5), ([6], 0.25), ([5, 5, 6, 16], 0.25), ([16], 0.25), ([400, 120], 0.125), ([120], 0.25),
      ([120, 84], 0.25), ([84], 0.25), ([84, 10], 0.25), ([10], 0.25),
    ]
    return TrainingByHand(shapes, x: Noise.tensor([64, 28, 28, 1], seed: 11, offset: 0.5), labels: 64) { p, x in
      let first = maxPool(relu(conv2d(x, p[0], padding: .same) + p[1]), window: 2)
      let second = maxPool(relu(conv2d(first, p[2]) + p[3]), window: 2)
      let hidden = relu(dense(relu(dense(second.reshaped(to: [64, 400]), p[4], p[5])), p[6], p[7]))
      return dense(hidden, p[8], p[9])
    }
  }

  /// A recurrent layer of 128 cells with gates i, f, g, o, and a dense one on its last state. x is [time, batch, 64];
  /// the part of the gates that x decides is one product for all times.
  static func lstm() -> TrainingByHand {
    let shapes: [(shape: [Int], scale: Float)] = [
      ([64, 512], 0.5), ([128, 512], 0.25), ([512], 0.25), ([128, 10], 0.25), ([10], 0.25),
    ]
    return TrainingByHand(shapes, x: Noise.tensor([64, 32, 64], seed: 6, scale: 2), labels: 32) { p, x in
      let zero = Tensor<Float>.zeros([x.dimensions[1], 128])
      let (state, _) = scan([zero, zero], over: dense(x, p[0], p[2])) { state, fromInput in
        let z = fromInput + matmul(state[0], p[1])
        let (i, f) = (sigmoid(z[..., 0..<128]), sigmoid(z[..., 128..<256]))
        let (g, o) = (tanh(z[..., 256..<384]), sigmoid(z[..., 384..<512]))
        let c = f * state[1] + i * g
        return ([o * tanh(c), c], [Tensor<Float>]())
      }
      return dense(state[0], p[3], p[4])
    }
  }
}
