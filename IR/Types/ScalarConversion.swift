/// A 16-bit real format, given by the widths of its fields.
struct SmallReal {
  let exponentBits: Int
  let fractionBits: Int

  static let f16 = SmallReal(exponentBits: 5, fractionBits: 10)
  static let bf16 = SmallReal(exponentBits: 8, fractionBits: 7)

  private var bias: Int { 1 << (exponentBits - 1) - 1 }
  private var infinity: UInt64 { (1 << UInt64(exponentBits) - 1) << UInt64(fractionBits) }

  /// The value of the format nearest to `value`, ties to even, in one rounding. A NaN stays a quiet NaN.
  func encode(_ value: Double) -> UInt64 {
    let sign = value.sign == .minus ? 1 << UInt64(exponentBits + fractionBits) : 0 as UInt64
    if value.isNaN { return sign | infinity | 1 << UInt64(fractionBits - 1) }
    if value.isInfinite { return sign | infinity }
    let biased = Int(value.bitPattern >> 52 & 0x7FF)
    // Every denormal f64 is far below half the smallest value of either format.
    if biased == 0 { return sign }
    return sign | round(significand: value.bitPattern & (1 << 52 - 1) | 1 << 52, exponent: biased - 1075)
  }

  /// The value nearest to an integer, ties to even, in one rounding.
  func encode(negative: Bool, magnitude: UInt64) -> UInt64 {
    let sign = negative ? 1 << UInt64(exponentBits + fractionBits) : 0 as UInt64
    return magnitude == 0 ? sign : sign | round(significand: magnitude, exponent: 0)
  }

  /// The bits of significand * 2^exponent, significand > 0, rounded once.
  private func round(significand: UInt64, exponent: Int) -> UInt64 {
    let top = 63 - significand.leadingZeroBitCount + exponent
    // The weight of the last kept bit; it stops falling where the denormals begin.
    let unit = max(top, 1 - bias) - fractionBits
    let shift = unit - exponent
    var kept: UInt64
    if shift <= 0 {
      kept = significand << UInt64(-shift)
    } else if shift > 64 {
      kept = 0
    } else {
      kept = shift == 64 ? 0 : significand >> UInt64(shift)
      let rest = shift == 64 ? significand : significand & (1 << UInt64(shift) - 1)
      let half = 1 << UInt64(shift - 1) as UInt64
      if rest > half || rest == half && kept & 1 == 1 { kept += 1 }
    }
    // A carry out of the fraction increments the exponent field, which is right also on the way to infinity.
    let field = unit + fractionBits + bias - 1
    return min(UInt64(max(field, 0)) << UInt64(fractionBits) + kept, infinity)
  }

  /// The exact value of `bits`.
  func decode(_ bits: UInt64) -> Double {
    let fraction = bits & (1 << UInt64(fractionBits) - 1)
    let field = Int(bits >> UInt64(fractionBits)) & (1 << exponentBits - 1)
    let negative = bits >> UInt64(exponentBits + fractionBits) & 1 == 1
    let magnitude: Double
    if field == 1 << exponentBits - 1 {
      magnitude = fraction == 0 ? .infinity : .nan
    } else if field == 0 {
      magnitude = Double(fraction).scaled(byPowerOfTwo: Int64(1 - bias - fractionBits))
    } else {
      magnitude = Double(fraction | 1 << UInt64(fractionBits)).scaled(byPowerOfTwo: Int64(field - bias - fractionBits))
    }
    return negative ? -magnitude : magnitude
  }
}

/// Conversions between dtypes on words (Numerics.md E6, E7).
enum ScalarConversion {
  /// `word` of dtype `source` as a word of dtype `target`.
  static func convert(_ word: UInt64, from source: DType, to target: DType) -> UInt64 {
    switch source {
    case .f16: fromReal(SmallReal.f16.decode(word), to: target)
    case .bf16: fromReal(SmallReal.bf16.decode(word), to: target)
    case .f32: fromReal(Double(Float(word: word)), to: target)
    case .f64: fromReal(Double(word: word), to: target)
    case .bool, .u8, .u16, .u32, .u64: fromInteger(negative: false, magnitude: word, to: target)
    case .i8: fromSigned(Int64(Int8(word: word)), to: target)
    case .i16: fromSigned(Int64(Int16(word: word)), to: target)
    case .i32: fromSigned(Int64(Int32(word: word)), to: target)
    case .i64: fromSigned(Int64(word: word), to: target)
    }
  }

  private static func fromSigned(_ value: Int64, to target: DType) -> UInt64 {
    fromInteger(negative: value < 0, magnitude: value.magnitude, to: target)
  }

  /// Integers wrap, reals are the nearest, `bool` is x != 0.
  private static func fromInteger(negative: Bool, magnitude: UInt64, to target: DType) -> UInt64 {
    switch target {
    case .bool: magnitude == 0 ? 0 : 1
    case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
      (negative ? 0 &- magnitude : magnitude) & target.bitMask
    case .f16: SmallReal.f16.encode(negative: negative, magnitude: magnitude)
    case .bf16: SmallReal.bf16.encode(negative: negative, magnitude: magnitude)
    case .f32: (negative ? -Float(magnitude) : Float(magnitude)).word
    case .f64: (negative ? -Double(magnitude) : Double(magnitude)).word
    }
  }

  /// Every real dtype is exact in f64, so the one rounding is the one to the target.
  private static func fromReal(_ value: Double, to target: DType) -> UInt64 {
    switch target {
    case .bool: value == 0 ? 0 : 1
    case .i8: saturated(value, Int8.self)
    case .i16: saturated(value, Int16.self)
    case .i32: saturated(value, Int32.self)
    case .i64: saturated(value, Int64.self)
    case .u8: saturated(value, UInt8.self)
    case .u16: saturated(value, UInt16.self)
    case .u32: saturated(value, UInt32.self)
    case .u64: saturated(value, UInt64.self)
    case .f16: SmallReal.f16.encode(value)
    case .bf16: SmallReal.bf16.encode(value)
    case .f32: Float(value).word
    case .f64: value.word
    }
  }

  /// Toward zero; outside the range the nearest end, NaN is 0 (E6).
  @inline(__always) static func saturated<T: FixedWidthInteger & ScalarWord>(_ value: Double, _: T.Type) -> UInt64 {
    if value.isNaN { return 0 }
    // The bounds are powers of two: -min, or 2^width for an unsigned type.
    let above = Double(sign: .plus, exponent: T.isSigned ? T.bitWidth - 1 : T.bitWidth, significand: 1)
    if value >= above { return T.max.word }
    if value <= (T.isSigned ? -above : -1) { return T.min.word }
    return T(value).word
  }
}
