import KilnIR
import KilnPasses
import Testing

@Suite struct PipelineTests {
  static let calls = """
    func @square(%x: f32[2]) -> (f32[2], f32[2]) {
      %0: f32[2] = multiply(%x, %x)
      %1: f32[2] = sin(%x)
      return %0, %1
    }

    func @other(%x: f32[2]) -> (f32[2]) {
      %0: f32[2], %1: f32[2] = call(%x) {callee = @square}
      return %0
    }

    func @main(%x: f32[2], %y: f32[2]) -> (f32[2]) {
      %0: f32[2], %1: f32[2] = call(%x) {callee = @square}
      %2: f32[2] = call(%0) {callee = @other}
      %3: f32[2] = multiply(%x, %x)
      %4: f32[2] = add(%2, %3)
      return %4
    }

    """

  @Test("inline replaces calls by the bodies of their callees, several levels deep")
  func inline() throws {
    let inlined = try Pipeline([.inline]).run(module(Self.calls))
    #expect(inlined.ops() == ["multiply", "sin", "multiply", "sin", "add"])
    #expect(inlined.functions.map(\.name) == ["square", "other", "main"])
    let x = try TensorValue([1.5, -2] as [Float], shape: [2])
    #expect(try inlined.run("main", [x, x]) == module(Self.calls).run("main", [x, x]))
  }

  @Test("inlined instructions keep their own locations")
  func inlinedLocations() throws {
    let main = try #require(try Pipeline([.inline]).run(module(Self.calls))["main"])
    let sine = try #require(main.instructions.ids.first { main.instructions[$0].op == .map(.sin) })
    #expect(main.locations[sine].description.hasPrefix("test.kiln:3"))
  }

  @Test("inline.C1: calls that double at every level are refused, not expanded")
  func inline_C1() throws {
    var text = "func @f0(%x: f32[]) -> (f32[]) {\n  %0: f32[] = sin(%x)\n  return %0\n}\n"
    for level in 1...40 {
      text += """
        func @f\(level)(%x: f32[]) -> (f32[]) {
          %0: f32[] = call(%x) {callee = @f\(level - 1)}
          %1: f32[] = call(%0) {callee = @f\(level - 1)}
          return %1
        }

        """
    }
    let program = try module(text)
    let error = #expect(throws: KilnError.self) { try Pipeline([.inline]).run(program, verifying: false) }
    #expect(error?.diagnostics.map(\.label) == ["inline.C1"])
  }

  @Test("keep drops what the entry does not call")
  func keep() throws {
    let kept = try Pipeline([.keep("other")]).run(module(Self.calls))
    #expect(kept.functions.map(\.name) == ["square", "other"])
    #expect(throws: KilnError.self) { try Pipeline([.keep("missing")]).run(module(Self.calls)) }
  }

