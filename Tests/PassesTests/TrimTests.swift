import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Branches and loops lose what they do for nothing, and nothing else.
@Suite("Trimming branches and loops") struct TrimTests {
  private static let text = """
    func @body(%a: f32[], %k: f32[], %unused: f32[], %x: f32[], %z: f32[], %c: f32[], %d: f32[]) -> (f32[], f32[], f32[], f32[], f32[]) {
      %0: f32[] = add(%a, %x)
      %1: f32[] = multiply(%0, %k)
      %2: f32[] = add(%unused, %c)
      %3: f32[] = exp(%z)
      %4: f32[] = multiply(%d, %a)
      return %1, %k, %2, %3, %4
    }

    func @main(%a: f32[], %k: f32[], %u: f32[], %xs: f32[4], %zs: f32[4], %c: f32[], %d: f32[]) -> (f32[], f32[], f32[4]) {
      %0: f32[] = exp(%u)
      %1: f32[], %2: f32[], %3: f32[], %4: f32[4], %5: f32[4] = scan(%a, %k, %0, %xs, %zs, %c, %d) {body = @body, carried = 3, captured = 2, length = 4}
      return %1, %2, %5
    }

    """

  @Test("A scan keeps the carried values and elements that its used results need; what stays the same is captured")
  func scan() throws {
    let module = try Module(parsing: Self.text, file: "trim")
    let trimmed = try Pipeline([.trimRegions(of: "main"), .eliminateDeadCode]).run(module, verifying: true)
    let main = try #require(trimmed["main"])
    #expect(main.instructions.count == 1)
    guard case .control(.scan(let scan))? = main.instructions.elements.first?.op else {
      Issue.record("main scans")
      return
    }
    #expect(scan.carried == 1 && scan.captured == 2)
    // %a; %xs; %k and %d.
    #expect(main.instructions.elements[0].operands == [ValueID(0), ValueID(3), ValueID(1), ValueID(6)])
    #expect(trimmed[scan.body]?.instructions.count == 3)
  }

  @Test("The results keep their bits", arguments: ControlPrograms.texts.indices)
  func bits(_ number: Int) throws {
    let program = try ControlPrograms.program(number, seed: 3)
    let count = program.module["main"]?.results.count ?? 0
    // Each result alone, so that the others are for nothing.
    for kept in 0..<count {
      let main = try #require(program.module["main"])
      var module = Module()
      for function in program.module.functions where function.name != "main" { try module.append(function) }
      let one = Function(
        name: "main", parameters: main.parameters, instructions: main.instructions, results: [main.results[kept]],
        requirements: main.requirements, valueTypes: main.valueTypes, locations: main.locations)
      try module.append(one)
      let single = RandomProgram(module: module, entry: "main", inputs: program.inputs)
      let pipeline = Pipeline([.trimRegions(of: "main"), .eliminateDeadCode])
      let reason = single.disagreement { try $0.transformed { try pipeline.run($0, verifying: true) }.run() }
      #expect(reason == nil, "\(ControlPrograms.names[number]), result \(kept)")
    }
  }
}
