/// A Swift number type that holds the values of one dtype, as a word of 64 bits (zero extended).
protocol ScalarWord: Comparable {
  init(word: UInt64)
  var word: UInt64 { get }
}

extension ScalarWord where Self: FixedWidthInteger {
  @inline(__always) init(word: UInt64) { self.init(truncatingIfNeeded: word) }
}

extension Int8: ScalarWord { @inline(__always) var word: UInt64 { UInt64(UInt8(bitPattern: self)) } }
extension Int16: ScalarWord { @inline(__always) var word: UInt64 { UInt64(UInt16(bitPattern: self)) } }
extension Int32: ScalarWord { @inline(__always) var word: UInt64 { UInt64(UInt32(bitPattern: self)) } }
extension Int64: ScalarWord { @inline(__always) var word: UInt64 { UInt64(bitPattern: self) } }
extension UInt8: ScalarWord { @inline(__always) var word: UInt64 { UInt64(self) } }
extension UInt16: ScalarWord { @inline(__always) var word: UInt64 { UInt64(self) } }
extension UInt32: ScalarWord { @inline(__always) var word: UInt64 { UInt64(self) } }
extension UInt64: ScalarWord { @inline(__always) var word: UInt64 { self } }

/// A real type in which primitives compute.
protocol RealWord: ScalarWord, BinaryFloatingPoint {
  /// self * 2^n, rounded once, for every n.
  func scaled(byPowerOfTwo n: Int64) -> Self
  /// The exact remainder of truncating division (C's fmod), by integer arithmetic.
  func exactRemainder(dividingBy divisor: Self) -> Self
}

extension Float: RealWord {
  @inline(__always) init(word: UInt64) { self.init(bitPattern: UInt32(truncatingIfNeeded: word)) }
  @inline(__always) var word: UInt64 { UInt64(bitPattern) }

  /// Exact in `Double` for the clamped exponents, then one rounding.
  @inline(__always) func scaled(byPowerOfTwo n: Int64) -> Float {
    let clamped = min(max(n, -400), 400)
    return Float(Double(self) * Double(bitPattern: UInt64(1023 + clamped) << 52))
  }

  func exactRemainder(dividingBy divisor: Float) -> Float {
    // Exact: the remainder of two f32 has at most 24 significant bits.
    Float(Double(self).exactRemainder(dividingBy: Double(divisor)))
  }
}

extension Double: RealWord {
  @inline(__always) init(word: UInt64) { self.init(bitPattern: word) }
  @inline(__always) var word: UInt64 { bitPattern }

  @inline(__always) private static func power(_ n: Int64) -> Double { Double(bitPattern: UInt64(1023 + n) << 52) }

  /// In steps that leave the only rounding to the last: a step down stops 53 short of the denormals.
  @inline(__always) func scaled(byPowerOfTwo n: Int64) -> Double {
    var value = self
    var rest = min(max(n, -2200), 2200)
    while rest > 1023 {
      value *= Self.power(1023)
      rest -= 1023
    }
    while rest < -1022 {
      value *= Self.power(-969)
      rest += 969
    }
    return value * Self.power(rest)
  }

  func exactRemainder(dividingBy divisor: Double) -> Double {
    if !isFinite || divisor.isNaN || divisor == 0 { return .nan }
    if divisor.isInfinite { return self }
    let (dividend, unit) = (magnitude.integerParts, divisor.magnitude.integerParts)
    if magnitude < divisor.magnitude { return self }
    // dividend.significand * 2^shift mod unit.significand, eleven bits a step; significands have 53 bits. The shift is
    // not negative, for the dividend is not the smaller one.
    var shift = dividend.exponent - unit.exponent
    var remainder = dividend.significand % unit.significand
    while shift > 0, remainder != 0 {
      let step = min(shift, 11)
      remainder = (remainder << UInt64(step)) % unit.significand
      shift -= step
    }
    return Double(sign: sign, exponent: 0, significand: Double(remainder).scaled(byPowerOfTwo: Int64(unit.exponent)))
  }

  /// A positive finite number as an integer below 2^53 times a power of two.
  private var integerParts: (significand: UInt64, exponent: Int) {
    let fraction = bitPattern & (1 << 52 - 1)
    let biased = Int(bitPattern >> 52 & 0x7FF)
    return biased == 0 ? (fraction, -1074) : (fraction | 1 << 52, biased - 1075)
  }
}
