/// One extent of a shape. Today every dimension has a size; the type leaves the room for symbolic ones.
public struct Dimension: Hashable, Sendable, ExpressibleByIntegerLiteral {
  private var value: Int

  public init(_ value: Int) { self.value = value }
  public init(integerLiteral value: Int) { self.value = value }

  /// The size when it is known while compiling.
  public var size: Int? { value }

  /// The size; every dimension of this version has one.
  package var staticSize: Int { value }

  public static func + (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value + b.value) }
  public static func - (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value - b.value) }
  /// The product; beyond an `Int` the nearest one, which no possible type has (`type.C1`).
  public static func * (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value.saturatingProduct(b.value)) }
  public static func / (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value / b.value) }
}

extension Dimension: CustomStringConvertible {
  public var description: String { String(value) }
}

extension Int {
  /// The product, or the nearest `Int`.
  package func saturatingProduct(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }
}
