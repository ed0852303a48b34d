/// Checks that a function is what `Function` promises. Type inference does the rest: every instruction is inferred
/// again, so an op's constraints (`transpose.C2` …) are checked here by their own labels. Further labels:
///
/// - `verify.C1`: an instruction has the result types that inference gives.
/// - `verify.C2`: an operand, or a result of the function, is a parameter or a result of an earlier instruction.
/// - `verify.C3`: results are numbered consecutively in program order, after the parameters, and each has a type.
/// - `verify.C4`: functions and parameters have names that can be written, and no two parameters share one.
/// - `verify.C5`: a parameter's value has the parameter's type, and every type is a possible one (`type.C1`,
///   `type.C2`).
/// - `verify.C6`: every instruction has a location.
public struct Verifier {
  private let module: Module
  private let function: Function
  private var diagnostics: [Diagnostic] = []

  /// How many instructions are shown before and after a wrong one.
  private static let windowRadius = 2

  private init(_ function: Function, in module: Module) {
    self.function = function
    self.module = module
  }

  /// Everything wrong with the functions of `module`; each may call only those before it.
  public static func diagnostics(for module: Module) -> [Diagnostic] {
    var earlier = Module()
    var diagnostics: [Diagnostic] = []
    for function in module.functions {
      diagnostics += Self.diagnostics(for: function, in: earlier)
      do throws(ConstraintFailure) { try earlier.append(function) } catch {
        diagnostics.append(Diagnostic(error.label, error.message))
      }
    }
    return diagnostics
  }

  /// Everything wrong with `function`, which may call the functions of `module`.
  public static func diagnostics(for function: Function, in module: Module = Module()) -> [Diagnostic] {
    var verifier = Verifier(function, in: module)
    verifier.checkParameters()
    for id in function.instructions.ids { verifier.check(id) }
    verifier.checkResults()
    return verifier.diagnostics
  }

  /// Checks one instruction by its types alone: the op's constraints, which `requirements` may grant, and `verify.C1`.
  static func check(
    _ op: Op, _ operands: [TensorType], results: [TensorType], _ requirements: [SizeRequirement], in module: Module
  ) throws(ConstraintFailure) {
    var sizes = SizeQuestions()
    let inferred = try op.infer(operands, in: module, &sizes)
    for (constraint, failure) in sizes.open {
      try require(
        requirements.contains { $0.constraint == constraint }, failure.label,
        "\(failure.message); the function does not require \(constraint)")
    }
    try require(
      inferred == results, "verify.C1",
      "\(op.spelling) gives (\(list(inferred))), the definition says (\(list(results)))")
  }

  private static func list(_ types: [TensorType]) -> String { types.map(\.description).joined(separator: ", ") }
}

extension Verifier {
  private mutating func checkParameters() {
    if !Lexer.isName(function.name) { report("verify.C4", "@\(function.name) is not a name for a function") }
    var names: Set<String> = []
    for (index, parameter) in function.parameters.enumerated() {
      if !Lexer.isName(parameter.name) { report("verify.C4", "%\(parameter.name) is not a name for a parameter") }
      if !names.insert(parameter.name).inserted { report("verify.C4", "two parameters are named %\(parameter.name)") }
      do throws(ConstraintFailure) { try parameter.type.requireAddressable() } catch {
        report(error.label, "parameter %\(parameter.name): \(error.message)")
      }
      if index < function.valueTypes.count, function.valueTypes[ValueID(index)] != parameter.type {
        report(
          "verify.C5",
          "parameter %\(parameter.name) has type \(parameter.type), its value \(function.valueTypes[ValueID(index)])")
      }
    }
    let resultCount = function.instructions.elements.reduce(0) { $0 + $1.resultCount }
    if function.valueTypes.count != function.parameters.count + resultCount {
      report(
        "verify.C3",
        "\(function.parameters.count) parameters and \(resultCount) results have \(function.valueTypes.count) types")
    }
    if function.locations.count != function.instructions.count {
      report("verify.C6", "\(function.instructions.count) instructions have \(function.locations.count) locations")
    }
  }

  private mutating func check(_ id: InstructionID) {
    let instruction = function.instructions[id]
    let first = instruction.firstResult.index
    let previous = id.index == 0 ? nil : function.instructions[InstructionID(id.index - 1)]
    let expected = previous.map { $0.firstResult.index + $0.resultCount } ?? function.parameters.count
    if first != expected {
      report("verify.C3", "the first result is value \(first), expected \(expected)", at: id)
    }
    for operand in instruction.operands where operand.index >= first || operand.index >= function.valueTypes.count {
      let name = function.name(of: operand)
      report("verify.C2", "operand \(name) is not defined before its use", at: id)
      return
    }
    guard first + instruction.resultCount <= function.valueTypes.count else { return }
    let results: [TensorType] = instruction.results.map { function.valueTypes[$0] }
    let operands = instruction.operands.map { function.valueTypes[$0] }
    do throws(ConstraintFailure) {
      try Self.check(instruction.op, operands, results: results, function.requirements, in: module)
    } catch { report(error.label, error.message, at: id) }
  }

  private mutating func checkResults() {
    for result in function.results where result.index >= function.valueTypes.count {
      report("verify.C2", "the function returns \(function.name(of: result)), which is not defined")
    }
  }

  private mutating func report(_ label: String, _ message: String, at id: InstructionID? = nil) {
    guard let id else {
      diagnostics.append(Diagnostic(label, "in @\(function.name): \(message)"))
      return
    }
    let location = id.index < function.locations.count ? function.locations[id] : .unknown
    diagnostics.append(
      Diagnostic(label, "in @\(function.name): \(message)", at: location, notes: window(around: id)))
  }

  /// The instructions around `id`, which an arrow marks.
  private func window(around id: InstructionID) -> [String] {
    let first = max(0, id.index - Self.windowRadius)
    let last = min(function.instructions.count - 1, id.index + Self.windowRadius)
    return (first...last).map { index in
      (index == id.index ? "> " : "  ") + Printer().line(of: InstructionID(index), in: function)
    }
  }
}

extension Module {
  /// - Throws: everything that the verifier finds.
  public func verify() throws(KilnError) {
    let diagnostics = Verifier.diagnostics(for: self)
    if !diagnostics.isEmpty { throw KilnError(diagnostics) }
  }
}
