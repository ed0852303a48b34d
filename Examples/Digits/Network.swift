import Kiln
import KilnData

/// The images as rows of 64 pixels: [count, 64].
func pixels(_ digits: Dataset<Tensor<Float>, Tensor<Int32>>) -> Tensor<Float> {
  digits.inputs.reshaped(to: [digits.count, 64])
}

/// Random numbers that are the same in every run (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

/// A layer: x · weight + bias.
struct Dense: TensorTree {
  var weight: Tensor<Float>
  var bias: Tensor<Float>

  /// Weights drawn so that the variance of the signal stays (He et al., 2015).
  init(_ inputs: Int, _ outputs: Int, using generator: inout some RandomNumberGenerator) {
    let deviation = (2 / Float(inputs)).squareRoot()
    weight = .randomNormal([inputs, outputs], standardDeviation: deviation, using: &generator)
    bias = .zeros([outputs])
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { matmul(x, weight) + bias }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }
}

/// 64 pixels to 10 scores.
struct Network: TensorModel {
  var hidden: Dense
  var output: Dense

  init(using generator: inout some RandomNumberGenerator) {
    hidden = Dense(64, 128, using: &generator)
    output = Dense(128, 10, using: &generator)
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { output(relu(hidden(x))) }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&output, "output")
  }
}

/// What training changes: the network, and the velocity of each parameter.
struct Training: TensorTree {
  var network: Network
  var velocity: Network

  init(using generator: inout some RandomNumberGenerator) {
    network = Network(using: &generator)
    velocity = .zeros(like: network)
  }

  /// One step of gradient descent with momentum (Polyak, 1964). Gives the mean cross entropy of the batch.
  mutating func step(_ images: Tensor<Float>, _ labels: Tensor<Int32>, rate: Float = 0.1, momentum: Float = 0.9)
    -> Tensor<Float>
  {
    let (loss, gradient) = valueAndGradient(at: network) { network in
      let chosen = (logSoftmax(network(images)) * labels.oneHot(10)).sum(axes: [1])
      return -chosen.mean()
    }
    velocity = momentum * velocity + gradient
    network = network - rate * velocity
    return loss
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&network, "network")
    visitor.visit(&velocity, "velocity")
  }
}
