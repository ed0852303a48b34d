/// Reads the text form of the IR. It knows no op by name: `Op.make` builds them, `Op.infer` types them.
///
///     module      = function*
///     function    = "func" SYMBOL "(" [parameter ("," parameter)*] ")" "->" "(" [type ("," type)*] ")"
///                   "{" requirement* instruction* "return" [VALUE ("," VALUE)*] "}"
///     requirement = "require" size ("==" | ">=" | "%") size WORD
///     parameter   = ["hidden"] VALUE ":" type
///     instruction = [result ("," result)* "="] WORD "(" [VALUE ("," VALUE)*] ")" [attributes]
///     result      = VALUE ":" type
///     attributes  = "{" WORD "=" attribute ("," WORD "=" attribute)* "}"
///     attribute   = size | WORD | SYMBOL | "[" [attribute ("," attribute)*] "]"
///     type        = WORD "[" [size ("," size)*] "]"
///     size        = product (("+" | "-") product)*
///     product     = factor ("*" factor)*
///     factor      = NUMBER | WORD | ("floordiv" | "max") "(" size "," size ")"
///
/// An error ends its line, not the reading: the next line is read with the types that the broken one declared. Labels:
///
/// - `parse.C1`: another token was expected here.
/// - `parse.C2`: the value has no definition above.
/// - `parse.C3`: the value has a definition already.
/// - `parse.C4`: no op has this name.
/// - `parse.C5`: the name of a function or parameter is not a name.
/// - `parse.C6`: the extent is not a number, or is too large.
/// - `parse.C7`: lists are nested too deeply.
/// - `parse.C8`: the function does not return what its header says.
/// - `parse.C9`: no dtype has this name.
/// - `type.C1`, `type.C2`, `verify.C1` and the labels of the ops.
struct Parser {
  private static let maximumDiagnosticCount = 100

  private var reader: TokenReader
  private var diagnostics: [Diagnostic] = []
  private var module = Module()
  private var brokenFunctions: Set<String> = []

  private init(_ text: String, file: String) { reader = TokenReader(text, file: file) }

  /// The module that `text` holds. The functions are verified as they are read.
  static func parse(_ text: String, file: String) throws(KilnError) -> Module {
    var parser = Parser(text, file: file)
    parser.parseModule()
    guard parser.diagnostics.isEmpty else { throw KilnError(parser.diagnostics) }
    return parser.module
  }

  /// A list of attribute values separated by commas, as tests write their data.
  static func parseValues(_ text: String, file: String) throws(KilnError) -> [Attribute] {
    var reader = TokenReader(text, file: file)
    let values = try reader.list(until: nil) { reader throws(KilnError) in try reader.attribute() }
    if reader.current.kind != .end { throw reader.unexpected("',' or the end") }
    return values
  }
}

// MARK: - Functions

extension Parser {
  private mutating func parseModule() {
    while reader.current.kind != .end && diagnostics.count < Self.maximumDiagnosticCount {
      let nameToken = reader.next
      do throws(KilnError) {
        if let function = try parseFunction() {
          do throws(ConstraintFailure) { try module.append(function) } catch { throw reader.failure(error, nameToken) }
        } else {
          brokenFunctions.insert(nameToken.text)
        }
      } catch {
        diagnostics += error.diagnostics
        brokenFunctions.insert(nameToken.text)
        reader.skip { $0.kind == .word && $0.text == "func" }
      }
    }
  }

  /// Reads a function. Nil if its body was wrong, which `diagnostics` then says.
  private mutating func parseFunction() throws(KilnError) -> Function? {
    let knownErrorCount = diagnostics.count
    try reader.expect(word: "func")
    var body = FunctionText(name: try reader.name(.symbol, "the name of the function, like @main"))
    try reader.expect("(")
    try reader.list(until: ")") { reader throws(KilnError) in try Self.parseParameter(&reader, into: &body) }
    try reader.expect("->")
    try reader.expect("(")
    let resultTypes = try reader.list(until: ")") { reader throws(KilnError) in try reader.type() }
    try reader.expect("{")
    while diagnostics.count < Self.maximumDiagnosticCount {
      let start = reader.current
      if start.kind == .end || reader.isAt(word: "func") || reader.isAt("}") {
        diagnostics += reader.unexpected("'return'").diagnostics
        reader.accept("}")
        return nil
      }
      let isReturn = reader.isAt(word: "return")
      let isRequirement = reader.isAt(word: "require")
      do throws(KilnError) {
        if isReturn {
          let results = try parseReturn(in: body, resultTypes)
          try reader.expect("}")
          return diagnostics.count == knownErrorCount ? body.function(results) : nil
        }
        if isRequirement {
          body.require(try reader.requirement())
        } else {
          try parseInstruction(into: &body)
        }
      } catch {
        diagnostics += error.diagnostics
        skipBrokenLine(from: start)
        if isReturn {
          reader.accept("}")
          return nil
        }
      }
    }
    return nil
  }

