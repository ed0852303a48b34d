import Kiln
import KilnIR
import Testing

@Suite("Gradient tapes")
struct TapeTests {
  let x = Tensor<Double>([0.5, -1.25, 2])

  @Test("a tape gives what gradient(at:of:) gives, bit for bit")
  func agreesWithGradient() {
    let w = Tensor<Double>([1, 2, 3])
    func f(_ x: Tensor<Double>, _ w: Tensor<Double>) -> Tensor<Double> {
      (softmax(x.reshaped(to: [3, 1]), axis: 0).reshaped(to: [3]) * w).sum() + tanh(x * w)[1]
    }
    let tape = GradientTape()
    let y = tape.record {
      tape.watch(x, w)
      return f(x, w)
    }
    #expect(y.item == f(x, w).item)
    let (dx, dw) = tape.gradient(of: y, with: x, w)
    let (gx, gw) = gradient(at: x, w) { x, w in f(x, w) }
    #expect(dx.scalars == gx.scalars && dw.scalars == gw.scalars)
  }

  @Test("trees, arrays, integers; what does not matter is zero")
  func trees() {
    let network = Network()
    let n = Tensor<Int32>([1, 1])
    let tape = GradientTape()
    let y = tape.record {
      tape.watch(network, n)
      return network.layers[0](Tensor([[1, 2]])).sum()
    }
    let (slope, dn) = tape.gradient(of: y, with: network, n)
    #expect(slope.tensors.map(\.name) == network.tensors.map(\.name))
    #expect(slope.layers[1].weight.scalars == [0, 0, 0] && dn.scalars == [0, 0])
    let list = GradientTape()
    let z = list.record { () -> Tensor<Double> in
      list.watch([x])
      return (x * x).sum()
    }
    #expect(list.gradient(of: z, with: [x])[0].scalars == [1, -2.5, 4])
  }

  @Test("a persistent tape gives several gradients, also of tensors in the middle")
  func persistent() {
    let tape = GradientTape(persistent: true)
    let (y, z) = tape.record {
      tape.watch(x)
      let y = x * x
      tape.watch(y)
      return (y, (y * y).sum())
    }
    #expect(tape.gradient(of: z, with: x).scalars == [0.5, -7.8125, 32])
    #expect(tape.gradient(of: z, with: y).scalars == [0.5, 3.125, 8])
    let (dx, dy) = tape.gradient(of: z, with: x, y)
    #expect(dx.scalars == [0.5, -7.8125, 32] && dy.scalars == [0.5, 3.125, 8])
  }

  @Test("compiled functions, gradients and custom derivatives are seen by a tape; tapes nest")
  func calls() {
    let square = compile { (x: Tensor<Double>) in x * x }
    let step = compile { (state: inout Tensor<Double>, x: Tensor<Double>) in state = state + x * x }
    let clipped = withDerivative({ (x: Tensor<Double>) in x * 1 }, pullback: { _ in Tensor<Double>([7, 7, 7]) })
    let tape = GradientTape(persistent: true)
    let (a, b, c) = tape.record {
      tape.watch(x)
      var state = Tensor<Double>([1, 1, 1])
      step(updating: &state, x)
      return (square(x).sum(), (state * state).sum(), clipped(x).sum())
    }
    #expect(tape.gradient(of: a, with: x).scalars == [1, -2.5, 4])
    #expect(tape.gradient(of: b, with: x).scalars == x.scalars.map { 4 * $0 * ($0 * $0 + 1) })
    #expect(tape.gradient(of: c, with: x).scalars == [7, 7, 7])

    let outer = GradientTape()
    let slope = outer.record { () -> Tensor<Double> in
      outer.watch(x)
      let inner = GradientTape()
      let y = inner.record { () -> Tensor<Double> in
        inner.watch(x)
        return (x * x * x).sum()
      }
      return inner.gradient(of: y, with: x).sum()
    }
    #expect(outer.gradient(of: slope, with: x).scalars == [3, -7.5, 12])
    let mixed = GradientTape()
    let again = mixed.record { () -> Tensor<Double> in
      mixed.watch(x)
      return gradient(at: x) { x in (x * x * x).sum() }.sum()
    }
    #expect(mixed.gradient(of: again, with: x).scalars == [3, -7.5, 12])
  }

  @Test("nothing is recorded outside; misuse is a labelled diagnostic, never a wrong number")
  func misuse() {
    let tape = GradientTape()
    let y = tape.record { () -> Tensor<Double> in
      tape.watch(x)
      return x * x
    }
    let outside = y.sum()
    #expect(labels { _ = tape.gradient(of: outside, with: x) } == ["tape.C3"])
    #expect(labels { _ = tape.gradient(of: outside, with: x) } == ["tape.C1"])
    let other = GradientTape(persistent: true)
    let z = other.record { () -> Tensor<Double> in
      other.watch(x)
      return (x * y).sum()
    }
    #expect(labels { _ = other.gradient(of: z, with: y) } == ["tape.C4"])
    #expect(labels { other.record { other.watch(y) } } == ["tape.C5"])
    #expect(labels { _ = other.gradient(of: other.record { x * x }, with: x) } == ["gradient.C2"])
    let stray = GradientTape()
    #expect(
      labels {
        _ = gradient(at: x) { x in
          stray.record { stray.watch(x) }
          return x.sum()
        }
      } == ["tape.C2"])
  }

  @Test("a tape lets go of everything at its first gradient")
  func release() {
    weak var kept: AnyObject?
    let tape = GradientTape()
    let y = tape.record { () -> Tensor<Double> in
      tape.watch(x)
      var y = x
      for _ in 0..<200 { y = y * 1.005 }
      kept = y.core
      return y.sum()
    }
    #expect(kept != nil)
    let slope = tape.gradient(of: y, with: x)
    #expect(slope.shape == [3] && slope.scalars[0] > 2.7)
    #expect(kept == nil)
  }
}
