import Kiln

/// Transforms through branches and loops, alone and inside one another.
extension ComposedTransformTests {
  /// x^4 elementwise, by a loop.
  @Sendable static func fourthPower(_ x: T) -> T { fori(0..<4, T.ones(like: x)) { _, power in power * x } }
  /// x, x^2 and x^3 as the outputs of a scan.
  @Sendable static func powers(_ x: T) -> T { scan(T.ones(like: x), length: 3) { p in (p * x, p * x) }.outputs }
  /// x^3 above 0, else x^2: for one number.
  @Sendable static func bent(_ x: T) -> T {
    cond(x .> T(0)) {
      x * x * x
    } else: {
      x * x
    }
  }
  /// Doubles x until it is 10 or more.
  @Sendable static func doubled(_ x: T) -> T {
    whileLoop(x, condition: { $0 .< T(10) }, body: { $0 + $0 })
  }

  static let control: [Case] = [
    Case("grad of a loop", [4, 32, -4]) { gradient(at: x) { x in fourthPower(x).sum() } },
    Case("Hessian through a loop", [12, 0, 0, 0, 48, 0, 0, 0, 12]) {
      hessian(at: x) { x in fourthPower(x).sum() }
    },
    Case("hessianVectorProduct through a loop", [24, -48, 36]) {
      hessianVectorProduct(at: x, along: v) { x in fourthPower(x).sum() }
    },
    Case("grad of grad of grad through a loop", [24, 48, -24]) {
      gradient(at: x) { x in
        gradient(at: x) { x in gradient(at: x) { x in fourthPower(x).sum() }.sum() }.sum()
      }
    },
    Case("Jacobian of the outputs of a scan", [1, 1, 2, 4, 3, 12]) {
      // Row n of the outputs is x^n; its derivatives lie on the diagonal.
      let matrix = jacobian(at: T([1, 2]), mode: .reverse, of: powers)
      return stacked([matrix[0...2, 0, 0], matrix[0...2, 1, 1]]).transposed()
    },
    Case("Jacobian of a scan, forward", [1, 1, 2, 4, 3, 12]) {
      let matrix = jacobian(at: T([1, 2]), mode: .forward, of: powers)
      return stacked([matrix[0...2, 0, 0], matrix[0...2, 1, 1]]).transposed()
    },
    Case("Hessian through a scan's outputs", [2 + 6, 0, 0, 2 + 12]) {
      hessian(at: T([1, 2])) { x in powers(x).sum() }
    },
    Case("vmap of grad through a loop", [4, 32, 108, -4, 0, 32]) {
      vmap { (r: T) in gradient(at: r) { r in fourthPower(r).sum() } }(rows)
    },
    Case("grad of vmap through a loop", [4, 32, -4]) { gradient(at: x) { x in vmap(fourthPower)(x).sum() } },
    Case("jvp of grad through a branch", [12, 2]) {
      stacked([2, -3].map { at in jvp(at: T(at), along: T(1)) { x in gradient(at: x, of: bent) }.tangent })
    },
    Case("vmap of grad of a branch: both sides, selected", [3, 12, -2]) {
      vmap { (y: T) in gradient(at: y, of: bent) }(x)
    },
    Case("Hessian of a vmap of a branch", [6, 0, 0, 0, 12, 0, 0, 0, 2]) {
      hessian(at: x) { x in vmap(bent)(x).sum() }
    },
    Case("jvp through a loop with a condition", [16, 16]) {
      // 1 doubles to 16: the derivative is 16; twice along 1/2 each.
      let once = jvp(at: T(1), along: T(1), of: doubled).tangent
      let halves = jvp(at: T(1), along: T(0.5), of: doubled).tangent
      return stacked([once, halves + halves])
    },
    Case("vmap of a loop with a condition: each as often as it needs", [16, 16, 12, 10, -0]) {
      vmap { (y: T) in whileLoop(y, condition: { $0 .< T(10) .&& $0 .> T(0) }, body: { $0 + $0 }) }(T([1, 2, 3, 5, 0]))
    },
    Case("jvp of a vmap of a loop with a condition", [16, 8, 4, 2]) {
      jvp(at: T([1, 2, 3, 5]), along: T([1, 1, 1, 1])) { x in vmap(doubled)(x) }.tangent
    },
    Case("grad of a checkpointed loop", [4, 32, -4]) {
      gradient(at: x) { x in checkpoint(fourthPower)(x).sum() }
    },
  ]
}
