/// An attribute value as it stands in the text of the IR. Its meaning is the op's business.
public indirect enum Attribute: Hashable, Sendable {
  /// A number with its text, so that no digit of a float is lost: `-3`, `0.5`, `nan`, `inf`, `-inf`, `true`.
  case number(String)
  /// A size that calls bring, of more than a name: `2*n + 1`.
  case size(Dimension)
  /// A word such as `sum`, or the name of a size.
  case word(String)
  /// The name of a function, written `@name`.
  case symbol(String)
  case list([Attribute])

  public static func integer(_ value: Int) -> Attribute { .number(String(value)) }
  public static func dimension(_ value: Dimension) -> Attribute {
    value.size.map { .integer($0) } ?? value.polynomial.name.map { .word($0) } ?? .size(value)
  }
  public static func dimensions(_ values: [Dimension]) -> Attribute { .list(values.map { .dimension($0) }) }
  public static func truth(_ value: Bool) -> Attribute { .number(value ? "true" : "false") }
  public static func integers(_ values: [Int]) -> Attribute { .list(values.map { .integer($0) }) }
  public static func pairs(_ values: [AxisPair]) -> Attribute { .list(values.map { .integers([$0.lhs, $0.rhs]) }) }
}

/// An attribute with its name.
public struct NamedAttribute: Hashable, Sendable {
  public let name: String
  public let value: Attribute

  public init(_ name: String, _ value: Attribute) {
    self.name = name
    self.value = value
  }
}

extension Attribute: CustomStringConvertible {
  public var description: String {
    switch self {
    case .number(let text), .word(let text): text
    case .size(let dimension): dimension.description
    case .symbol(let name): "@\(name)"
    case .list(let elements): "[" + elements.map(\.description).joined(separator: ", ") + "]"
    }
  }
}

/// Gives an op its attributes by name and type, with a labelled failure for what is missing or malformed.
public struct AttributeReader: Sendable {
  public let spelling: String
  private let attributes: [NamedAttribute]

  public init(_ spelling: String, _ attributes: [NamedAttribute]) {
    self.spelling = spelling
    self.attributes = attributes
  }

  /// Checks that no attribute other than `names` is there (`attribute.C1`).
  public func allow(_ names: String...) throws(ConstraintFailure) {
    for attribute in attributes {
      let expected = names.isEmpty ? "none" : names.joined(separator: ", ")
      try require(
        names.contains(attribute.name), "attribute.C1",
        "\(spelling) has no attribute '\(attribute.name)'; it takes \(expected)")
    }
    try require(
      Set(attributes.map(\.name)).count == attributes.count, "attribute.C1", "\(spelling) has an attribute twice")
  }

  public subscript(name: String) -> Attribute? { attributes.first { $0.name == name }?.value }

  public func required(_ name: String) throws(ConstraintFailure) -> Attribute {
    guard let value = self[name] else {
      throw ConstraintFailure("attribute.C2", "\(spelling) needs the attribute '\(name)'")
    }
    return value
  }

  public func integer(_ name: String) throws(ConstraintFailure) -> Int {
    try integer(try required(name), name)
  }

  public func integers(_ name: String) throws(ConstraintFailure) -> [Int] {
    guard case .list(let elements) = try required(name) else { throw malformed(name, "a list of integers") }
    var result: [Int] = []
    for element in elements { result.append(try integer(element, name)) }
    return result
  }

  public func dimension(_ name: String) throws(ConstraintFailure) -> Dimension {
    try dimension(try required(name), name)
  }

  public func dimensions(_ name: String) throws(ConstraintFailure) -> [Dimension] {
    guard case .list(let elements) = try required(name) else { throw malformed(name, "a list of sizes") }
    var result: [Dimension] = []
    for element in elements { result.append(try dimension(element, name)) }
    return result
  }

  public func pairs(_ name: String) throws(ConstraintFailure) -> [AxisPair] {
    guard case .list(let elements) = try required(name) else { throw malformed(name, "a list of axis pairs") }
    var result: [AxisPair] = []
    for element in elements {
      guard case .list(let pair) = element, pair.count == 2 else { throw malformed(name, "a list of axis pairs") }
      result.append(AxisPair(try integer(pair[0], name), try integer(pair[1], name)))
    }
    return result
  }

  public func word(_ name: String) throws(ConstraintFailure) -> String {
    guard case .word(let text) = try required(name) else { throw malformed(name, "a word") }
    return text
  }

  public func symbol(_ name: String) throws(ConstraintFailure) -> String {
    guard case .symbol(let text) = try required(name) else { throw malformed(name, "a function name like @f") }
    return text
  }

  /// `true` or `false`.
  public func truth(_ name: String) throws(ConstraintFailure) -> Bool {
    guard case .number(let text) = try required(name), text == "true" || text == "false" else {
      throw malformed(name, "true or false")
    }
    return text == "true"
  }

  private func integer(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> Int {
    guard case .number(let text) = attribute, let value = Int(text) else { throw malformed(name, "integers") }
    return value
  }

  private func dimension(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> Dimension {
    switch attribute {
    case .number: return Dimension(try integer(attribute, name))
    case .word(let word): return Dimension(named: word)
    case .size(let dimension): return dimension
    case .symbol, .list: throw malformed(name, "sizes")
    }
  }

  public func malformed(_ name: String, _ expected: String) -> ConstraintFailure {
    ConstraintFailure(
      "attribute.C3", "attribute '\(name)' of \(spelling) is \(expected), found \(self[name]?.description ?? "nothing")"
    )
  }
}

/// An axis of the left operand with the axis of the right operand that goes with it.
public struct AxisPair: Hashable, Sendable {
  public var lhs: Int
  public var rhs: Int

  public init(_ lhs: Int, _ rhs: Int) {
    self.lhs = lhs
    self.rhs = rhs
  }
}
