extension Scalar {
  /// 0 of `dtype` (+0, `false`).
  public static func zero(_ dtype: DType) -> Scalar { Scalar(dtype, bits: 0) }

  /// 1 of `dtype` (`true`).
  public static func one(_ dtype: DType) -> Scalar { Scalar(1 as Int64).converted(to: dtype) }

  /// `value` rounded once to `dtype`; integers as in Numerics.md E6.
  public init(_ dtype: DType, _ value: Double) { self = Scalar(value).converted(to: dtype) }

  /// The value in another dtype (E6, E7).
  public func converted(to target: DType) -> Scalar {
    target == dtype ? self : Scalar(target, bits: ScalarConversion.convert(bits, from: dtype, to: target))
  }

  /// The value as `Double`: exact for all dtypes but 64-bit integers, which are rounded.
  public var doubleValue: Double { Double(word: converted(to: .f64).bits) }

  /// The value as `Int64`; reals saturate, `u64` wraps.
  public var int64Value: Int64 { Int64(word: converted(to: .i64).bits) }

  /// Whether the value is a NaN.
  public var isNaN: Bool { dtype.isReal && doubleValue.isNaN }

  /// The value itself; for a NaN the positive quiet one without payload.
  public var withCanonicalNaN: Scalar { isNaN ? Scalar(.f64, bits: Double.nan.bitPattern).converted(to: dtype) : self }

  /// Equality of values as the contract counts it: equal bits, and all NaNs of a dtype are one (Numerics.md S2).
  public func isIdentical(to other: Scalar) -> Bool {
    self == other || dtype == other.dtype && isNaN && other.isNaN
  }
}