  /// Goes on with the next line, or stays at the error if that is where a line begins.
  private mutating func skipBrokenLine(from start: Token) {
    let line = reader.current.line
    if line == start.line || !reader.isAtLineStart { reader.skip { $0.line > line } }
  }

  private static func parseParameter(_ reader: inout TokenReader, into body: inout FunctionText) throws(KilnError) {
    let isHidden = reader.accept(word: "hidden")
    let token = reader.current
    let name = try reader.name(.value, "a parameter, like %x: f32[2]")
    try reader.expect(":")
    let type = try reader.type()
    guard body.addParameter(name, type, isHidden) else { throw definedTwice(token, reader) }
  }

  private mutating func parseReturn(in body: FunctionText, _ types: [TensorType]) throws(KilnError) -> [ValueID] {
    let token = reader.current
    try reader.expect(word: "return")
    var results: [ValueID] = []
    if reader.current.kind == .value { results = try parseOperands(until: nil, in: body) }
    let found = results.map { body.valueTypes[$0] }
    guard zip(found, types).allSatisfy({ $0 == nil || $0 == $1 }) && found.count == types.count else {
      let names = found.map { $0?.description ?? "?" }.joined(separator: ", ")
      throw reader.failure(
        "parse.C8", "@\(body.name) gives (\(types.map(\.description).joined(separator: ", "))), found (\(names))", token
      )
    }
    return results
  }
}

// MARK: - Instructions

extension Parser {
  private mutating func parseInstruction(into body: inout FunctionText) throws(KilnError) {
    let first = reader.current
    var results: [(token: Token, type: TensorType?)] = []
    do throws(KilnError) {
      if reader.current.kind == .value { try parseResults(into: &results) }
      let opToken = reader.current
      let spelling = try reader.expect(.word, "the name of an op")
      try reader.expect("(")
      let operands = try parseOperands(until: ")", in: body)
      let attributes = try reader.attributes()
      let types = results.compactMap(\.type)
      let op: Op
      do throws(ConstraintFailure) {
        op = try makeOp(spelling, attributes, types)
        let operandTypes = operands.compactMap { body.valueTypes[$0] }
        // An operand without a type belongs to a line that was reported already; so does a broken function.
        if operandTypes.count == operands.count && !namesBrokenFunction(op) {
          try Verifier.check(op, operandTypes, results: types, body.requirements, in: module)
        }
      } catch { throw reader.failure(error, opToken) }
      body.append(op, operands, resultCount: types.count, at: reader.location(of: first))
    } catch {
      // What the line declares is known below it, so that one mistake is reported once.
      for (token, type) in results { body.define(token.text, type) }
      throw error
    }
    for (token, type) in results {
      guard body.define(token.text, type) else { throw Self.definedTwice(token, reader) }
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
      results.append((reader.current, nil))
      try reader.expect(.value, "a result, like %0: f32[2]")
      try reader.expect(":")
      results[results.count - 1].type = try reader.type()
    } while reader.accept(",")
    try reader.expect("=")
  }

  private mutating func parseOperands(until closing: String?, in body: FunctionText) throws(KilnError) -> [ValueID] {
    try reader.list(until: closing) { reader throws(KilnError) in
      let token = reader.current
      let name = try reader.expect(.value, "a value, like %x")
      guard let value = body.value(named: name) else {
        throw reader.failure("parse.C2", "%\(name) is not defined above this line", token)
      }
      return value
    }
  }

  private static func definedTwice(_ token: Token, _ reader: TokenReader) -> KilnError {
    reader.failure("parse.C3", "%\(token.text) is defined already", token)
  }
}
