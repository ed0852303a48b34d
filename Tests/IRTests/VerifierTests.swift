import KilnIR
import Testing

/// The rules of functions that no text and no builder can break; the ops' constraints have file tests.
@Suite("Verifier") struct VerifierTests {
  static let vector = TensorType(.f32, [2])

  /// `@f(%x: f32[2])` with one `negate` and one `add`, its parts changed by `change`.
  struct Parts {
    var name = "f"
    var parameters = [Function.Parameter("x", VerifierTests.vector)]
    var instructions = [
      Instruction(op: .map(.negate), operands: [ValueID(0)], firstResult: ValueID(1), resultCount: 1),
      Instruction(op: .map(.add), operands: [ValueID(0), ValueID(1)], firstResult: ValueID(2), resultCount: 1),
    ]
    var results = [ValueID(2)]
    var types = [VerifierTests.vector, VerifierTests.vector, VerifierTests.vector]
    var locations: [KilnIR.SourceLocation] = [.unknown, .position(file: "f.swift", line: 7, column: 0)]
  }

  func diagnostics(_ change: (inout Parts) -> Void) -> [Diagnostic] {
    var parts = Parts()
    change(&parts)
    return Verifier.diagnostics(
      for: Function(
        name: parts.name, parameters: parts.parameters, instructions: EntityTable(parts.instructions),
        results: parts.results, requirements: [], valueTypes: EntityTable(parts.types),
        locations: EntityTable(parts.locations)))
  }

  @Test("A function that is right") func right() { #expect(diagnostics { _ in } == []) }

  @Test("verify.C1: result types are the inferred ones") func verifyC1() {
    #expect(diagnostics { $0.types[2] = TensorType(.f32, [3]) }.map(\.label) == ["verify.C1"])
  }

  @Test("verify.C2: operands and results are defined before") func verifyC2() {
    #expect(diagnostics { $0.instructions[0].operands = [ValueID(1)] }.map(\.label) == ["verify.C2"])
    #expect(diagnostics { $0.instructions[1].operands[1] = ValueID(99) }.map(\.label) == ["verify.C2"])
    #expect(diagnostics { $0.results = [ValueID(3)] }.map(\.label) == ["verify.C2"])
  }

  @Test("verify.C3: results are numbered in order and have types") func verifyC3() {
    #expect(diagnostics { $0.instructions[1].firstResult = ValueID(1) }.map(\.label).contains("verify.C3"))
    #expect(diagnostics { _ = $0.types.removeLast() }.map(\.label).contains("verify.C3"))
    #expect(diagnostics { $0.types.append(Self.vector) }.map(\.label) == ["verify.C3"])
  }

  @Test("verify.C4: names can be written and differ") func verifyC4() {
    #expect(diagnostics { $0.name = "a b" }.map(\.label) == ["verify.C4"])
    #expect(diagnostics { $0.parameters[0].name = "0" }.map(\.label) == ["verify.C4"])
    #expect(diagnostics { $0.parameters[0].name = "" }.map(\.label) == ["verify.C4"])
    let twice = diagnostics {
      $0.parameters.append($0.parameters[0])
      $0.instructions.removeFirst()
      $0.locations.removeFirst()
    }
    #expect(twice.map(\.label) == ["verify.C4"])
  }

  @Test("verify.C5: parameters have their types, which are possible ones") func verifyC5() {
    #expect(diagnostics { $0.parameters[0].type = TensorType(.f64, [2]) }.map(\.label) == ["verify.C5"])
    let huge = TensorType(.f32, [1 << 40, 1 << 40])
    #expect(diagnostics { $0.parameters[0].type = huge }.map(\.label).contains("type.C1"))
  }

  @Test("verify.C6: every instruction has a location") func verifyC6() {
    #expect(diagnostics { _ = $0.locations.removeLast() }.map(\.label) == ["verify.C6"])
  }

  @Test("All mistakes are reported, each with its line and the instructions around it") func window() {
    let found = diagnostics {
      $0.types[1] = TensorType(.f32, [3])
      $0.instructions[1].operands = [ValueID(0), ValueID(0), ValueID(0)]
    }
    #expect(found.map(\.label) == ["verify.C1", "add.C0"])
    #expect(found.last?.location == .position(file: "f.swift", line: 7, column: 0))
    #expect(found.last?.notes == ["  %0: f32[3] = negate(%x)", "> %1: f32[2] = add(%x, %x, %x)"])
  }

  @Test("A module is verified in order: a function calls only earlier ones") func module() throws {
    let text = """
      func @a(%x: f32[2]) -> (f32[2]) {
        return %x
      }
      func @b(%x: f32[2]) -> (f32[2]) {
        %0: f32[2] = call(%x) {callee = @a}
        return %0
      }
      """
    let module = try Module(parsing: text, file: "m")
    try module.verify()
    let reversed = try Module(module.functions.reversed())
    #expect(throws: KilnError.self) { try reversed.verify() }
    #expect(Verifier.diagnostics(for: reversed).map(\.label) == ["call.C1"])
  }

  @Test("Locations print on request and do not count in equality") func locations() throws {
    let text = "func @f(%x: f32[2]) -> (f32[2]) {\n  %y: f32[2] = negate(%x)\n  return %y\n}\n"
    let module = try Module(parsing: text, file: "a.kiln")
    let located = Printer { $0 }.text(of: module)
    #expect(located.contains("  %0: f32[2] = negate(%x) // at a.kiln:2:3\n"))
    #expect(try Module(parsing: located, file: "b.kiln") == module)
    #expect(Printer { _ in .returnAddresses([7]) }.text(of: module) == module.description)
  }

  @Test(
    "S2: a constant NaN has one text, which reads back as the same constant", arguments: [DType.f16, .bf16, .f32, .f64])
  func constantNaN(_ dtype: DType) throws {
    var builder = FunctionBuilder("f")
    let payload = Literal(splat: Scalar(dtype, bits: .max))
    let dense = try Literal(TensorType(dtype, [2]), bits: [dtype.bitMask, 0])
    let results = [
      try builder.emitOne(.source(.constant(payload)), []), try builder.emitOne(.source(.constant(dense)), []),
    ]
    let module = try Module([builder.finish(results)])
    #expect(try Module(parsing: module.description, file: "printed") == module)
  }

  @Test("A diagnostic of the reader begins with file, line and column") func position() {
    #expect {
      _ = try Module(parsing: "func @f() -> () {\n  frob()\n  return\n}\n", file: "a.kiln")
    } throws: { "\($0)" == "a.kiln:2:3: error: there is no op named 'frob' [parse.C4]" }
  }
}
