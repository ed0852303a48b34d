/// Reads the text form of the IR. It knows no op by name: `Op.make` builds them, `Op.infer` types them.
///
///     module      = function*
///     function    = "func" SYMBOL "(" [parameter ("," parameter)*] ")" "->" "(" [type ("," type)*] ")"
///                   "{" instruction* "return" [VALUE ("," VALUE)*] "}"
///     parameter   = ["hidden"] VALUE ":" type
///     instruction = [result ("," result)* "="] WORD "(" [VALUE ("," VALUE)*] ")" [attributes]
///     result      = VALUE ":" type
///     attributes  = "{" WORD "=" attribute ("," WORD "=" attribute)* "}"
///     attribute   = NUMBER | WORD | SYMBOL | "[" [attribute ("," attribute)*] "]"
///     type        = WORD "[" [NUMBER ("," NUMBER)*] "]"
///
/// An error ends its line, not the reading: the next line is read with the types that the broken one declared. Labels:
///
/// - `parse.C1`: another token was expected here.
/// - `parse.C2`: the value has no definition above.
/// - `parse.C3`: the value has a definition already.
/// - `parse.C4`: no op has this name.
/// - `parse.C5`: the name of a function or parameter is no name.
/// - `parse.C6`: the extent is no number, or too large for one.
/// - `parse.C7`: lists are nested too deeply.
/// - `parse.C8`: the function does not return what its header says.
/// - `parse.C9`: no dtype has this name.
/// - `type.C1`, `type.C2`, `verify.C1` and the labels of the ops.
struct Parser {
  private static let maximumListDepth = 8
  private static let maximumDiagnosticCount = 100

  private let file: String
  private let tokens: [Token]
  private var index = 0
  private var diagnostics: [Diagnostic] = []
  private var module = Module()
  private var brokenFunctions: Set<String> = []

  private init(_ text: String, file: String) {
    self.file = file
    tokens = Lexer.tokens(of: text)
  }

  /// The module that `text` holds. The functions are verified as they are read.
  static func parse(_ text: String, file: String) throws(KilnError) -> Module {
    var parser = Parser(text, file: file)
    parser.parseModule()
    guard parser.diagnostics.isEmpty else { throw KilnError(parser.diagnostics) }
    return parser.module
  }

  /// A list of attribute values separated by commas, as tests write their data.
  static func parseValues(_ text: String, file: String) throws(KilnError) -> [Attribute] {
    var parser = Parser(text, file: file)
    let values = try parser.list(until: nil) { parser throws(KilnError) in try parser.attribute(depth: 0) }
    if parser.current.kind != .end { throw parser.unexpected("',' or the end") }
    return values
  }
}

// MARK: - Functions

extension Parser {
  private mutating func parseModule() {
    while current.kind != .end && diagnostics.count < Self.maximumDiagnosticCount {
      let nameToken = tokens[min(index + 1, tokens.count - 1)]
      do throws(KilnError) {
        if let function = try parseFunction() {
          try append(function, nameToken)
        } else {
          brokenFunctions.insert(nameToken.text)
        }
      } catch {
        diagnostics += error.diagnostics
        brokenFunctions.insert(nameToken.text)
        skip { $0.kind == .word && $0.text == "func" }
      }
    }
  }

  private mutating func append(_ function: Function, _ nameToken: Token) throws(KilnError) {
    do throws(ConstraintFailure) { try module.append(function) } catch { throw located(error, nameToken) }
  }

  /// Reads a function. Nil if its body was wrong, which `diagnostics` then says.
  private mutating func parseFunction() throws(KilnError) -> Function? {
    let knownErrorCount = diagnostics.count
    try expectWord("func")
    let nameToken = current
    let name = try expect(.symbol, "the name of the function, like @main")
    try expectName(name, nameToken)
    var body = FunctionText(name: name)
    try expect("(")
    try list(until: ")") { parser throws(KilnError) in try parser.parseParameter(into: &body) }
    try expect("->")
    try expect("(")
    let resultTypes = try list(until: ")") { parser throws(KilnError) in try parser.type() }
    try expect("{")
    while diagnostics.count < Self.maximumDiagnosticCount {
      let start = current
      if start.kind == .end || start.text == "func" || (start.kind == .punctuation && start.text == "}") {
        diagnostics += unexpected("'return'").diagnostics
        _ = accept("}")
        return nil
      }
      do throws(KilnError) {
        if start.kind == .word && start.text == "return" {
          let results = try parseReturn(in: body, resultTypes)
          try expect("}")
          return diagnostics.count == knownErrorCount ? body.function(results) : nil
        }
        try parseInstruction(into: &body)
      } catch {
        diagnostics += error.diagnostics
        skipBrokenLine(from: start)
        if start.text == "return" && start.kind == .word {
          _ = accept("}")
          return nil
        }
      }
    }
    return nil
  }

