import Foundation
import Kiln
import Testing

/// Transforms inside transforms, against derivatives done by hand.
@Suite("Composed transforms")
struct ComposedTransformTests {
  typealias T = Tensor<Double>

  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let found: @Sendable () -> T
    let expected: [Double]
    var testDescription: String { name }

    init(_ name: String, _ expected: [Double], _ found: @escaping @Sendable () -> T) {
      (self.name, self.expected, self.found) = (name, expected, found)
    }
  }

  // x = (1, 2, -1), v = (2, -1, 3), a = ((1, 2, 0), (0, 1, -1)).
  static let x = T([1, 2, -1])
  static let v = T([2, -1, 3])
  static let a = T([[1, 2, 0], [0, 1, -1]])
  static let rows = T([[1, 2, 3], [-1, 0, 2]])
  static let s = [1.0, 2, -1].map { sin($0) }
  static let c = [1.0, 2, -1].map { cos($0) }

  @Sendable static func cube(_ x: T) -> T { (x * x * x).sum() }
  @Sendable static func sine(_ x: T) -> T { Kiln.sin(x).sum() }
  /// Value, gradient and Hessian of x0 x1 x2 are known everywhere.
  @Sendable static func product(_ x: T) -> T { x.product() }
  /// The transpose of a, on w.
  @Sendable static func pulled(_ w: T) -> T {
    let (_, pullback): (T, Pullback<T, T>) = vjp(at: x) { x in matmul(a, x) }
    return pullback(w)
  }

  static let reverse: [Case] = [
    Case("grad of grad", [6, 12, -6]) { gradient(at: x) { x in gradient(at: x, of: cube).sum() } },
    Case("grad of grad of grad", [6, 6, 6]) {
      gradient(at: x) { x in gradient(at: x) { x in gradient(at: x, of: cube).sum() }.sum() }
    },
    Case("fourth derivative of sin", s) {
      gradient(at: x) { x in
        gradient(at: x) { x in gradient(at: x) { x in gradient(at: x, of: sine).sum() }.sum() }.sum()
      }
    },
    Case("grad of jvp", [12, -12, -18]) { gradient(at: x) { x in jvp(at: x, along: v, of: cube).tangent } },
    Case("grad of the pullback by its cotangent", [1, -1]) {
      gradient(at: T([1, 1])) { w in (pulled(w) * T([1, 0, 1])).sum() }
    },
    Case("grad of vmap", [2, 4, -2]) { gradient(at: x) { x in vmap { (y: T) in y * y }(x).sum() } },
    Case("grad of vmap by a shared argument", [0, 2, 5]) {
      gradient(at: x) { x in vmap({ (r: T, x: T) in (r * x).sum() }, axes: [0, nil])(rows, x).sum() }
    },
    Case("grad of a Hessian's trace", [6, 6, 6]) {
      gradient(at: x) { x in (hessian(at: x, of: cube) * T([[1, 0, 0], [0, 1, 0], [0, 0, 1]])).sum() }
    },
    Case("grad of a Jacobian", [2, 2, 2]) { gradient(at: x) { x in jacobian(at: x) { x in x * x }.sum() } },
    Case("grad through stopGradient of a gradient", [3, 12, 3]) {
      gradient(at: x) { x in (stopGradient(gradient(at: x, of: cube)) * x).sum() }
    },
  ]

  static let forward: [Case] = [
    Case("jvp of jvp", [24, 12, -54]) {
      jvp(at: x, along: v) { x in jvp(at: x, along: v) { x in x * x * x }.tangent }.tangent
    },
    Case("jvp of grad", [12, -12, -18]) { jvp(at: x, along: v) { x in gradient(at: x, of: cube) }.tangent },
    Case("jvp of grad of grad", [12, -6, 18]) {
      jvp(at: x, along: v) { x in gradient(at: x) { x in gradient(at: x, of: cube).sum() } }.tangent
    },
    Case("jvp of vmap", [4, -4, -6]) { jvp(at: x, along: v) { x in vmap { (y: T) in y * y }(x) }.tangent },
    Case("jvp of vmap of grad", [12, -12, -18]) {
      jvp(at: x, along: v) { x in vmap { (y: T) in gradient(at: y) { y in y * y * y } }(x) }.tangent
    },
    Case("jvp of a Hessian", [12, 0, 0, 0, -6, 0, 0, 0, 18]) {
      jvp(at: x, along: v) { x in hessian(at: x, of: cube) }.tangent
    },
    Case("jvp along a jvp", [6, -12, 9]) {
      jvp(at: x, along: jvp(at: x, along: v) { x in x * x * x }.tangent) { x in x }.tangent
    },
    Case("jvp of a pullback", [2, 3, 1]) {
      jvp(at: T([0, 0]), along: T([2, -1])) { w in pulled(w) }.tangent
    },
    Case("jvp of both arguments", [1 * 2 + 3 * 1]) { jvp(at: T(1), T(3), along: T(1), T(2)) { x, y in x * y }.tangent },
    Case("jvp of exp of jvp", [2 * exp(2)]) {
      jvp(at: T(1), along: T(1)) { x in exp(jvp(at: x, along: T(1)) { x in x * x }.tangent) }.tangent
    },
  ]

  static let batched: [Case] = [
    Case("vmap of grad", [3, 12, 27, 3, 0, 12]) { vmap { (r: T) in gradient(at: r, of: cube) }(rows) },
    Case("vmap of grad of grad", [6, 12, 18, -6, 0, 12]) {
      vmap { (r: T) in gradient(at: r) { r in gradient(at: r, of: cube).sum() } }(rows)
    },
    Case("vmap of jvp", [75, 42]) {
      vmap({ (r: T) in jvp(at: r, along: v, of: cube).tangent })(rows)
    },
    Case("vmap of jvp with batched tangents", [3, 12, -3, 0, 0, 6]) {
      vmap({ (t: T) in jvp(at: x, along: t) { x in x * x * x }.tangent })(T([[1, 1, -1], [0, 0, 2]]))
    },
    Case("vmap of vjp", [1, 2, 0, 0, 1, -1]) {
      vmap { (w: T) in pulled(w) }(T([[1, 0], [0, 1]]))
    },
    Case("vmap of a Hessian", [6, 0, 0, 12]) {
      vmap { (r: T) in hessian(at: r, of: cube) }(T([[1, 2]])).reshaped(to: [4])
    },
    Case("vmap of a Jacobian", [2, 0, 0, 4, 6, 0, 0, 8]) {
      vmap { (r: T) in jacobian(at: r) { r in r * r } }(T([[1, 2], [3, 4]]))
    },
    Case("vmap of hessianVectorProduct", [6 * 2, -12, 54, -12, 0, 36]) {
      vmap { (r: T) in hessianVectorProduct(at: r, along: v, of: cube) }(rows)
    },
    Case("vmap of vmap of grad", [2, 4, 6, -2, 0, 4]) {
      vmap { (r: T) in vmap { (y: T) in gradient(at: y) { y in y * y } }(r) }(rows)
    },
    Case("vmap of grad of vmap", [2, 4, 6, -2, 0, 4]) {
      vmap { (r: T) in gradient(at: r) { r in vmap { (y: T) in y * y }(r).sum() } }(rows)
    },
    Case("vmap over the shared side: gradients by w for each example", [1, 2, 3, -1, 0, 2]) {
      vmap({ (w: T, r: T) in gradient(at: w) { w in (w * r).sum() } }, axes: [nil, 0])(x, rows)
    },
  ]

  static let matrices: [Case] = [
    Case("Hessian of a product", [0, -1, 2, -1, 0, 1, 2, 1, 0]) { hessian(at: x, of: product) },
    Case("Jacobian of a gradient is the Hessian", [0, -1, 2, -1, 0, 1, 2, 1, 0]) {
      jacobian(at: x, mode: .reverse) { x in gradient(at: x, of: product) }
    },
    Case("Jacobian of a Jacobian", [2, 0, 0, 0, 0, 0, 0, 2]) {
      jacobian(at: T([1, 2])) { x in jacobian(at: x) { x in x * x }.reshaped(to: [4]) }
    },
    Case("Hessian of a Hessian's sum", [0, 0, 0, 24]) {
      hessian(at: T([1, 2])) { x in (hessian(at: x) { x in (x * x * x * x).sum() } * T([[0, 0], [0, 1]])).sum() }
    },
    Case("hessianVectorProduct of a vmap", [2, -1, 3].map { 2 * $0 }) {
      hessianVectorProduct(at: x, along: v) { x in vmap { (y: T) in y * y }(x).sum() }
    },
    Case("Jacobian of a vmap", [2, 0, 0, 0, 4, 0, 0, 0, -2]) { jacobian(at: x) { x in vmap { (y: T) in y * y }(x) } },
    Case("Hessian of the squared length of a gradient", [2.0, 2, 0, 2]) {
      // The gradient of x0 x1 is (x1, x0); half its squared length has the unit matrix as its Hessian.
      hessian(at: T([1, 2])) { x in
        let g = gradient(at: x) { x in x.product() }
        return (g * g).sum()
      } + T([[0, 2], [0, 0]])
    },
    Case("Newton's step on a cubic", [1 - 3.0 / 6, 2 - 12.0 / 12, -1 - 3.0 / -6]) {
      let h = hessian(at: x, of: cube)
      return x - gradient(at: x, of: cube) / (h * T([[1, 0, 0], [0, 1, 0], [0, 0, 1]])).sum(axes: [1])
    },
    Case("a gradient step inside a gradient", [2.0 * (1 - 0.2) * (1 - 0.2) * 3]) {
      // f(y) = y^2, y = x - 0.1 f'(x) = 0.8 x, so d/dx f(y) = 2 (0.8)^2 x.
      gradient(at: T(3)) { x in
        let y = x - gradient(at: x) { x in x * x } * 0.1
        return y * y
      }
    },
  ]

  @Test(
    "composed transforms are the derivatives done by hand", arguments: reverse + forward + batched + matrices + control)
  func agrees(program: Case) {
    let found = program.found().scalars
    #expect(found.count == program.expected.count)
    for (a, b) in zip(found, program.expected) {
      #expect(abs(a - b) <= 1e-12 * max(1, abs(b)), "\(program.name): \(found)")
    }
  }

  @Test("there are more than fifty of them, and compiled they are the same")
  func count() {
    #expect(
      Self.reverse.count + Self.forward.count + Self.batched.count + Self.matrices.count + Self.control.count >= 50)
    let f = compile { (x: T) in
      jvp(at: x, along: x) { x in vmap { (y: T) in gradient(at: y) { y in y * y * y } }(x) }.tangent
    }
    #expect(f(Self.x).scalars == [6, 24, 6])
  }
}
