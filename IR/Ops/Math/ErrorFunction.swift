extension ScalarProgram.Builder {
  /// Up to 1 an odd polynomial, from there 1 - exp(-p(|x|)) with p = -log(1 - erf); the sign is put on at the end.
  mutating func erf(_ x: ScalarID) -> ScalarID {
    let a = absolute(x)
    let small = fma(a, polynomial(.erfSmall, multiply(a, a)), a)
    // From these bounds on the result is 1.
    let bounded = limit(a, above: dtype(of: x) == .f32 ? 3.9375 : 5.9375)
    let power = expWithShortReduction(negate(polynomial(.erfLarge, bounded)))
    let one = real(1, like: x)
    let large = subtract(one, power)
    return withSign(select(less(a, one), small, large), of: x)
  }
}
