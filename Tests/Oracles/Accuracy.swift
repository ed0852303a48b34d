import Glibc
public import KilnIR

/// What a function table promises and what it is held against.
public struct Accuracy: Sendable {
  public let function: ScalarFunction
  /// The bounds in units in the last place, for f32 and f64.
  public let f32: Double
  public let f64: Double
  /// Where a third of the f64 arguments of a sample lie; the others are random bits, and of any small exponent.
  public let range: ClosedRange<Double>
  /// The function in f64, for the f32 table.
  public let oracle: @Sendable (Double) -> Double
  /// For a function with zeros where its terms cancel: the size of these terms, which the error is then relative to.
  public let terms: @Sendable (Double) -> Double

  init(
    _ function: ScalarFunction, _ f32: Double, _ f64: Double, _ range: ClosedRange<Double>,
    terms: @escaping @Sendable (Double) -> Double = { _ in 0 }, _ oracle: @escaping @Sendable (Double) -> Double
  ) {
    (self.function, self.f32, self.f64, self.range) = (function, f32, f64, range)
    (self.oracle, self.terms) = (oracle, terms)
  }

  /// Every unary table that rounds more than once.
  public static let unary: [Accuracy] = [
    Accuracy(.exp, 1, 1, -746...710) { exp($0) },
    Accuracy(.expMinusOne, 1.5, 1.5, -40...40) { expm1($0) },
    Accuracy(.exp2, 1, 1, -1076...1025) { exp2($0) },
    Accuracy(.log, 1, 1, 0...3) { log($0) },
    Accuracy(.logOnePlus, 1.1, 1.1, -1...3) { log1p($0) },
    Accuracy(.log2, 1, 1, 0...3) { log2($0) },
    Accuracy(.cbrt, 1, 1, -30...30) { cbrt($0) },
    Accuracy(.sin, 1.3, 1.3, -1000...1000) { sin($0) },
    Accuracy(.cos, 1.3, 1.3, -1000...1000) { cos($0) },
    Accuracy(.tan, 1.5, 1.5, -1000...1000) { tan($0) },
    Accuracy(.asin, 1.6, 1.6, -1.1...1.1) { asin($0) },
    Accuracy(.acos, 1.5, 1.5, -1.1...1.1) { acos($0) },
    Accuracy(.atan, 1.5, 1.5, -10...10) { atan($0) },
    Accuracy(.sinh, 1.7, 1.7, -20...20) { sinh($0) },
    Accuracy(.cosh, 1.5, 1.5, -20...20) { cosh($0) },
    Accuracy(.tanh, 1.5, 1.6, -20...20) { tanh($0) },
    Accuracy(.asinh, 2, 2, -20...20) { asinh($0) },
    Accuracy(.acosh, 2, 2, 0.9...20) { acosh($0) },
    Accuracy(.atanh, 2, 2, -1.1...1.1) { atanh($0) },
    Accuracy(.erf, 1.3, 1.4, -6...6) { erf($0) },
    Accuracy(.erfc, 2.5, 2.5, -6...28) { erfc($0) },
    Accuracy(.erfInverse, 2.2, 2.5, -1.1...1.1) { inverseErf($0) },
    Accuracy(.logGamma, 3.2, 3.2, -5...20, terms: logGammaTerms) { logGamma($0) },
    Accuracy(.digamma, 7, 7, -5...20, terms: digammaTerms) { digammaOracle($0) },
    Accuracy(.trigamma, 3, 3, -5...20) { trigammaOracle($0) },
  ]

  /// The distance of `found` from `exact` in units in the last place of its type at `exact`, or at `terms` where that
  /// is more. Infinite for a wrong special value.
  public static func error<Real: BinaryFloatingPoint, Wide: BinaryFloatingPoint>(
    _ found: Real, _ exact: Wide, terms: Double = 0
  ) -> Double {
    let greatest = Int(Real.greatestFiniteMagnitude.exponent)
    let rounded = Real(exact)
    if exact.isNaN || found.isNaN { return exact.isNaN && found.isNaN ? 0 : .infinity }
    let isSignFree = terms != 0 && exact.magnitude < 1
    if found.sign != rounded.sign && !isSignFree { return .infinity }
    if found == rounded, found == 0 || found.isInfinite { return 0 }
    if exact.isInfinite { return .infinity }
    let beyond = Wide(sign: found.sign, exponent: Wide.Exponent(greatest + 1), significand: 1)
    let limited = found.isInfinite ? beyond : Wide(found)
    let size = Wide.maximum(exact.magnitude, Wide(terms))
    let exponent = min(max(Int(size.exponent), 1 - greatest), greatest)
    let place = exponent - Real.significandBitCount
    return Double((limited - exact).magnitude / Wide(sign: .plus, exponent: Wide.Exponent(place), significand: 1))
  }

