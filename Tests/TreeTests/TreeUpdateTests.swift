import Kiln
import KilnIR
import Testing

struct Dense: TensorTree, Equatable {
  var weight: Tensor<Float>
  var bias: Tensor<Float>

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }

  static func == (a: Dense, b: Dense) -> Bool { a.tensors.map(\.tensor.bytes) == b.tensors.map(\.tensor.bytes) }
}

struct Network: TensorModel {
  var layers: [Dense]
  var steps = Tensor<Int32>(0)

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&steps, "steps")
  }

  init(_ scale: Float = 1, layers count: Int = 2) {
    layers = (0..<count).map { index in
      let start = scale * Float(index + 1)
      return Dense(
        weight: .range(from: start, by: 0.25, count: 6).reshaped(to: [2, 3]), bias: Tensor([start, -start, 0.5]))
    }
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    layers.reduce(x) { x, layer in tanh(matmul(x, layer.weight) + layer.bias).sliced() }
  }
}

extension Tensor where Scalar == Float {
  fileprivate func sliced() -> Tensor { self[0..., 0..<2] }
}

private func loss(_ network: Network) -> Tensor<Float> { network(Tensor([[1, 2], [3, 4]])).sum() }

private func bits(_ tree: some TensorTree) -> [[UInt8]] { tree.tensors.map { $0.tensor.bytes } }

/// Optimizers as one writes them, without a cast.
private struct Momentum: TensorTree {
  var network = Network()
  var velocity = Network.zeros(like: Network())

  mutating func step(rate: Float = 0.1) {
    let gradient = gradient(at: network, of: loss)
    velocity = 0.9 * velocity + gradient
    network -= rate * velocity
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&network, "network")
    visitor.visit(&velocity, "velocity")
  }
}

private struct Adam: TensorTree {
  var network = Network()
  var mean = Network.zeros(like: Network())
  var square = Network.zeros(like: Network())
  var average = Network()

  mutating func step(rate: Tensor<Float>) {
    var gradient = gradient(at: network, of: loss)
    // Clipped by the global norm.
    let norm = sqrt(gradient.tensors(of: Float.self).map { ($0.tensor * $0.tensor).sum() }.reduce(0, +))
    gradient = minimum(1, 1 / norm) * gradient
    // Weight decay, of weights only.
    gradient += network.mappedWithNames { name, p in name.hasSuffix("weight") ? 0.01 * p : .zeros(like: p) }
    update(&network, &mean, &square, with: gradient) { p, m, v, g in
      m = 0.9 * m + 0.1 * g
      v = 0.999 * v + 0.001 * g * g
      p -= rate * m / (sqrt(v) + 1e-8)
    }
    average = 0.99 * average + 0.01 * network
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&network, "network")
    visitor.visit(&mean, "mean")
    visitor.visit(&square, "square")
    visitor.visit(&average, "average")
  }
}

@Suite("Updates of trees")
struct TreeUpdateTests {
  private func expectClose(_ a: Network, _ b: Network, _ tolerance: Float = 1e-6) {
    for (x, y) in zip(a.tensors(of: Float.self), b.tensors(of: Float.self)) {
      #expect(x.tensor.isClose(to: y.tensor, absoluteTolerance: tolerance), "\(x.name)")
    }
  }

  @Test("momentum: eager, compiled and by hand are equal")
  func momentum() {
    var eager = Momentum()
    eager.step()
    eager.step()
    var state = Momentum()
    let step = compile { (state: inout Momentum) in state.step() }
    step(updating: &state)
    step(updating: &state)
    expectClose(state.network, eager.network)

    var network = Network()
    var velocities = network.tensors(of: Float.self).map { Tensor<Float>.zeros($0.tensor.shape) }
    for _ in 0..<2 {
      let slopes = gradient(at: network, of: loss).tensors(of: Float.self).map(\.tensor)
      for index in velocities.indices { velocities[index] = 0.9 * velocities[index] + slopes[index] }
      var next = velocities.makeIterator()
      network = network.mapped { p in p - 0.1 * (next.next() ?? 0) }
    }
    #expect(bits(eager.network) == bits(network))
    #expect(step.report.entries.count == 1 && step.report.inPlaceCount > 0)
  }

  @Test("Adam with clipping, decay by name and an average is one program without casts")
  func adam() {
    var eager = Adam()
    var state = Adam()
    let step = compile { (state: inout Adam, rate: Tensor<Float>) in state.step(rate: rate) }
    for _ in 0..<3 {
      eager.step(rate: 0.01)
      step(updating: &state, 0.01)
    }
    expectClose(state.network, eager.network, 1e-5)
    expectClose(state.average, eager.average, 1e-5)
    #expect(step.report.entries.count == 1)

    // The first step by hand: m / sqrt(v) is 0.1 g / sqrt(0.001) |g|.
    var one = Adam()
    one.step(rate: 0.01)
    let g = one.mean.layers[0].weight.scalars.map { $0 / 0.1 }
    let p = Network().layers[0].weight.scalars
    for (index, found) in one.network.layers[0].weight.scalars.enumerated() {
      let expected = p[index] - 0.01 * 0.1 * g[index] / ((0.001 * g[index] * g[index]).squareRoot() + 1e-8)
      #expect(abs(found - expected) < 1e-5)
    }
  }

