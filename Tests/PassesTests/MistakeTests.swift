import KilnIR
import KilnPasses
import Testing

/// What lowering, pipelines and memory plans refuse.
@Suite("Mistakes in modules and plans")
struct MistakeTests {
  private func label(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch let error as KilnError {
      return error.diagnostics.first?.label
    } catch {
      return (error as? ConstraintFailure)?.label
    }
  }

  /// `f0` and functions that run the one before in both branches.
  private func branches(_ count: Int) -> String {
    var text = "func @f0(%p: bool[], %x: f32[]) -> (f32[]) {\n  %0: f32[] = sin(%x)\n  return %0\n}\n"
    for level in 1...count {
      text += """
        func @f\(level)(%p: bool[], %x: f32[]) -> (f32[]) {
          %0: f32[] = cond(%p, %p, %x) {then = @f\(level - 1), else = @f\(level - 1)}
          return %0
        }

        """
    }
    return text
  }

  private func lower(_ module: Module, _ name: String) throws {
    _ = try Compilation(module, entry: name, for: .testCPU, passes: Pipeline([]))
  }

  @Test("lower.C1: a callee that the module does not have")
  func missingCallee() throws {
    let module = try module(branches(1))
    #expect(label { try lower(module, "f1") } == nil)
    #expect(label { try lower(Module([#require(module["f1"])]), "f1") } == "lower.C1")
  }

  @Test("lower.C2: control flow nested too deeply; lower.C3: too many instructions, counted with those of branches")
  func deepAndLarge() throws {
    #expect(label { try lower(module(branches(40)), "f40") } == "lower.C3")
    let chain = branches(300).replacing(/else = @f\d+/, with: "else = @f0")
    #expect(label { try lower(module(chain), "f300") } == "lower.C2")
  }

  @Test("pipeline.C3: a pass that makes a malformed module is named")
  func brokenPass() throws {
    let program = try main("%x: f32[2]", "f32[2]", "  %0: f32[2] = sin(%x)\n  return %0")
    let broken = Pass("broken") { module throws(KilnError) in
      let function = module.functions[0]
      var result = Module()
      try result.add(
        Function(
          name: function.name, parameters: function.parameters,
          instructions: EntityTable(
            function.instructions.elements.map {
              Instruction(op: .map(.add), operands: $0.operands, firstResult: $0.firstResult, resultCount: 1)
            }), results: function.results, requirements: function.requirements, valueTypes: function.valueTypes,
          locations: function.locations))
      return result
    }
    let error = #expect(throws: KilnError.self) { try Pipeline([broken]).run(program, verifying: true) }
    #expect(error?.diagnostics.first?.label == "pipeline.C3")
    #expect(error?.description.contains("the pass broken") == true)
    #expect(label { _ = try Pipeline([broken]).run(program, verifying: false) } == nil)
  }

  @Test("memory.C1: an allocation outside of the arena or not aligned; memory.C2: two in one place at one time")
  func memoryPlans() throws {
    func plan(_ places: (offset: Int, steps: ClosedRange<Int>)...) -> MemoryPlan {
      MemoryPlan(
        allocations: places.enumerated().map {
          .init(name: "v\($0)", offset: $1.offset, byteCount: 100, steps: $1.steps)
        }, arenaBytes: 256, lowerBound: 200, inPlace: [])
    }
    #expect(label { try plan((0, 0...1), (128, 1...2), (0, 2...3)).verify() } == nil)
    #expect(label { try plan((32, 0...1)).verify() } == "memory.C1")
    #expect(label { try plan((192, 0...1)).verify() } == "memory.C1")
    #expect(label { try plan((-64, 0...1)).verify() } == "memory.C1")
    #expect(label { try plan((0, 0...2), (64, 2...3)).verify() } == "memory.C2")
  }

  @Test("run.C4: an op that runs functions is not evaluated alone; value.C2: elements of another type")
  func values() throws {
    let x = try TensorValue([1.5, -2] as [Float], shape: [2])
    #expect(
      label {
        _ = try ReferenceInterpreter.evaluate(
          op: .control(.call(callee: "f", captured: 0)), operands: [x], resultTypes: [x.type], location: .unknown)
      } == "run.C4")
    #expect(label { _ = try x.elements(as: Double.self) } == "value.C2")
    #expect(try x.elements(as: Float.self) == [1.5, -2])
  }
}
