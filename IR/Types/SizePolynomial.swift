/// An integer polynomial over sizes, in a normal form: equal polynomials are equal values and have one text.
///
/// Quotients and maxima are factors of their own: `floordiv(p, k)`, whose multiples of k are taken out, and
/// `max(p, 0)`, where the sign of p is not plain. Every named size is at least 0.
package struct SizePolynomial: Hashable, Sendable {
  /// Something that has a size at a call.
  package enum Factor: Hashable, Sendable {
    case name(String)
    case quotient(Dimension, by: Dimension)
    /// `max(p, 0)`.
    case positivePart(Dimension)
  }

  /// A number times factors, which are sorted by their text.
  struct Term: Hashable, Sendable {
    var factors: [Factor]
    var coefficient: Int
  }

  /// Those with most factors first, then by their text, the number last; no two have the same factors, none is 0.
  private(set) var terms: [Term]

  init(constant: Int) { terms = constant == 0 ? [] : [Term(factors: [], coefficient: constant)] }

  package init(name: String) { self.init(.name(name)) }

  private init(_ factor: Factor) { terms = [Term(factors: [factor], coefficient: 1)] }

  private init(summing terms: [Term]) {
    var sums: [[Factor]: Int] = [:]
    for term in terms {
      // Not below the least number that a dimension is.
      sums[term.factors] = Swift.max((sums[term.factors] ?? 0).saturatingSum(term.coefficient), .min / 2)
    }
    self.terms = sums.filter { $0.value != 0 }.map { Term(factors: $0.key, coefficient: $0.value) }
      .sorted { a, b in
        a.factors.count != b.factors.count
          ? a.factors.count > b.factors.count : a.factorText.lexicographicallyPrecedes(b.factorText)
      }
  }

  /// The number that it is, if it is one.
  var constant: Int? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].factors.isEmpty ? terms[0].coefficient : nil
  }

  /// The one named size that it is, if it is that.
  package var name: String? {
    guard terms.count == 1, terms[0].coefficient == 1, terms[0].factors.count == 1,
      case .name(let name) = terms[0].factors[0]
    else { return nil }
    return name
  }

  static func + (a: SizePolynomial, b: SizePolynomial) -> SizePolynomial { SizePolynomial(summing: a.terms + b.terms) }

  static func * (a: SizePolynomial, b: SizePolynomial) -> SizePolynomial {
    SizePolynomial(
      summing: a.terms.flatMap { x in
        b.terms.map { y in
          Term(
            factors: (x.factors + y.factors).sorted { $0.description < $1.description },
            coefficient: x.coefficient.saturatingProduct(y.coefficient))
        }
      })
  }

  /// The quotient, rounded down.
  func quotient(_ divisor: SizePolynomial) -> SizePolynomial {
    guard let number = divisor.constant else { return dividedExactly(by: divisor) ?? whole(by: divisor) }
    guard number > 0 else { return number == 0 ? SizePolynomial(constant: 0) : whole(by: divisor) }
    // floor((k*q + r) / k) = q + floor(r / k)
    let exact = terms.filter { $0.factors.isEmpty || $0.coefficient % number == 0 }
    let q = SizePolynomial(
      summing: exact.map { Term(factors: $0.factors, coefficient: $0.coefficient.flooredQuotient(number)) })
    let r = self + q * SizePolynomial(constant: -number)
    return r.constant.map { q + SizePolynomial(constant: $0.flooredQuotient(number)) } ?? q + r.whole(by: divisor)
  }

  private func whole(by divisor: SizePolynomial) -> SizePolynomial {
    SizePolynomial(.quotient(Dimension(self), by: Dimension(divisor)))
  }

  /// The quotient by one term, if it divides every term.
  private func dividedExactly(by divisor: SizePolynomial) -> SizePolynomial? {
    guard divisor.terms.count == 1, let by = divisor.terms.first else {
      return self == divisor ? Self(constant: 1) : nil
    }
    var quotients: [Term] = []
    for term in terms {
      var factors = term.factors
      for factor in by.factors {
        guard let index = factors.firstIndex(of: factor) else { return nil }
        factors.remove(at: index)
      }
      guard term.coefficient % by.coefficient == 0 else { return nil }
      quotients.append(Term(factors: factors, coefficient: term.coefficient / by.coefficient))
    }
    return SizePolynomial(summing: quotients)
  }

  /// `max(self, 0)`, where nothing says which one it is.
  var positivePart: SizePolynomial { SizePolynomial(.positivePart(Dimension(self))) }

  /// Whether its form says that it is at least 0, or at least 1: no coefficient is negative.
  var isNeverNegative: Bool { terms.allSatisfy { $0.coefficient > 0 && $0.factors.allSatisfy(\.isNeverNegative) } }
  var isAlwaysPositive: Bool { isNeverNegative && terms.last?.factors.isEmpty == true }

  var names: Set<String> { Set(terms.flatMap { $0.factors.flatMap(\.names) }) }

  /// What it is where the named sizes are `sizes`.
  func bound(to sizes: [String: Int]) -> Dimension {
    terms.reduce(0) { sum, term in
      sum + term.factors.reduce(Dimension(term.coefficient)) { $0 * $1.bound(to: sizes) }
    }
  }
}

extension SizePolynomial.Factor {
  fileprivate var isNeverNegative: Bool {
    switch self {
    case .name, .positivePart: true
    case .quotient(let dividend, let divisor):
      dividend.polynomial.isNeverNegative && divisor.polynomial.isNeverNegative
    }
  }

  fileprivate var names: Set<String> {
    switch self {
    case .name(let name): [name]
    case .quotient(let dividend, let divisor): dividend.names.union(divisor.names)
    case .positivePart(let value): value.names
    }
  }

  fileprivate func bound(to sizes: [String: Int]) -> Dimension {
    switch self {
    case .name(let name): sizes[name].map { Dimension($0) } ?? Dimension(named: name)
    case .quotient(let dividend, let divisor): dividend.bound(to: sizes) / divisor.bound(to: sizes)
    case .positivePart(let value): Dimension.max(value.bound(to: sizes), 0)
    }
  }
}

// MARK: - Text

extension SizePolynomial.Factor: CustomStringConvertible {
  package var description: String {
    switch self {
    case .name(let name): name
    case .quotient(let dividend, let divisor): "floordiv(\(dividend), \(divisor))"
    case .positivePart(let value): "max(\(value), 0)"
    }
  }
}

extension SizePolynomial.Term {
  fileprivate var factorText: String { factors.map(\.description).joined(separator: "*") }

  /// Without its sign.
  fileprivate var magnitude: String {
    if factors.isEmpty { return String(coefficient.magnitude) }
    return coefficient.magnitude == 1 ? factorText : "\(coefficient.magnitude)*\(factorText)"
  }
}

extension SizePolynomial: CustomStringConvertible {
  /// `2*n*m - n + 1`; a negative first term is written `0 - n`.
  package var description: String {
    guard let first = terms.first else { return "0" }
    var text = first.factors.isEmpty ? String(first.coefficient) : first.magnitude
    if first.coefficient < 0 && !first.factors.isEmpty { text = "0 - " + text }
    for term in terms.dropFirst() { text += (term.coefficient < 0 ? " - " : " + ") + term.magnitude }
    return text
  }
}
