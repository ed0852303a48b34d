import Kiln
import KilnIR

/// Small calls, products, elementwise chains and row programs.
extension Workload {
  static let overheads = [
    Workload("call_overhead") { session, name throws(KilnError) in
      let x = Noise.tensor([4], seed: 1)
      let f = compile { (x: Tensor<Float>) in x + 1 }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x) }
    },
    Workload("seed_grad") { session, name throws(KilnError) in
      let (a, b, c, x) = (Tensor<Float>(2), Tensor<Float>(3), Tensor<Float>(4), Tensor<Float>(1))
      let f = compile { (a: Tensor<Float>, b: Tensor<Float>, c: Tensor<Float>, x: Tensor<Float>) in
        gradient(at: a, b, c) { a, b, c in a * a * x + b * x + c }
      }
      return try session.measure(name, outputs: { [$0.0, $0.1, $0.2] }) { () throws(KilnError) in try f.run(a, b, c, x)
      }
    },
  ]

  static let products = [
    product("seed_matmul", [10000, 1000], [1000, 2000], terms: 10000 * 1000 * 2000),
    product("small_matmul", [64, 64], [64, 64], terms: 64 * 64 * 64),
    product("batched_matmul", [64, 128, 128], [64, 128, 128], terms: 64 * 128 * 128 * 128),
  ]

  static let pointwise = [
    chain("chain_ew", 1 << 24),
    chain("chain_ew_small", 4096),
  ]

  static let rows = [
    unary("softmax", [4096, 1024], scale: 8, bytes: 8 << 22) { softmax($0) },
    Workload("layernorm", bytes: 8 << 22) { session, name throws(KilnError) in
      let x = Noise.tensor([4096, 1024], seed: 1, scale: 4, offset: 0.5)
      let scale = Noise.tensor([1024], seed: 2, offset: 1)
      let offset = Noise.tensor([1024], seed: 3)
      let f = compile { (x: Tensor<Float>, scale: Tensor<Float>, offset: Tensor<Float>) in
        layerNorm(x, scale: scale, offset: offset)
      }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x, scale, offset) }
    },
    unary("reduce_sum", [1 << 24], offset: 0.5, bytes: 4 << 24) { $0.sum() },
    unary("reduce_axis0", [4096, 4096], offset: 0.5, bytes: 4 << 24) { $0.sum(axes: [0]) },
    unary("transpose", [4096, 4096], bytes: 8 << 24) { $0.transposed() },
  ]

  private static func unary(
    _ workload: String, _ shape: [Int], scale: Float = 1, offset: Float = 0, bytes: Int,
    _ body: @escaping @Sendable (Tensor<Float>) -> Tensor<Float>
  ) -> Workload {
    Workload(workload, bytes: bytes) { session, name throws(KilnError) in
      let x = Noise.tensor(shape, seed: 1, scale: scale, offset: offset)
      let f = compile { (x: Tensor<Float>) in body(x) }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x) }
    }
  }

  private static func product(_ workload: String, _ left: [Int], _ right: [Int], terms: Int) -> Workload {
    Workload(workload, operations: 2 * terms) { session, name throws(KilnError) in
      let a = Noise.tensor(left, seed: 1)
      let b = Noise.tensor(right, seed: 2)
      let f = compile { (a: Tensor<Float>, b: Tensor<Float>) in matmul(a, b) }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(a, b) }
    }
  }

  private static func chain(_ workload: String, _ count: Int) -> Workload {
    Workload(workload, bytes: 8 * count) { session, name throws(KilnError) in
      let x = Noise.tensor([count], seed: 1, scale: 4)
      let (a, b) = (Tensor<Float>(1.25), Tensor<Float>(0.25))
      let f = compile { (x: Tensor<Float>, a: Tensor<Float>, b: Tensor<Float>) in
        tanh(x * a + b) * sigmoid(x) - 0.5 * x * x
      }
      return try session.measure(name, outputs: { [$0] }) { () throws(KilnError) in try f.run(x, a, b) }
    }
  }
}
