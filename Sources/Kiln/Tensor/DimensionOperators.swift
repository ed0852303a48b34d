public import KilnIR

// A file finds the operators of a type only in the modules that it imports, and KilnIR's are for dimensions alone:
// these are there for a file that imports Kiln, and take integers, too.
extension Dimension {
  /// The sum.
  public static func + (a: Dimension, b: some DimensionConvertible) -> Dimension { a + b.asDimension }

  /// The difference, which may be negative; no extent of a tensor is.
  public static func - (a: Dimension, b: some DimensionConvertible) -> Dimension { a - b.asDimension }

  /// The product.
  public static func * (a: Dimension, b: some DimensionConvertible) -> Dimension { a * b.asDimension }

  /// The quotient, rounded down; 0 for a divisor of 0.
  public static func / (a: Dimension, b: some DimensionConvertible) -> Dimension { a / b.asDimension }

  /// What the quotient, rounded down, leaves: 0 up to a positive `b`.
  public static func % (a: Dimension, b: some DimensionConvertible) -> Dimension { a % b.asDimension }
}