  /// Goes on with the next line, or stays at the error if that is where a line begins.
  private mutating func skipBrokenLine(from start: Token) {
    let line = current.line
    if line == start.line || tokens[index - 1].line == line { skip { $0.line > line } }
  }

  private mutating func parseParameter(into body: inout FunctionText) throws(KilnError) {
    var isHidden = false
    if current.kind == .word && current.text == "hidden" {
      isHidden = true
      index += 1
    }
    let token = current
    let name = try expect(.value, "a parameter, like %x: f32[2]")
    try expectName(name, token)
    try expect(":")
    let type = try type()
    guard body.addParameter(name, type, isHidden) else { throw definedTwice(token) }
  }

  private mutating func parseReturn(in body: FunctionText, _ types: [TensorType]) throws(KilnError) -> [ValueID] {
    let token = current
    try expectWord("return")
    var results: [ValueID] = []
    if current.kind == .value { results = try operands(until: nil, in: body) }
    let found = results.map { body.valueTypes[$0] }
    guard zip(found, types).allSatisfy({ $0 == nil || $0 == $1 }) && found.count == types.count else {
      let names = found.map { $0?.description ?? "?" }.joined(separator: ", ")
      throw diagnostic(
        "parse.C8", "@\(body.name) gives (\(types.map(\.description).joined(separator: ", "))), found (\(names))", token)
    }
    return results
  }

  private mutating func parseInstruction(into body: inout FunctionText) throws(KilnError) {
    let first = current
    var results: [(token: Token, type: TensorType?)] = []
    do throws(KilnError) {
      if current.kind == .value { try parseResults(into: &results) }
      let opToken = current
      let spelling = try expect(.word, "the name of an op")
      try expect("(")
      let operands = try operands(until: ")", in: body)
      let attributes = try parseAttributes()
      let types = results.compactMap(\.type)
      let op: Op
      do throws(ConstraintFailure) {
        op = try makeOp(spelling, attributes, types)
        let operandTypes = operands.compactMap { body.valueTypes[$0] }
        // An operand without a type belongs to a line that was reported already; so does a broken function.
        if operandTypes.count == operands.count && !namesBrokenFunction(op) {
          try Verifier.check(op, operandTypes, results: types, in: module)
        }
      } catch { throw located(error, opToken) }
      let location = SourceLocation.position(file: file, line: first.line, column: first.column)
      body.append(op, operands, resultCount: types.count, at: location)
    } catch {
      // What the line declares is known below it, so that one mistake is reported once.
      for (token, type) in results { body.define(token.text, type) }
      throw error
    }
    for (token, type) in results {
      guard body.define(token.text, type) else { throw definedTwice(token) }
    }
  }

  private func makeOp(
    _ spelling: String, _ attributes: [NamedAttribute], _ types: [TensorType]
  ) throws(ConstraintFailure) -> Op {
    let reader = AttributeReader(spelling, attributes)
    guard let op = try Op.make(spelling: spelling, attributes: reader, resultTypes: types) else {
      throw ConstraintFailure("parse.C4", "there is no op named '\(spelling)'")
    }
    return op
  }

  private func namesBrokenFunction(_ op: Op) -> Bool {
    op.attributes.contains {
      guard case .symbol(let name) = $0.value else { return false }
      return brokenFunctions.contains(name)
    }
  }

  private mutating func parseResults(into results: inout [(token: Token, type: TensorType?)]) throws(KilnError) {
    repeat {
      results.append((current, nil))
      try expect(.value, "a result, like %0: f32[2]")
      try expect(":")
      results[results.count - 1].type = try type()
    } while accept(",")
    try expect("=")
  }

  private mutating func parseAttributes() throws(KilnError) -> [NamedAttribute] {
    guard accept("{") else { return [] }
    return try list(until: "}") { parser throws(KilnError) in
      let name = try parser.expect(.word, "the name of an attribute")
      try parser.expect("=")
      return NamedAttribute(name, try parser.attribute(depth: 0))
    }
  }
}