  @Test("operators: trees, numbers and tensors; integers stay those of the left tree")
  func operators() {
    let (a, b) = (Network(1), Network(3))
    var counted = a
    counted.steps = 5
    let rate: Float = 0.25
    func check(_ tree: Network, _ f: (Tensor<Float>, Tensor<Float>) -> Tensor<Float>) {
      #expect(tree.steps.item == 5)
      for (found, (x, y)) in zip(
        tree.tensors(of: Float.self), zip(a.tensors(of: Float.self), b.tensors(of: Float.self)))
      {
        #expect(found.tensor.scalars == f(x.tensor, y.tensor).scalars)
      }
    }
    check(counted + b) { $0 + $1 }
    check(counted - b) { $0 - $1 }
    check(counted - rate * b) { $0 - rate * $1 }
    check(counted - 0.25 * b) { $0 - 0.25 * $1 }
    check(counted - Tensor<Float>(0.25) * b) { $0 - 0.25 * $1 }
    check(Tensor<Double>(0.1) * counted) { x, _ in 0.1 * x }
    check(counted * 0.1) { x, _ in x * 0.1 }
    check(counted * rate / 3) { x, _ in x * rate / 3 }
    check(-counted) { x, _ in -x }
    var c = counted
    c += b
    c -= b
    c *= 2
    c *= Tensor<Double>(0.5)
    c /= 4
    check(c) { (($0 + $1) - $1) * 2 * 0.5 / 4 }
    #expect(Network.zeros(like: counted).tensors.allSatisfy { $0.tensor.bytes.allSatisfy { $0 == 0 } })
  }

  struct Mixed: TensorModel {
    var single = Tensor<Float>([1, 2])
    var double = Tensor<Double>([1, 2])
    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&single, "single")
      visitor.visit(&double, "double")
    }
  }

  @Test("a factor is rounded to each element type; a closure of one type refuses another real one")
  func mixed() throws {
    let scaled = 0.1 * Mixed()
    #expect(scaled.single.scalars == [0.1, 0.2] && scaled.double.scalars == [0.1, 0.2])
    let error = #expect(throws: KilnError.self) { try withDiagnostics { Mixed().mapped { $0 + 1 } } }
    #expect(error?.diagnostics.map(\.label) == ["tree.C4"])
    #expect(error?.description.contains("f32, and double is f64[2]") == true, "\(error?.description ?? "")")
    #expect(throws: KilnError.self) { try withDiagnostics { combined(Mixed(), Mixed(), of: Double.self) { $0 + $1 } } }
    // Integers may be worked on alone.
    var network = Network()
    network = network.mapped(of: Int32.self) { $0 + 2 }
    #expect(network.steps.item == 2 && bits(network.layers) == bits(Network().layers))
  }

  @Test("trees of other structures are diagnostics, whichever is longer")
  func structures() {
    let (short, long) = (Network(layers: 1), Network())
    let calls: [() -> Void] = [
      { _ = short + long }, { _ = long - short }, { _ = combined(short, long) { $0 + $1 } },
      { _ = combined(long, short) { $0 + $1 } }, { _ = combined(long, long, short) { $0 + $1 + $2 } },
      { _ = combined(long, long, long, short) { $0 + $1 + $2 + $3 } },
      {
        var (a, b) = (long, short)
        update(&a, &b, with: long) { a, b, c in a = b + c }
      },
      {
        var (a, b, c) = (long, long, long)
        update(&a, &b, &c, with: short) { a, b, c, d in a = b + c + d }
      },
    ]
    for (index, call) in calls.enumerated() {
      let error = #expect(throws: KilnError.self) { try withDiagnostics(call) }
      #expect(error?.diagnostics.map(\.label) == ["tree.C4"], "\(index)")
      #expect(error?.description.contains("layers.1.weight: f32[2,3]") == true, "\(error?.description ?? "")")
      #if DEBUG
        #expect(error?.description.contains("TreeUpdateTests.swift") == true)
      #endif
    }
  }

  struct Refusal: Error {}

  @Test("what a closure throws is thrown on, and no tree has changed")
  func throwing() {
    var (a, b, c) = (Network(1), Network(2), Network(3))
    let before = [a, b, c].map { bits($0) }
    var count = 0
    func refusing(_ x: Tensor<Float>) throws(Refusal) -> Tensor<Float> {
      count += 1
      if count % 3 == 0 { throw Refusal() }
      return x + 1
    }
    #expect(throws: Refusal.self) {
      try a.updateTensors { _, x throws(Refusal) in
        guard let x = Tensor<Float>(x) else { return x }
        return AnyTensor(try refusing(x))
      }
    }
    #expect(throws: Refusal.self) { try a.mapped { x throws(Refusal) in try refusing(x) } }
    #expect(throws: Refusal.self) { try combined(a, b) { x, y throws(Refusal) in try refusing(x + y) } }
    #expect(throws: Refusal.self) {
      try update(&a, &b, with: c) { x, y, z throws(Refusal) in
        x = try refusing(x)
        y = z
      }
    }
    #expect(throws: Refusal.self) {
      try update(&a, &b, &c, with: a) { x, y, z, w throws(Refusal) in
        x = try refusing(w)
        (y, z) = (z, y)
      }
    }
    #expect([a, b, c].map { bits($0) } == before)
  }
}
