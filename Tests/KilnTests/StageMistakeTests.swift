import Kiln
import KilnIR
import Testing

/// Mistakes around a program: its files, its inputs, its trees.
@Suite("Mistakes around a program")
struct StageMistakeTests {
  private let double = """
    func @double(%x: f32[2]) -> (f32[2]) {
      %0: f32[2] = add(%x, %x)
      return %0
    }

    """

  @Test("file.C1: stages cannot be written where there is no folder")
  func unwritable() throws {
    let stages = try Lowered(trace(Tensor([1, 2])) { (x: Tensor<Float>) in x + x }.module)
    let error = #expect(throws: KilnError.self) { try stages.write(to: "/dev/null/stages") }
    #expect(error?.diagnostics.map(\.label) == ["file.C1"])
    #expect(error?.description.contains("/dev/null/stages") == true)
  }

  @Test("run.C5: a module runs on elements, not on what a trace holds")
  func tracedInput() throws {
    let module = try Module(parsing: double, file: "double.kiln")
    #expect(try module.run("double", [AnyTensor(Tensor([1, 2]))])[0].scalars(as: Float.self) == [2, 4])
    _ = compile { (x: Tensor<Float>) in
      let error = #expect(throws: KilnError.self) { try module.run("double", [AnyTensor(x)]) }
      #expect(error?.diagnostics.map(\.label) == ["run.C5"])
      return x
    }(Tensor([1, 2]))
  }

  @Test("verify.C2: a module made by hand is verified before it runs")
  func malformedModule() throws {
    var builder = FunctionBuilder("f")
    let x = builder.addParameter("x", TensorType(.f32, [2]))
    // The builder is copied before it has the instruction.
    let module = try Module([builder.finish([builder.emitOne(.map(.exp), [x])])])
    let error = #expect(throws: KilnError.self) { try module.run("f", [AnyTensor(Tensor([1, 2]))]) }
    #expect(error?.diagnostics.map(\.label) == ["verify.C2"])
  }

  @Test("npy.C3: bf16 has no NumPy type")
  func unwritableType() throws {
    let text = "func @f(%x: f32[2]) -> (bf16[2]) {\n  %0: bf16[2] = convert(%x)\n  return %0\n}\n"
    let small = try Module(parsing: text, file: "small.kiln").run("f", [AnyTensor(Tensor([1, 2]))])[0]
    let error = #expect(throws: KilnError.self) { try small.writeNPY(to: "/tmp/never.npy") }
    #expect(error?.diagnostics.map(\.label) == ["npy.C3"])
  }

  @Test("tree.C1: the tensors of a tree keep their element type")
  func otherElements() {
    let error = #expect(throws: KilnError.self) {
      try withDiagnostics {
        var tree = ["weight": Tensor<Float>([1, 2])]
        tree.updateTensors { _, _ in AnyTensor(Tensor<Int32>([1, 2])) }
      }
    }
    #expect(error?.diagnostics.map(\.label) == ["tree.C1"])
    #expect(error?.description.contains("weight has elements f32") == true)
  }
}
