// Functions that the system's library lacks, by other formulas than the tables have.

/// The inverse of erf: Winitzki's approximation, then steps of Halley's method on erf or, above 1/2, on erfc.
public func inverseErf<Real: OracleReal>(_ x: Real) -> Real {
  let a = x.magnitude
  guard a < 1 else { return a == 1 ? x * .infinity : .nan }
  if a < 1e-10 { return x * Real.pi.squareRoot() / 2 }
  let logarithm = Real.logOnePlus(-a * a)
  let c: Real = 0.147
  let half = 2 / (Real.pi * c) + logarithm / 2
  var y = ((half * half - logarithm / c).squareRoot() - half).squareRoot()
  let slope = 2 / Real.pi.squareRoot()
  for _ in 0..<3 {
    let error = a < 0.5 ? Real.erf(y) - a : (1 - a) - Real.erfc(y)
    let step = error / (slope * Real.exp(-y * y))
    y -= step / (1 + y * step)
  }
  return x < 0 ? -y : y
}

/// digamma by the recurrence up to 30 and the asymptotic series, and the reflection below 0.
public func digammaOracle<Real: OracleReal>(_ x: Real) -> Real {
  if x == 0 { return -1 / x }
  if x < 0 {
    let r = x - x.rounded(.toNearestOrEven)
    return r == 0 ? .nan : digammaOracle(1 - x) - Real.pi / Real.tan(Real.pi * r)
  }
  if x.isInfinite { return x }
  let distance = (x - Real(1.4616321449683622)) - Real(9.549995429965697e-17)
  if distance.magnitude < 0x1p-4 {
    // Near the root, where the sums cancel.
    return distance * digammaAtRoot.reversed().reduce(0) { $0 * distance + (Real($1.0) + Real($1.1)) }
  }
  var y = x
  var sum: Real = 0
  while y < 30 {
    sum -= 1 / y
    y += 1
  }
  let z = 1 / (y * y)
  var series: Real = 0
  for (numerator, denominator) in [(1.0, 132.0), (-1, 240), (1, 252), (-1, 120), (1, 12)] {
    series = series * z + Real(numerator) / Real(denominator)
  }
  return Real.log(y) - 1 / (2 * y) - series * z + sum
}

/// trigamma by the recurrence up to 30 and the asymptotic series, and the reflection below 0.
public func trigammaOracle<Real: OracleReal>(_ x: Real) -> Real {
  if x == 0 { return .infinity }
  if x < 0 {
    let r = x - x.rounded(.toNearestOrEven)
    let cosecant = Real.pi / Real.sin(Real.pi * r)
    return cosecant * cosecant - trigammaOracle(1 - x)
  }
  if x.isInfinite { return 0 }
  var y = x
  var sum: Real = 0
  while y < 30 {
    sum += 1 / (y * y)
    y += 1
  }
  let z = 1 / (y * y)
  var series: Real = 0
  for (numerator, denominator) in [(5.0, 66.0), (-1, 30), (1, 42), (-1, 30), (1, 6)] {
    series = series * z + Real(numerator) / Real(denominator)
  }
  return 1 / y + z / 2 + series * z / y + sum
}

/// The Taylor series of digamma at its positive root from the linear term on, each coefficient as a sum.
private let digammaAtRoot: [(Double, Double)] = [
  (0.9676722454476212, -3.387874303038943e-17),
  (-0.4427631689835921, -2.4685968258808798e-17),
  (0.258499760955651, -1.50046082237735e-17),
  (-0.16394270544240652, -5.2948981225636345e-18),
  (0.10782405069126237, -5.647016933496416e-18),
  (-0.07219956125645471, 3.0827459843108324e-18),
  (0.04880428816414311, -2.82635913171961e-18),
  (-0.03316112647484736, 2.6301239066061398e-18),
  (0.022597648232218104, 8.453631579784668e-19),
  (-0.01542476590494896, 3.829693633952811e-19),
  (0.010538791616612175, 3.958838580981545e-19),
  (-0.007204534386356869, 4.1723725613433093e-19),
  (0.004926781395729853, 1.773599192985584e-19),
  (-0.003369801655439328, 1.2291719110197274e-19),
]
