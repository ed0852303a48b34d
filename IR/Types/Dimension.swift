import Synchronization

/// One extent of a shape: a number, or a polynomial over named sizes that a call brings (`batch`, `2*n + 1`).
///
/// Code that computes with extents works for every size:
/// ```swift
/// let x = Tensor<Float>.ones([6, 2])
/// let half = x.shape[0] / 2
/// let low = x.sliced(axis: 0, from: 0, to: half)
/// let border = Tensor<Float>.zeros([half, x.shape[1] + 2])
/// ```
/// Code that decides by a number asks for it: `size` is nil where a call decides, and `equality`, `isAtLeast` and
/// `isMultiple` say what holds at every call. `shape.dimensions` gives the numbers of the call that is traced, and the
/// program then serves these sizes alone.
///
/// It is one machine word: numbers stand for themselves, polynomials are interned in their normal form. So two
/// dimensions are equal exactly if their normal forms are; whether two different ones can have one size is asked by
/// `equality(_:_:)`.
public struct Dimension: Hashable, Sendable, ExpressibleByIntegerLiteral {
  /// From `firstPolynomial` on, within 2^32: the place of a polynomial in the table.
  private let word: Int

  private static let firstPolynomial = Int.min / 2
  private static func isPolynomial(_ word: Int) -> Bool { UInt(bitPattern: word &- firstPolynomial) < 1 << 32 }

  /// The polynomials of the process. A program has few different ones, and another trace of it has the same.
  private static let table = Mutex((polynomials: [SizePolynomial](), numbers: [SizePolynomial: Int]()))

  /// Of 2^32 numbers around `Int.min / 2`, which no extent comes near, the one below them.
  public init(_ value: Int) { word = Self.isPolynomial(value) ? Self.firstPolynomial - 1 : value }
  public init(integerLiteral value: Int) { self.init(value) }

  /// The size that calls bring under `name`, at least 0.
  public init(named name: String) { self.init(SizePolynomial(name: name)) }

  package init(_ polynomial: SizePolynomial) {
    word =
      polynomial.constant.map { Dimension($0).word }
      ?? Self.table.withLock { table in
        if let known = table.numbers[polynomial] { return Self.firstPolynomial + known }
        let number = table.polynomials.count
        table.polynomials.append(polynomial)
        table.numbers[polynomial] = number
        return Self.firstPolynomial + number
      }
  }

  /// The size when it is known while compiling; nil for a size that calls bring.
  public var size: Int? { isSymbolic ? nil : word }

  /// Whether the size is known at calls only.
  public var isSymbolic: Bool { Self.isPolynomial(word) }

  package var polynomial: SizePolynomial {
    isSymbolic ? Self.table.withLock { $0.polynomials[word - Self.firstPolynomial] } : SizePolynomial(constant: word)
  }

  /// The number of its form in the table, for a size that calls bring; nil for a number.
  package var formNumber: Int? { isSymbolic ? word - Self.firstPolynomial : nil }
  /// The size of that form.
  package init(formNumber: Int) { word = Self.firstPolynomial + formNumber }

  /// The size of a dimension of a bound program. A symbolic one asks the trace at hand, which then serves that size
  /// alone.
  package var staticSize: Int { isSymbolic ? SizePins.pin(self) : word }

  /// The sum; beyond an `Int` the nearest one.
  public static func + (a: Dimension, b: Dimension) -> Dimension {
    if let a = a.size, let b = b.size { return Dimension(a.saturatingSum(b)) }
    return Dimension(a.polynomial + b.polynomial)
  }

  /// The difference, which may be negative; no extent of a tensor is.
  public static func - (a: Dimension, b: Dimension) -> Dimension { a + b * -1 }

  /// The product; beyond an `Int` the nearest one, which no possible type has (`type.C1`).
  public static func * (a: Dimension, b: Dimension) -> Dimension {
    if let a = a.size, let b = b.size { return Dimension(a.saturatingProduct(b)) }
    return Dimension(a.polynomial * b.polynomial)
  }

  /// The quotient, rounded down; 0 for a divisor of 0. What the forms divide is divided so at every call: `m*n / n` is
  /// `m`, also where n is 0.
  public static func / (a: Dimension, b: Dimension) -> Dimension {
    if let a = a.size, let b = b.size { return Dimension(a.flooredQuotient(b)) }
    return Dimension(a.polynomial.quotient(b.polynomial))
  }

  /// What the quotient, rounded down, leaves: 0 up to a positive `b`.
  public static func % (a: Dimension, b: Dimension) -> Dimension { a - a / b * b }

  /// The larger one.
  public static func max(_ a: Dimension, _ b: Dimension) -> Dimension {
    if isAtLeast(a, b) == true { return a }
    if isAtLeast(b, a) == true { return b }
    return Dimension((a - b).polynomial.positivePart) + b
  }

  /// The smaller one.
  public static func min(_ a: Dimension, _ b: Dimension) -> Dimension { a + b - max(a, b) }

  /// Whether both have one size at every call, at none (false), or that depends (nil).
  public static func equality(_ a: Dimension, _ b: Dimension) -> Bool? {
    if a == b { return true }
    if !a.isSymbolic && !b.isSymbolic { return false }
    let difference = (a - b).polynomial
    return difference.isAlwaysPositive || (difference * SizePolynomial(constant: -1)).isAlwaysPositive ? false : nil
  }

  /// Whether `a` is at least `b` at every call, at none (false), or that depends (nil).
  public static func isAtLeast(_ a: Dimension, _ b: Dimension) -> Bool? {
    if let a = a.size, let b = b.size { return a >= b }
    let difference = (a - b).polynomial
    if difference.isNeverNegative { return true }
    return (difference * SizePolynomial(constant: -1)).isAlwaysPositive ? false : nil
  }

  /// Whether it is a multiple of `other` at every call, at none (false), or that depends (nil).
  public func isMultiple(of other: Dimension) -> Bool? {
    if self == 0 || other == 1 { return true }
    return Self.equality(self % other, 0)
  }

  /// The names of the sizes that it depends on.
  package var names: Set<String> { isSymbolic ? polynomial.names : [] }

  /// Its size where the named sizes are `sizes`; a name that is not there stays.
  package func bound(to sizes: [String: Int]) -> Dimension { isSymbolic ? polynomial.bound(to: sizes) : self }
}

extension Dimension: CustomStringConvertible {
  public var description: String { isSymbolic ? polynomial.description : String(word) }
}

extension Int {
  /// The product, or the nearest `Int`.
  package func saturatingProduct(_ other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
  }

  /// The sum, or the nearest `Int`.
  package func saturatingSum(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (self < 0 ? .min : .max) : sum
  }

  /// The quotient rounded down; 0 for a divisor of 0.
  package func flooredQuotient(_ divisor: Int) -> Int {
    guard divisor != 0 else { return 0 }
    let (quotient, overflow) = dividedReportingOverflow(by: divisor)
    if overflow { return .max }
    let remainder = self - quotient * divisor
    return remainder != 0 && (remainder < 0) != (divisor < 0) ? quotient - 1 : quotient
  }
}