  @Test("the default pipeline for an entry leaves this function alone, without calls and dead code")
  func defaultPipeline() throws {
    var seen: [String] = []
    let result = try Pipeline.default(for: "main").run(module(Self.calls)) { pass, _, _ in seen.append(pass.name) }
    #expect(result.functions.map(\.name) == ["main"])
    #expect(result.ops() == ["multiply", "multiply", "add"])
    #expect(
      seen == [
        "keep(main)", "inlineAll", "keep(main)", "eraseStopGradient", "simplify", "cse", "dce", "trim(main)", "dce",
      ])
  }

  @Test("dce drops what no result needs, and keeps parameters")
  func deadCode() throws {
    let program = try main(
      "%x: f32[2], %y: f32[2]", "f32[2]",
      "%0: f32[2] = sin(%y)\n%1: f32[2] = exp(%x)\n%2: f32[2] = cos(%0)\n%3: f32[2] = add(%1, %1)\nreturn %3")
    let result = try Pipeline([.eliminateDeadCode]).run(program)
    #expect(result.ops() == ["exp", "add"])
    #expect(result["main"]?.parameters.count == 2)
  }

  @Test("cse builds equal instructions once, and not those with other attributes")
  func commonSubexpressions() throws {
    let program = try main(
      "%x: f32[2,2]", "f32[2], f32[2], f32[2]",
      """
      %0: f32[2,2] = sin(%x)
      %1: f32[2,2] = sin(%x)
      %2: f32[2] = reduce(%0) {kind = sum, axes = [0]}
      %3: f32[2] = reduce(%1) {kind = sum, axes = [0]}
      %4: f32[2] = reduce(%1) {kind = sum, axes = [1]}
      return %2, %3, %4
      """)
    let result = try Pipeline([.eliminateCommonSubexpressions]).run(program)
    #expect(result.ops() == ["sin", "reduce sum", "reduce sum"])
    let results = try #require(result["main"]?.results)
    #expect(results[0] == results[1] && results[1] != results[2])
  }

  @Test("W1: an instruction that the reference refuses stays")
  func refusedFolding() throws {
    let program = try main(
      "", "f32[1]",
      """
      %x: f32[2] = constant() {value = [1.0, 2.0]}
      %i: i32[1] = constant() {value = 5}
      %y: f32[1] = gather(%x, %i) {axis = 0, bounds = check}
      return %y
      """)
    #expect(try Pipeline([.simplify]).run(program).ops() == ["constant", "constant", "gather check"])
  }

  @Test("a folded NaN reads back as the same module")
  func foldedNaN() throws {
    let program = try main(
      "", "f32[2]",
      """
      %x: f32[2] = constant() {value = [0.0, -inf]}
      %z: f32[2] = constant() {value = 0.0}
      %q: f32[2] = multiply(%x, %z)
      %n: f32[2] = negate(%q)
      return %n
      """)
    let folded = try Pipeline([.simplify]).run(program)
    #expect(folded.ops() == ["constant"])
    #expect(try module(folded.description) == folded)
  }

  @Test("folding makes no constant larger than 64 KiB or of more than 1,024 different elements")
  func foldingBudget() throws {
    let program = try main(
      "", "f32[40,40]",
      """
      %x: f32[40] = constant() {value = [\((0..<40).map { "\($0).0" }.joined(separator: ", "))]}
      %y: f32[40,40] = dot(%x, %x) {batch = [], contract = []}
      return %y
      """)
    #expect(try Pipeline([.simplify]).run(program).ops() == ["constant", "dot"])
  }

  // MARK: - Text

  @Test("passes are read from text")
  func text() throws {
    let pipeline = try Pipeline(parsing: " simplify , gradient(@f, 0, 2),dce,keep(f)")
    #expect(pipeline.passes.map(\.name) == ["simplify", "gradient(f, 0, 2)", "dce", "keep(f)"])
    #expect(try Pipeline(parsing: "default").passes.map(\.name) == Pipeline.default.passes.map(\.name))
    #expect(try Pipeline(parsing: "").passes.isEmpty)
  }

  @Test("a gradient asked for by text is that of the library")
  func textualGradient() throws {
    let program = try main("%x: f32[]", "f32[]", "%y: f32[] = sin(%x)\nreturn %y")
    let result = try Pipeline(parsing: "gradient(main, 0),simplify").run(program)
    #expect(result.functions.map(\.name) == ["main", "main_gradient"])
    #expect(result.ops("main_gradient") == ["cos"])
  }

  @Test(
    "pipeline.C1, pipeline.C2: unknown passes and wrong arguments",
    arguments: [
      ("simplyfy", "pipeline.C1"), ("simplify,,dce", "pipeline.C1"), ("gradient(f)", "pipeline.C2"),
      ("gradient(f, x)", "pipeline.C2"), ("gradient(f, 0", "pipeline.C2"), ("simplify(1)", "pipeline.C2"),
      ("gradient((f), 0)", "pipeline.C2"), ("dce)", "pipeline.C2"), ("gradient(f, 0)x", "pipeline.C2"),
      ("keep()", "pipeline.C2"),
    ])
  func textErrors(text: String, label: String) {
    let error = #expect(throws: KilnError.self) { try Pipeline(parsing: text) }
    #expect(error?.diagnostics.map(\.label) == [label], "\(text)")
  }

  @Test("a chain of 20,000 instructions is simplified in a second, and differentiated in another")
  func linearCost() throws {
    var builder = FunctionBuilder("main")
    var x = builder.addParameter("x", TensorType(.f32, [8]))
    let one = try builder.emitOne(.source(.constant(Literal(splat: Scalar(1 as Float), shape: [8]))), [])
    for index in 0..<10_000 {
      x = try builder.emitOne(.map(.multiply), [x, one])
      x = try builder.emitOne(.map(index % 2 == 0 ? .sin : .negate), [x])
    }
    let program = try Module([builder.finish([x])])
    let clock = ContinuousClock()
    var result = Module()
    let time = try clock.measure { result = try Pipeline([.simplify]).run(program, verifying: false) }
    #expect(result.ops().count == 10_000)
    print("simplify: 20,000 instructions in \(time)")
    let derivative = try clock.measure { _ = try Differentiation.vjp(of: "main", in: program, withRespectTo: [0]) }
    print("vjp: 20,000 instructions in \(derivative)")
    #expect(derivative < .seconds(RandomProgramTests.isDebug ? 10 : 1))
    #expect(time < .seconds(RandomProgramTests.isDebug ? 10 : 1))
  }
}