  /// The error of an f32 result.
  public func error(_ x: Float, _ found: Float) -> Double {
    Self.error(found, oracle(Double(x)), terms: terms(Double(x)))
  }

  /// Raises `worst` to the error of an f32 result where that is more, and says whether it was.
  public func raise(_ worst: inout Double, _ x: Float, _ found: Float) -> Bool {
    let exact = oracle(Double(x))
    // Nearly all results are normal numbers with an error below the worst: without a division.
    if exact.magnitude >= 0x1p-126, exact.magnitude < 0x1p127, found.sign == exact.sign {
      let place = Double(bitPattern: (exact.bitPattern & 0x7FF0_0000_0000_0000) - 23 << 52)
      if (Double(found) - exact).magnitude <= worst * place { return false }
    }
    let ulps = Self.error(found, exact, terms: terms(Double(x)))
    if !(ulps > worst) { return false }
    worst = ulps
    return true
  }
}

/// Below -9/4 are zeros of logGamma, where log |Gamma(-x)| cancels.
private let logGammaTerms: @Sendable (Double) -> Double = { x in x < -2.25 ? max(1, logGamma(-x)) : 0 }

/// Below 0 are zeros of digamma, where digamma(1 - x) cancels.
private let digammaTerms: @Sendable (Double) -> Double = { x in x < 0 ? digammaOracle(1 - x) : 0 }

/// log |Gamma(x)| without the sign that Glibc keeps in a global variable.
public func logGamma(_ x: Double) -> Double {
  var sign: Int32 = 0
  return lgamma_r(x, &sign)
}

#if arch(x86_64) && os(Linux)
  extension Accuracy {
    /// The functions in 80-bit arithmetic, for the f64 tables.
    private static let wideOracles: [ScalarFunction: @Sendable (Float80) -> Float80] = [
      .exp: { expl($0) }, .expMinusOne: { expm1l($0) }, .exp2: { exp2l($0) }, .log: { logl($0) },
      .logOnePlus: { log1pl($0) }, .log2: { log2l($0) }, .cbrt: { cbrtl($0) }, .sin: { sinl($0) }, .cos: { cosl($0) },
      .tan: { tanl($0) }, .asin: { asinl($0) }, .acos: { acosl($0) }, .atan: { atanl($0) }, .sinh: { sinhl($0) },
      .cosh: { coshl($0) }, .tanh: { tanhl($0) }, .asinh: { asinhl($0) }, .acosh: { acoshl($0) },
      .atanh: { atanhl($0) }, .erf: { erfl($0) }, .erfc: { erfcl($0) }, .erfInverse: { inverseErf($0) },
      .logGamma: { wideLogGamma($0) }, .digamma: { digammaOracle($0) }, .trigamma: { trigammaOracle($0) },
    ]

    /// The error of an f64 result; infinite where the function has no oracle.
    public func error(_ x: Double, _ found: Double) -> Double {
      guard let oracle = Self.wideOracles[function] else { return .infinity }
      return Self.error(found, oracle(Float80(x)), terms: terms(x))
    }

    /// `count` arguments of f64: a third in `range`, a third any bits, a third of any small exponent.
    public func sample(_ count: Int, using generator: inout some RandomNumberGenerator) -> [Double] {
      (0..<count).map { i in
        switch i % 3 {
        case 0: Double.random(in: range, using: &generator)
        case 1: Double(bitPattern: generator.next())
        default:
          Double.random(in: -2...2, using: &generator)
            * Double(sign: .plus, exponent: Int.random(in: -40...19, using: &generator), significand: 1)
        }
      }
    }
  }

  private func wideLogGamma(_ x: Float80) -> Float80 {
    var sign: Int32 = 0
    return lgammal_r(x, &sign)
  }
#endif
