extension ScalarProgram.Builder {
  /// Up to 5/8 an odd polynomial, from there 1 - 2 / (exp(2 |x|) + 1); the sign is put on at the end.
  mutating func tanh(_ x: ScalarID) -> ScalarID {
    let a = abs(x)
    let square = multiply(a, a)
    let small = fma(multiply(a, square), polynomial(.tanh, square), a)
    // From these bounds on the result is 1.
    let bounded = limit(a, above: dtype(of: x) == .f32 ? 10 : 20)
    let one = real(1, like: x)
    let two = real(2, like: x)
    let power = expWithShortReduction(add(bounded, bounded))
    let large = subtract(one, divide(two, add(power, one)))
    return withSign(select(less(a, real(0.625, like: x)), small, large), of: x)
  }
}
