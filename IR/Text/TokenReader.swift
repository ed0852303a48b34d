/// Reads tokens one after the other, with a located failure where another one was expected. What module text and kernel
/// text have in common: names, types, lists, attributes.
struct TokenReader {
  private static let maximumListDepth = 8

  let file: String
  private let tokens: [Token]
  private let comments: [Int: String]
  private var index = 0

  init(_ text: String, file: String) {
    self.file = file
    (tokens, comments) = Lexer.read(text)
  }

  var current: Token { tokens[index] }

  /// The token after the current one, or the end.
  var next: Token { tokens[min(index + 1, tokens.count - 1)] }

  /// Whether the current token is the first of its line.
  var isAtLineStart: Bool { index == 0 || tokens[index - 1].line < current.line }

  /// What stands behind `//` on the line of the token before the current one.
  var comment: String {
    guard index > 0, var found = comments[tokens[index - 1].line]?[...] else { return "" }
    if found.first == " " { found.removeFirst() }
    if found.last == "\r" { found.removeLast() }
    return String(found)
  }

  func isAt(word: String) -> Bool { current.kind == .word && current.text == word }

  func isAt(_ punctuation: String) -> Bool { current.kind == .punctuation && current.text == punctuation }

  /// Goes to the next token for which `condition` holds, or to the end; the current token is not asked.
  mutating func skip(to condition: (Token) -> Bool) {
    repeat {
      if current.kind == .end { return }
      index += 1
    } while current.kind != .end && !condition(current)
  }
}

// MARK: - Tokens

extension TokenReader {
  @discardableResult
  mutating func accept(_ punctuation: String) -> Bool {
    guard isAt(punctuation) else { return false }
    index += 1
    return true
  }

  @discardableResult
  mutating func accept(word: String) -> Bool {
    guard isAt(word: word) else { return false }
    index += 1
    return true
  }

  mutating func expect(_ punctuation: String) throws(KilnError) {
    if !accept(punctuation) { throw unexpected("'\(punctuation)'") }
  }

  mutating func expect(word: String) throws(KilnError) {
    if !accept(word: word) { throw unexpected("'\(word)'") }
  }

  @discardableResult
  mutating func expect(_ kind: Token.Kind, _ expected: String) throws(KilnError) -> String {
    guard current.kind == kind else { throw unexpected(expected) }
    index += 1
    return tokens[index - 1].text
  }

  /// Words one after the other.
  mutating func expect(words: String...) throws(KilnError) {
    for word in words { try expect(word: word) }
  }

  /// Runs of bytes that are not tokens of modules, like `+`.
  mutating func expect(symbols: String...) throws(KilnError) {
    for symbol in symbols {
      guard current.text == symbol, current.kind == .unknown || current.kind == .word else {
        throw unexpected("'\(symbol)'")
      }
      index += 1
    }
  }

  func expectEnd() throws(KilnError) {
    if current.kind != .end { throw unexpected("the end of the text") }
  }

  func unexpected(_ expected: String) -> KilnError {
    failure("parse.C1", "expected \(expected), found \(current.named)", current)
  }

  func failure(_ label: String, _ message: String, _ token: Token) -> KilnError {
    KilnError(label, message, at: location(of: token))
  }

  func failure(_ failure: ConstraintFailure, _ token: Token) -> KilnError {
    self.failure(failure.label, failure.message, token)
  }

  func location(of token: Token) -> SourceLocation {
    .position(file: file, line: token.line, column: token.column)
  }
}

// MARK: - Phrases

extension TokenReader {
  /// Elements separated by commas up to `closing`, or at least one of them if that is nil.
  @discardableResult
  mutating func list<Element>(
    until closing: String?, _ element: (inout TokenReader) throws(KilnError) -> Element
  ) throws(KilnError) -> [Element] {
    if let closing, accept(closing) { return [] }
    var elements = [try element(&self)]
    while accept(",") { elements.append(try element(&self)) }
    if let closing, !accept(closing) { throw unexpected("',' or '\(closing)'") }
    return elements
  }

  /// A name of a function or parameter, which the next token of `kind` has.
  mutating func name(_ kind: Token.Kind, _ expected: String) throws(KilnError) -> String {
    let token = current
    let name = try expect(kind, expected)
    guard Lexer.isName(name) else {
      throw failure("parse.C5", "a name has letters, digits, _ and ., and no digit first; found \(token.named)", token)
    }
    return name
  }

  mutating func dtype() throws(KilnError) -> DType {
    let token = current
    let spelling = try expect(.word, "a type, like f32[2,3]")
    guard let dtype = DType(spelling: spelling) else {
      let names = DType.allCases.map(\.description).joined(separator: ", ")
      throw failure("parse.C9", "there is no dtype '\(spelling)'; there are \(names)", token)
    }
    return dtype
  }

  mutating func type() throws(KilnError) -> TensorType {
    let token = current
    let dtype = try dtype()
    try expect("[")
    let extents = try list(until: "]") { reader throws(KilnError) in try reader.size("an extent") }
    let type = TensorType(dtype, Shape(extents))
    do throws(ConstraintFailure) { try type.requireAddressable() } catch { throw failure(error, token) }
    return type
  }

  /// A type of a plan, which is made for sizes that are known.
  mutating func staticType() throws(KilnError) -> TensorType {
    let token = current
    let type = try type()
    guard !type.shape.isSymbolic else {
      throw failure("parse.C6", "an extent of a plan is a whole number, found \(type)", token)
    }
    return type
  }

  /// `number:` of the next element of a list that is numbered from 0.
  mutating func number(_ expected: Int) throws(KilnError) {
    let token = current
    guard try integer("a number") == expected else {
      throw failure("parse.C1", "expected number \(expected), found \(token.text)", token)
    }
    try expect(":")
  }

  /// `[1, 2]`
  mutating func integers(_ expected: String) throws(KilnError) -> [Int] {
    try expect("[")
    return try list(until: "]") { reader throws(KilnError) in try reader.integer(expected) }
  }

  mutating func integer(_ expected: String) throws(KilnError) -> Int {
    let token = current
    guard let value = Int(try expect(.number, expected)) else {
      throw failure("parse.C6", "\(expected) is a whole number of at most 64 bits, found \(token.text)", token)
    }
    return value
  }

  /// `{name = value, …}`, or nothing.
  mutating func attributes() throws(KilnError) -> [NamedAttribute] {
    guard accept("{") else { return [] }
    return try list(until: "}") { reader throws(KilnError) in
      let name = try reader.expect(.word, "the name of an attribute")
      try reader.expect("=")
      return NamedAttribute(name, try reader.attribute())
    }
  }

  mutating func attribute(depth: Int = 0) throws(KilnError) -> Attribute {
    let token = current
    switch token.kind {
    case _ where startsSize(token):
      return .dimension(try size("a size"))
    case .number:
      index += 1
      return .number(token.text)
    case .word:
      index += 1
      let isNumber = ["nan", "inf", "true", "false"].contains(token.text)
      return isNumber ? .number(token.text) : .word(token.text)
    case .symbol:
      index += 1
      return .symbol(token.text)
    case .punctuation where token.text == "[":
      guard depth < Self.maximumListDepth else {
        throw failure("parse.C7", "lists are nested at most \(Self.maximumListDepth) deep", token)
      }
      index += 1
      return .list(try list(until: "]") { reader throws(KilnError) in try reader.attribute(depth: depth + 1) })
    case .value, .string, .punctuation, .unknown, .end: throw unexpected("a number, a word, @name or a list")
    }
  }
}
