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
  public static func * (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value * b.value) }
  public static func / (a: Dimension, b: Dimension) -> Dimension { Dimension(a.value / b.value) }
}

extension Dimension: CustomStringConvertible {
  public var description: String { String(value) }
}