// MARK: - Pieces

extension Parser {
  private mutating func operands(until closing: String?, in body: FunctionText) throws(KilnError) -> [ValueID] {
    try list(until: closing) { parser throws(KilnError) in
      let token = parser.current
      let name = try parser.expect(.value, "a value, like %x")
      guard let value = body.value(named: name) else {
        throw parser.diagnostic("parse.C2", "%\(name) is not defined above this line", token)
      }
      return value
    }
  }

  private mutating func attribute(depth: Int) throws(KilnError) -> Attribute {
    let token = current
    switch token.kind {
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
        throw diagnostic("parse.C7", "lists are nested at most \(Self.maximumListDepth) deep", token)
      }
      index += 1
      return .list(try list(until: "]") { parser throws(KilnError) in try parser.attribute(depth: depth + 1) })
    case .value, .punctuation, .unknown, .end: throw unexpected("a number, a word, @name or a list")
    }
  }

  private mutating func type() throws(KilnError) -> TensorType {
    let token = current
    let spelling = try expect(.word, "a type, like f32[2,3]")
    guard let dtype = DType(spelling: spelling) else {
      let names = DType.allCases.map(\.description).joined(separator: ", ")
      throw diagnostic("parse.C9", "there is no dtype '\(spelling)'; there are \(names)", token)
    }
    try expect("[")
    let sizes = try list(until: "]") { parser throws(KilnError) in
      let size = parser.current
      guard let value = Int(try parser.expect(.number, "an extent")) else {
        throw parser.diagnostic("parse.C6", "an extent is a whole number below 2^48, found \(size.text)", size)
      }
      return value
    }
    let type = TensorType(dtype, sizes)
    do throws(ConstraintFailure) { try type.requireAddressable() } catch { throw located(error, token) }
    return type
  }

  /// Elements separated by commas up to `closing`, or at least one of them if that is nil.
  @discardableResult
  private mutating func list<Element>(
    until closing: String?, _ element: (inout Parser) throws(KilnError) -> Element
  ) throws(KilnError) -> [Element] {
    if let closing, accept(closing) { return [] }
    var elements = [try element(&self)]
    while accept(",") { elements.append(try element(&self)) }
    if let closing, !accept(closing) { throw unexpected("',' or '\(closing)'") }
    return elements
  }
}

// MARK: - Tokens

extension Parser {
  private var current: Token { tokens[index] }

  private mutating func accept(_ punctuation: String) -> Bool {
    guard current.kind == .punctuation && current.text == punctuation else { return false }
    index += 1
    return true
  }

  private mutating func expect(_ punctuation: String) throws(KilnError) {
    if !accept(punctuation) { throw unexpected("'\(punctuation)'") }
  }

  private mutating func expectWord(_ word: String) throws(KilnError) {
    guard current.kind == .word && current.text == word else { throw unexpected("'\(word)'") }
    index += 1
  }

  @discardableResult
  private mutating func expect(_ kind: Token.Kind, _ expected: String) throws(KilnError) -> String {
    guard current.kind == kind else { throw unexpected(expected) }
    index += 1
    return tokens[index - 1].text
  }

  private func expectName(_ name: String, _ token: Token) throws(KilnError) {
    guard Lexer.isName(name) else {
      throw diagnostic("parse.C5", "a name has letters, digits, _ and ., and no digit first; found \(token.named)", token)
    }
  }

  /// Goes to the next token for which `condition` holds, or to the end; the current token is not asked.
  private mutating func skip(to condition: (Token) -> Bool) {
    repeat {
      if current.kind == .end { return }
      index += 1
    } while current.kind != .end && !condition(current)
  }

  private func unexpected(_ expected: String) -> KilnError {
    diagnostic("parse.C1", "expected \(expected), found \(current.named)", current)
  }

  private func definedTwice(_ token: Token) -> KilnError {
    diagnostic("parse.C3", "%\(token.text) is defined already", token)
  }

  private func diagnostic(_ label: String, _ message: String, _ token: Token) -> KilnError {
    KilnError(label, message, at: .position(file: file, line: token.line, column: token.column))
  }

  private func located(_ failure: ConstraintFailure, _ token: Token) -> KilnError {
    diagnostic(failure.label, failure.message, token)
  }
}
