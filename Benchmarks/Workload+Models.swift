import Kiln
import KilnIR

/// Parts of models, and whole training steps.
extension Workload {
  static let models = [
    Workload("gelu_mlp_fwd", operations: 2 * 2 * 256 * 1024 * 4096) { session, name throws(KilnError) in
      let x = Noise.tensor([256, 1024], seed: 1, scale: 2)
      let w1 = Noise.tensor([1024, 4096], seed: 2, scale: 0.125)
      let b1 = Noise.tensor([4096], seed: 3, scale: 0.25)
      let w2 = Noise.tensor([4096, 1024], seed: 4, scale: 0.0625)
      let b2 = Noise.tensor([1024], seed: 5, scale: 0.25)
      let f = compile {
        (x: Tensor<Float>, w1: Tensor<Float>, b1: Tensor<Float>, w2: Tensor<Float>, b2: Tensor<Float>) in
        dense(gelu(dense(x, w1, b1)), w2, b2)
      }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x, w1, b1, w2, b2) }
    },
    Workload("mlp_train", operations: 2 * 128 * (2 * 784 * 512 + 3 * 512 * 512 + 3 * 5120)) {
      session, name throws(KilnError) in
      let model = TrainingByHand.perceptron()
      return try session.measure(name, old: [nil] + model.parameters, outputs: { $0 }) { () throws(KilnError) in
        try model.run()
      }
    },
    // Forward x·Wx, h·Wh; backward the gradients by Wx, Wh and h.
    Workload("lstm_train", operations: 2 * 64 * 32 * 512 * (2 * 64 + 3 * 128)) { session, name throws(KilnError) in
      let model = TrainingByHand.lstm()
      return try session.measure(name, old: [nil] + model.parameters, outputs: { $0 }) { () throws(KilnError) in
        try model.run()
      }
    },
    Workload("transformer_fwd") { session, name throws(KilnError) in
      let parameters = Transformer.parameters()
      let x = Noise.tensor([8, 128, 256], seed: 13, scale: 2)
      let f = compile { (parameters: [Tensor<Float>], x: Tensor<Float>) in Transformer.block(parameters, x) }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(parameters, x) }
    },
    Workload("transformer_train") { session, name throws(KilnError) in
      let parameters = Transformer.parameters()
      let x = Noise.tensor([8, 128, 256], seed: 13, scale: 2)
      let target = Noise.tensor([8, 128, 256], seed: 14, scale: 2)
      let step = compile { (parameters: [Tensor<Float>], x: Tensor<Float>, target: Tensor<Float>) in
        let (loss, gradients) = valueAndGradient(at: parameters) { p in
          let difference = Transformer.block(p, x) - target
          return (difference * difference).sum()
        }
        return [loss] + descended(parameters, gradients, rate: 1e-5)
      }
      return try session.measure(name, old: [nil] + parameters, outputs: { $0 }) { () throws(KilnError) in
        try step.run(parameters, x, target)
      }
    },
    Workload("attention") { session, name throws(KilnError) in
      let q = Noise.tensor([4, 8, 512, 64], seed: 1, scale: 4)
      let k = Noise.tensor([4, 8, 512, 64], seed: 2, scale: 4)
      let v = Noise.tensor([4, 8, 512, 64], seed: 3, scale: 2)
      let f = compile { (q: Tensor<Float>, k: Tensor<Float>, v: Tensor<Float>) in attention(q, k, v) }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(q, k, v) }
    },
  ]
}

/// One transformer block, its norms in front of its parts.
enum Transformer {
  /// γ1 β1 Wqkv bqkv Wo bo γ2 β2 W1 b1 W2 b2.
  static func parameters() -> [Tensor<Float>] {
    let shapes: [(shape: [Int], scale: Float, offset: Float)] = [
      ([256], 1, 1), ([256], 1, 0), ([256, 768], 0.25, 0), ([768], 0.25, 0), ([256, 256], 0.25, 0), ([256], 0.25, 0),
      ([256], 1, 1), ([256], 1, 0), ([256, 1024], 0.25, 0), ([1024], 0.25, 0), ([1024, 256], 0.125, 0),
      ([256], 0.25, 0),
    ]
    return shapes.enumerated().map { index, parameter in
      Noise.tensor(parameter.shape, seed: UInt32(index + 1), scale: parameter.scale, offset: parameter.offset)
    }
  }

  /// x [batch, time, 256].
  static func block(_ p: [Tensor<Float>], _ x: Tensor<Float>) -> Tensor<Float> {
    let qkv = dense(layerNorm(x, scale: p[0], offset: p[1]), p[2], p[3])
    let heads = (0..<3).map { part in
      qkv[..., part * 256..<part * 256 + 256].reshaped(to: [x.shape[0], x.shape[1], 4, 64]).transposed(0, 2, 1, 3)
    }
    let joined = attention(heads[0], heads[1], heads[2]).transposed(0, 2, 1, 3).reshaped(to: x.shape)
    let h = x + dense(joined, p[4], p[5])
    return h + dense(gelu(dense(layerNorm(h, scale: p[6], offset: p[7]), p[8], p[9])), p[10], p[11])
  }
}

func dense(_ x: Tensor<Float>, _ weight: Tensor<Float>, _ bias: Tensor<Float>) -> Tensor<Float> {
  matmul(x, weight) + bias
}

/// The mean over the batch of -log softmax(logits)[label].
func crossEntropy(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) -> Tensor<Float> {
  -(logSoftmax(logits) * labels.oneHot(logits.dimensions[1])).sum(axes: [1]).mean()
}

func descended(_ parameters: [Tensor<Float>], _ gradients: [Tensor<Float>], rate: Float) -> [Tensor<Float>] {
  zip(parameters, gradients).map { $0 - rate * $1 }
}

/// softmax(q·kᵀ / √d, keys after the query masked) · v; the division comes after the second product (Numerics.md D5).
private func attention(_ q: Tensor<Float>, _ k: Tensor<Float>, _ v: Tensor<Float>) -> Tensor<Float> {
  let (time, depth) = (q.shape[2], Int(q.shape[3]))
  let scores = matmul(q, k.swappingAxes(2, 3)) * (1 / Float(depth).squareRoot())
  let queries = Tensor<Int32>.range(time).reshaped(to: [time, 1])
  let keys = Tensor<Int32>.range(time).reshaped(to: [1, time])
  let masked = select(keys .<= queries, scores, Tensor(-Float.infinity))
  let e = exp(masked - stopGradient(masked.max(axes: [3], keepDims: true)))
  return matmul(e, v) / e.sum(axes: [3], keepDims: true)
}
