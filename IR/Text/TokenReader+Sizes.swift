/// Sizes that calls bring, and what they must meet.
extension TokenReader {
  /// More factors or terms than any program needs. A longer text is a mistake, as is one that multiplies out to more.
  private static let maximumSizeParts = 256
  private static let maximumSizeDepth = 64

  /// Whether a size that is more than a number or a name begins here.
  func startsSize(_ token: Token) -> Bool {
    if token.kind == .word && next.kind == .punctuation && next.text == "(" { return true }
    let isOperator = next.kind == .unknown && ["+", "-", "*"].contains(next.text)
    return (token.kind == .word || token.kind == .number) && isOperator
  }

  /// `2*n + 1`, `floordiv(n, 2)`, `max(n - 1, 0)`.
  mutating func size(_ expected: String, depth: Int = 0) throws(KilnError) -> Dimension {
    let start = current
    guard depth <= Self.maximumSizeDepth else {
      throw failure("parse.C7", "sizes are nested at most \(Self.maximumSizeDepth) deep", start)
    }
    var sum = try product(expected, depth)
    var count = 1
    while let sign = accept(oneOf: ["+", "-"]) {
      let term = try product(expected, depth)
      sum = sign == "+" ? sum + term : sum - term
      count += 1
      try requireFew(count, sum, start)
    }
    return sum
  }

  private mutating func product(_ expected: String, _ depth: Int) throws(KilnError) -> Dimension {
    let start = current
    var product = try factor(expected, depth)
    var count = 1
    while accept(oneOf: ["*"]) != nil {
      product = product * (try factor(expected, depth))
      count += 1
      try requireFew(count, product, start)
    }
    return product
  }

  /// Checks the number of parts of a text so far, and that of the terms of the size that it makes.
  private func requireFew(_ count: Int, _ size: Dimension, _ start: Token) throws(KilnError) {
    guard max(count, size.polynomial.terms.count) <= Self.maximumSizeParts else {
      throw failure("parse.C6", "a size has at most \(Self.maximumSizeParts) terms and factors", start)
    }
  }

  private mutating func factor(_ expected: String, _ depth: Int) throws(KilnError) -> Dimension {
    let token = current
    guard token.kind == .word else { return Dimension(try integer(expected)) }
    let word = try self.expect(.word, expected)
    guard accept("(") else {
      guard Dimension.isName(word) else {
        throw failure(
          "parse.C5", "the name of a size has letters, digits and _, no digit first; found '\(word)'", token)
      }
      return Dimension(named: word)
    }
    guard word == "floordiv" || word == "max" else {
      throw failure("parse.C1", "expected floordiv(...) or max(...), found '\(word)'", token)
    }
    let first = try size(expected, depth: depth + 1)
    try expect(",")
    let second = try size(expected, depth: depth + 1)
    try expect(")")
    return word == "max" ? .max(first, second) : first / second
  }

  /// `require n == 2*m add.C4`
  mutating func requirement() throws(KilnError) -> SizeRequirement {
    let start = current
    try expect(word: "require")
    let lhs = try size("a size")
    let relations = SizeConstraint.Relation.allCases
    let token = current
    guard let text = accept(oneOf: relations.map(\.rawValue)), let relation = SizeConstraint.Relation(rawValue: text)
    else {
      throw failure(
        "parse.C1", "expected \(relations.map(\.rawValue).joined(separator: ", ")), found \(token.named)", token)
    }
    let rhs = try size("a size")
    let label = try expect(.word, "the label of what needs it, like add.C4")
    return SizeRequirement(SizeConstraint(lhs, relation, rhs), label, at: location(of: start))
  }

  /// One of these operators, which are runs of bytes without tokens of their own.
  private mutating func accept(oneOf operators: [String]) -> String? {
    if let found = operators.first(where: { isAt($0) || current.kind == .unknown && current.text == $0 }) {
      skip { _ in true }
      return found
    }
    guard current.text == "=", next.text == "=", operators.contains("==") else { return nil }
    skip { _ in true }
    skip { _ in true }
    return "=="
  }
}

extension Dimension {
  /// Whether a size may have this name: letters, digits and `_`, no digit first, and no word of numbers.
  package static func isName(_ name: String) -> Bool {
    Lexer.isName(name) && !name.contains(".") && !["nan", "inf", "true", "false"].contains(name)
  }
}
