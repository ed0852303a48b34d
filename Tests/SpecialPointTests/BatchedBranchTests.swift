import Kiln
import KilnIR
import Testing

/// A branch that some examples of a batch take computes for all of them; what the others would have, infinite slopes
/// for one, is in no derivative. Right is what a loop over the examples gives, in every order of transforms.
@Suite struct BatchedBranchTests {
  private typealias OfTwo = @Sendable (Tensor<Double>, Tensor<Double>) -> Tensor<Double>

  /// The derivatives of the sum of `f` over the rows of `x`, with `w` shared: of the batch, and summed over single
  /// rows.
  private func check(_ name: String, _ x: Tensor<Double>, _ w: Tensor<Double>, _ f: @escaping OfTwo) {
    let batched: OfTwo = { x, w in
      vmap({ (x: Tensor<Double>, w: Tensor<Double>) in f(x, w) }, axes: [0, nil])(x, w).sum()
    }
    typealias Pair = (Tensor<Double>, Tensor<Double>)
    func slopes(_ g: @escaping OfTwo, _ x: Tensor<Double>, _ w: Tensor<Double>) -> Pair {
      gradient(at: x, w) { (x: Tensor<Double>, w: Tensor<Double>) in g(x, w) }
    }
    func bends(_ g: @escaping OfTwo, _ x: Tensor<Double>, _ w: Tensor<Double>) -> Pair {
      gradient(at: x, w) { (x: Tensor<Double>, w: Tensor<Double>) in
        let (dx, dw) = slopes(g, x, w)
        return (dx * Tensor(0.7)).sum() + (dw * Tensor(1.3)).sum()
      }
    }
    func pushed(_ g: @escaping OfTwo, _ x: Tensor<Double>, _ w: Tensor<Double>) -> Pair {
      jvp(at: x, w, along: Tensor<Double>.full(x.dimensions, 0.7), Tensor<Double>.full(w.dimensions, 1.3)) {
        (x: Tensor<Double>, w: Tensor<Double>) in slopes(g, x, w)
      }.tangent
    }
    for (form, derivative) in [("gradient", slopes), ("second, reverse", bends), ("second, forward", pushed)] {
      let (dx, dw) = derivative(batched, x, w)
      var expected = Tensor<Double>.zeros(w.dimensions)
      for row in 0..<x.dimensions[0] {
        let (own, shared) = derivative(f, x[row], w)
        expected = expected + shared
        #expect(dx[row].isClose(to: own), "\(name), \(form), row \(row): \(dx[row]), alone \(own)")
        #expect(own.scalars.allSatisfy { $0.isFinite }, "\(name), \(form), row \(row)")
      }
      #expect(dw.isClose(to: expected), "\(name), \(form), shared: \(dw), alone \(expected)")
    }
  }

  private let rows = Tensor<Double>([[4, 1], [0, 0], [-1, 2], [0, 3]])
  private let shared = Tensor<Double>([[2, 0.5], [-1, 3]])

  @Test("one side has an infinite slope where the other is taken")
  func sides() {
    withDevice(.reference) {
      let x = Tensor<Double>([4, 0, -1])
      let f: Function = { x in
        vmap { (x: Tensor<Double>) in
          cond(x .> 0) {
            sqrt(x)
          } else: {
            x
          }
        }(x).sum()
      }
      #expect(gradient(at: x) { (x: Tensor<Double>) in f(x) }.scalars == [0.25, 1, 1])
      #expect(jacobian(at: x, mode: .forward) { (x: Tensor<Double>) in f(x) }.scalars == [0.25, 1, 1])
      #expect(hessian(at: x) { (x: Tensor<Double>) in f(x) }.diagonal().scalars == [-1 / 32, 0, 0])
      check("root", rows, shared) { x, w in
        cond(x[0] .> 0) {
          sqrt(x).sum()
        } else: {
          (x * x * w[0]).sum()
        }
      }
      check("nested", rows, shared) { x, w in
        cond(x[0] .> 0) {
          cond(x[1] .> 2) {
            log(x).sum()
          } else: {
            sqrt(x).sum() * w[0, 0]
          }
        } else: {
          cond(x[1] .> 1) {
            (log(x[1]) * w[0]).sum()
          } else: {
            x.sum()
          }
        }
      }
    }
  }

  @Test("what the examples share meets what each has its own of")
  func sharedOperands() {
    withDevice(.reference) {
      let isIn: @Sendable (Tensor<Double>) -> Tensor<Bool> = { x in x[0] .> 0 }
      check("product", rows, shared) { x, w in
        cond(isIn(x)) {
          (matmul(w, log(x))).sum()
        } else: {
          x.sum()
        }
      }
      check("root of a product", rows, shared) { x, w in
        cond(isIn(x)) {
          sqrt(matmul(x, abs(w))).sum()
        } else: {
          x.sum()
        }
      }
      check("quotient", rows, shared) { x, w in
        cond(isIn(x)) {
          (w[0] / x).sum()
        } else: {
          x.sum()
        }
      }
      check("gathered", rows, shared) { x, w in
        cond(isIn(x)) {
          (w.gathered(x.converted(to: Int32.self), axis: 0, bounds: .clamp) / x.reshaped(to: [2, 1])).sum()
        } else: {
          x.sum()
        }
      }
      check("in a function of both", rows, shared) { x, w in
        cond(isIn(x)) {
          let f = checkpoint { (x: Tensor<Double>, w: Tensor<Double>) in (w * sqrt(x)).sum() }
          return f(x, w)
        } else: {
          x.sum()
        }
      }
      check("in a loop in the branch", rows, shared) { x, w in
        cond(isIn(x)) {
          fori(0..<3, x.sum()) { _, y in sqrt(y) * w[0, 0] }
        } else: {
          x.sum()
        }
      }
    }
  }

  @Test("a shared value that no example asks for has slope zero")
  func noExample() {
    withDevice(.reference) {
      let w = Tensor<Double>([0, 4])
      let slope = gradient(at: w) { (w: Tensor<Double>) in
        vmap { (x: Tensor<Double>) in
          cond(x .> 10) {
            x * sqrt(w).sum()
          } else: {
            x * w.sum()
          }
        }(
          Tensor<Double>([1, 2])
        ).sum()
      }
      #expect(slope.scalars == [3, 3])
    }
  }

  @Test("a branch in a loop, a loop that examples leave at different turns")
  func loops() {
    withDevice(.reference) {
      check("branch in a loop", rows, shared) { x, w in
        fori(0..<3, x) { turn, y in
          cond(y[0] .> 0) {
            sqrt(y) * w[0, 0]
          } else: {
            y * 0.5
          }
        }.sum()
      }
      // The finished examples stand at 0, where the root has an infinite slope.
      let x = Tensor<Double>([16, 0, 2])
      let f: Function = { x in
        vmap { (x: Tensor<Double>) in whileLoop(x, condition: { $0 .> 1.5 }, body: { sqrt($0) }) }(x)
      }
      let slopes = jvp(at: x, along: Tensor<Double>([1, 1, 1])) { (x: Tensor<Double>) in f(x) }
      // 16, 4, 2, √2; 0; 2, √2.
      let root = Double(2).squareRoot()
      #expect(slopes.value.isClose(to: Tensor<Double>([root, 0, root])))
      #expect(slopes.tangent.isClose(to: Tensor<Double>([root / 128, 1, 0.5 / root])))
    }
  }
}
