import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Programs with their numbers as operands mean the same, whatever the numbers are.
@Suite("Constants as operands")
struct LiftTests {
  @Test("random programs: lifted with one set of numbers, run with another")
  func random() throws {
    for seed in 1...UInt64(RandomProgramTests.isDebug ? 200 : 1000) {
      let program = try RandomProgram(seed: seed)
      if let reason = disagreement(program) { Issue.record("seed \(seed): \(reason)") }
    }
  }

  @Test("branches and loops, their derivatives, and a part of the constants", arguments: ControlPrograms.texts.indices)
  func control(number: Int) throws {
    let program = try ControlPrograms.program(number, seed: 3)
    if let reason = disagreement(program) { Issue.record("\(reason)") }
    let count = ConstantLifting.literals(of: program.module).count
    for position in 0..<count {
      if let reason = disagreement(program, [position]) { Issue.record("\(position): \(reason)") }
    }
  }

  @Test("functions with rules of their own and checkpoints become calls")
  func rules() throws {
    let text = """
      func @f(%x: f32[2]) -> (f32[2]) {
        %0: f32[2] = constant() {value = 2.0}
        %1: f32[2] = multiply(%x, %0)
        return %1
      }

      func @f_pullback(%x: f32[2], %y: f32[2], %d: f32[2]) -> (f32[2]) {
        %0: f32[2] = constant() {value = 3.0}
        %1: f32[2] = multiply(%d, %0)
        return %1
      }

      func @main(%x: f32[2]) -> (f32[2], f32[2]) {
        %0: f32[2] = custom(%x) {callee = @f, pullback = @f_pullback}
        %1: f32[2] = checkpoint(%x) {callee = @f}
        return %0, %1
      }
      """
    let module = try Module(parsing: text, file: "rules.kiln")
    let input = TensorValue(Literal(splat: Scalar(Float(5)), shape: [2]))
    let program = RandomProgram(module: module, entry: "main", inputs: [input])
    #expect(disagreement(program) == nil)
    #expect(disagreement(program, [0]) == nil)
  }

  /// How `program` with other numbers differs from `program`, lifted and given these numbers.
  private func disagreement(_ program: RandomProgram, _ positions: [Int]? = nil) -> String? {
    let literals = ConstantLifting.literals(of: program.module)
    let positions = positions ?? Array(literals.indices)
    var others = literals
    for position in positions { others[position] = changed(literals[position]) }
    var changedProgram = program
    changedProgram.module = replacing(others, in: program.module)
    return changedProgram.disagreement { _ in
      let lifted = try ConstantLifting.lift(positions, of: program.module)
      let findings = Verifier.diagnostics(for: lifted)
      if !findings.isEmpty { throw KilnError(findings) }
      let numbers = positions.map { position in
        others[position].splat.map { TensorValue(Literal(splat: $0)) } ?? TensorValue(others[position])
      }
      return try RandomProgram(module: lifted, entry: program.entry, inputs: program.inputs + numbers).run()
    }
  }

  /// Another literal of the same form; what may be an index or a loop's condition stays.
  private func changed(_ literal: Literal) -> Literal {
    guard literal.type.dtype.isReal else { return literal }
    if let splat = literal.splat {
      return Literal(splat: Scalar(splat.dtype, bits: splat.bits ^ 1), shape: literal.type.shape)
    }
    return (try? Literal(literal.type, bits: literal.allBits.reversed())) ?? literal
  }

  private func replacing(_ literals: [Literal], in module: Module) -> Module {
    var rest = literals[...]
    var result = Module()
    for function in module.functions {
      let instructions = function.instructions.elements.map { instruction -> Instruction in
        guard case .source(.constant) = instruction.op else { return instruction }
        var changed = instruction
        changed.op = .source(.constant(rest.removeFirst()))
        return changed
      }
      try? result.append(
        Function(
          name: function.name, parameters: function.parameters, instructions: EntityTable(instructions),
          results: function.results, requirements: function.requirements, valueTypes: function.valueTypes,
          locations: function.locations))
    }
    return result
  }
}
