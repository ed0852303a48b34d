import Foundation
import Testing

private let program = """
  func @main(%x: f32[3], %y: f32[3]) -> (f32[3], f32[]) {
    %0: f32[3] = multiply(%x, %y)
    %1: f32[] = reduce(%0) {kind = sum, axes = [0]}
    return %0, %1
  }
  """

private func vector(_ folder: Folder, _ name: String, _ floats: [Float]) throws -> String {
  try folder.write(name, npy("{'descr': '<f4', 'fortran_order': False, 'shape': (\(floats.count),), }", bytes(floats)))
}

@Suite struct CommandTests {
  @Test("run prints the results as text", arguments: ["cpu", "reference", "kernel-reference"])
  func runPrintsResults(device: String) throws {
    let folder = try Folder()
    let file = try folder.write("p.kiln", program)
    let x = try vector(folder, "x.npy", [1, 2, 3])
    let y = try vector(folder, "y.npy", [4, 0.5, -1])
    let outcome = try Tool.run("run", file, "--device", device, "--input", "x=\(x)", "--input", "y=\(y)")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "result 0: f32[3]\n[4.0, 1.0, -3.0]\nresult 1: f32[]\n2.0\n")
  }

  @Test func runReadsStandardInput() throws {
    let text = "func @main() -> (i32[3]) {\n  %0: i32[3] = iota() {axis = 0}\n  return %0\n}\n"
    let outcome = try Tool.run("run", "-", "--device", "reference", input: text)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output == "result 0: i32[3]\n[0, 1, 2]\n")
  }

  @Test func runWritesResultsAsFiles() throws {
    let folder = try Folder()
    let file = try folder.write("p.kiln", program)
    let x = try vector(folder, "x.npy", [1, 2, 3])
    let outcome = try Tool.run(
      "run", file, "--device", "reference", "--input", "x=\(x)", "y=\(x)", "--output", "\(folder.path)/out")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(try folder.bytes("out/0.npy").suffix(12) == bytes([1, 4, 9])[...])
    #expect(try folder.bytes("out/1.npy").suffix(4) == bytes([14])[...])
  }

  @Test("inputs that are not named are those beside the program, and named ones come first")
  func inputsBesideTheProgram() throws {
    let folder = try Folder()
    let file = try folder.write(
      "p.kiln",
      """
      func @main(%x: f32[2], %y: f32[2], hidden %w: f32[2]) -> (f32[2], f32[2]) {
        %0: f32[2] = subtract(%x, %y)
        return %0, %w
      }
      """)
    _ = try vector(folder, "x.npy", [3, 4])
    _ = try vector(folder, "w.npy", [7, 8])
    let missing = try Tool.run("run", file, "--device", "reference")
    #expect(missing.status == 2 && missing.errors.contains("@main needs --input y=FILE.npy (f32[2])"))
    #expect(!missing.errors.contains("x=FILE"))
    _ = try vector(folder, "y.npy", [1, 1])
    let found = try Tool.run("run", file, "--device", "reference")
    #expect(found.output == "result 0: f32[2]\n[2.0, 3.0]\nresult 1: f32[2]\n[7.0, 8.0]\n")
    #expect(found.errors == "note: read %x, %y from \(folder.path)\n")
    let other = try vector(folder, "other.npy", [1, 2])
    let named = try Tool.run("run", file, "--device", "reference", "--input", "y=\(other)")
    #expect(named.output.hasPrefix("result 0: f32[2]\n[2.0, 2.0]\n"))
    #expect(named.errors == "note: read %x from \(folder.path)\n")
    _ = try vector(folder, "x.npy", [1, 2, 3])
    let wrong = try Tool.run("run", file, "--device", "reference")
    #expect(wrong.status == 1 && wrong.errors.contains("[run.C2]") && wrong.errors.contains("x.npy"), "\(wrong.errors)")
  }

  /// Two functions that are not run by others, and one that is.
  private static let several = """
    func @g(%x: f32[]) -> (f32[]) {
      %0: f32[] = sin(%x)
      return %0
    }

    func @main() -> (f32[]) {
      %0: f32[] = constant() {value = 1.0}
      return %0
    }

    func @last() -> (f32[]) {
      %0: f32[] = constant() {value = 0.0}
      %1: f32[] = call(%0) {callee = @g}
      return %1
    }

    """

  @Test("without a name it is the last function that no other runs, and standard error says which")
  func functionThatIsTaken() throws {
    let note = "note: takes @last, the last function; --function chooses another: @main\n"
    let run = try Tool.run("run", "-", "--device", "reference", input: Self.several)
    #expect(run.status == 0 && run.output == "result 0: f32[]\n0.0\n" && run.errors == note, "\(run)")
    let shown = try Tool.run("show", "-", "--stage", "plan", input: Self.several)
    #expect(shown.output.hasPrefix("plan @last {") && shown.errors.contains(note), "\(shown)")
    let named = try Tool.run("run", "-", "--device", "reference", "--function", "main", input: Self.several)
    #expect(named.output == "result 0: f32[]\n1.0\n" && named.errors.isEmpty, "\(named)")
    let single = try Tool.run("run", "-", "--device", "reference", input: "func @f() -> () {\n  return\n}\n")
    #expect(single.status == 0 && single.errors.isEmpty, "\(single)")
  }

  @Test("opt names the functions that the passes made on standard error; without new ones it says nothing")
  func functionsThatAreMade() throws {
    let text = "func @f(%x: f32[]) -> (f32[]) {\n  %0: f32[] = multiply(%x, %x)\n  return %0\n}\n"
    let made = try Tool.run("opt", "-", "--passes", "gradient(f, 0), vmap(f_gradient, 3, 0)", input: text)
    #expect(made.status == 0 && made.errors == "note: made @f_gradient, @f_gradient_vmap\n", "\(made.errors)")
    let again = try Tool.run("opt", "-", "--passes", "", input: made.output)
    #expect(again.output == made.output && again.errors.isEmpty)
    // What is made last is what is run.
    let run = try Tool.run("show", "-", "--stage", "plan", input: made.output)
    #expect(run.output.hasPrefix("plan @f_gradient_vmap {"), "\(run)")
    for (passes, label) in [("gradient(f)", "pipeline.C2"), ("gradent(f, 0)", "pipeline.C1")] {
      let wrong = try Tool.run("opt", "-", "--passes", passes, input: text)
      #expect(wrong.status == 2 && wrong.errors.contains("[\(label)]"), "\(wrong.errors)")
    }
  }

  @Test func optRunsPasses() throws {
    let text = "func @f(%x: f32[]) -> (f32[]) {\n  %0: f32[] = multiply(%x, %x)\n  return %0\n}\n"
    let unchanged = try Tool.run("opt", "-", "--passes", "", input: text)
    #expect(unchanged.output == text)
    let derived = try Tool.run("opt", "-", "--passes", "gradient(f, 0), simplify", input: text)
    #expect(derived.status == 0, "\(derived.errors)")
    #expect(derived.output.contains("func @f_gradient(%x: f32[]) -> (f32[])"))
    let located = try Tool.run("opt", "-", "--passes", "", "--locations", input: text)
    #expect(located.output.contains("// at <stdin>:2:3"))
  }

  @Test(
    "show prints every stage",
    arguments: [
      "module", "plain", "fusion", "kernels", "memory", "plan", "llvm", "assembly",
    ])
  func showPrintsStages(stage: String) throws {
    let begin = [
      "module": "func @main", "plain": "func @main", "fusion": "fusion @main {", "kernels": "k0:", "memory": "memory {",
      "plan": "plan @main {",
      "llvm": "; k0", "assembly": "; k0",
    ]
    let outcome = try Tool.run("show", "-", "--stage", stage, input: program)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.output.hasPrefix(begin[stage] ?? "?"), "\(outcome.output)")
  }

  @Test func theEnvironmentNamesTheDevice() throws {
    let folder = try Folder()
    let x = try vector(folder, "x.npy", [1, 2, 3])
    let inputs = ["--input", "x=\(x)", "y=\(x)"]
    let file = try folder.write("p.kiln", program)
    let found = try Tool.run(Tool.path, ["run", file] + inputs, environment: ["KILN_DEVICE": "reference"])
    #expect(found.status == 0, "\(found.errors)")
    let wrong = try Tool.run(Tool.path, ["run", file] + inputs, environment: ["KILN_DEVICE": "gpu"])
    #expect(wrong.status == 2 && wrong.errors.contains("there is no device 'gpu'; there are cpu, opencl"))
    let none = try Tool.run(Tool.path, ["run", file] + inputs, environment: ["KILN_DEVICE": "opencl:no such device"])
    #expect(none.status == 3 && none.errors.contains("there is no OpenCL device"), "\(none.errors)")
  }

  @Test func devicesAndVersion() throws {
    let devices = try Tool.run("devices")
    #expect(devices.status == 0)
    let names = devices.output.split(separator: "\n").map { $0.prefix { $0 != " " } }
    #expect(names.count >= 4 && names.first == "cpu" && names.suffix(2) == ["reference", "kernel-reference"])
    #expect(names.dropFirst().dropLast(2).allSatisfy { $0.hasPrefix("opencl") })
    let version = try Tool.run("--version")
    #expect(version.status == 0)
    #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
  }

  @Test func cacheListsAndClears() throws {
    let folder = try Folder()
    let environment = ["KILN_CACHE": "\(folder.path)/cache"]
    let shown = try Tool.run("run", "-", "--device", "cpu", input: constantProgram, environment: environment)
    #expect(shown.status == 0, "\(shown.errors)")
    let list = try Tool.run("cache", "list", environment: environment)
    #expect(list.status == 0)
    #expect(!list.output.contains("0 objects"))
    #expect(try Tool.run("cache", "clear", environment: environment).status == 0)
    #expect(try Tool.run("cache", "list", environment: environment).output.contains("0 objects"))
  }

  @Test func aDamagedCacheFileIsCompiledAgain() throws {
    let folder = try Folder()
    let environment = ["KILN_CACHE": "\(folder.path)/cache"]
    let first = try Tool.run("run", "-", "--device", "cpu", input: constantProgram, environment: environment)
    let files = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/cache")
    #expect(!files.isEmpty)
    for file in files {
      var bytes = try folder.bytes("cache/\(file)")
      bytes[bytes.count / 2] ^= 1
      try folder.write("cache/\(file)", bytes)
    }
    let second = try Tool.run("run", "-", "--device", "cpu", input: constantProgram, environment: environment)
    #expect(second.status == 0, "\(second.errors)")
    #expect(second.output == first.output)
  }

  @Test func theToolLinksNoLibraryThatIsLoaded() throws {
    let outcome = try Tool.run("/usr/bin/ldd", [Tool.path])
    #expect(outcome.status == 0)
    for name in ["llvm", "opencl", "blas", "pocl"] {
      #expect(!outcome.output.lowercased().contains(name), "\(outcome.output)")
    }
  }

  @Test func benchVerifiesItsChecksum() throws {
    let folder = try Folder()
    let outcome = try Tool.run(
      "bench", "--workload", "call_overhead,seed_grad", "--budget", "0.05", "--threads", "1", "--json",
      "\(folder.path)/b.json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try folder.read("b.json")
    #expect(json.contains("\"peer\" : \"kiln\""))
    #expect(json.components(separatedBy: "\"ok\" : true").count == 3)
  }

  @Test("training steps with layers give the loss and the parameters of those written by hand, bit for bit")
  func benchOfLayers() throws {
    let outcome = try Tool.run("bench", "--layers", "--budget", "0.05")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let rows = outcome.output.split(separator: "\n").dropFirst()
    #expect(rows.map { $0.prefix { $0 != " " } } == ["mlp_train", "lenet_train", "lstm_train"])
    #expect(rows.allSatisfy { $0.hasSuffix("0e+00") }, "\(outcome.output)")
  }
}

/// Enough elements for the compiler: small programs may be interpreted.
private let constantProgram = """
  func @main() -> (f32[]) {
    %0: f32[4096] = iota() {axis = 0}
    %1: f32[4096] = multiply(%0, %0)
    %2: f32[] = reduce(%1) {kind = max, axes = [0]}
    return %2
  }
  """

@Suite struct PlanCommandTests {
  private static let gather = """
    func @pick(%x: f32[4], %i: i32[3], hidden %c: f32[3]) -> (f32[3]) {
      %0: f32[3] = gather(%x, %i) {axis = 0, bounds = check}
      %1: f32[3] = constant() {value = [0.1, -0.0, nan]}
      %2: f32[3] = add(%0, %1)
      %3: f32[3] = multiply(%2, %c)
      return %3
    }
    """

  private func indices(_ folder: Folder, _ values: [Int32]) throws {
    let bytes = values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
    try folder.write("i.npy", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (\(values.count),), }", bytes))
  }

  @Test("a plan that show wrote runs where it was lowered for, and interpreted, with the bits of the program")
  func planRuns() throws {
    let folder = try Folder()
    let program = try folder.write("p.kiln", Self.gather)
    _ = try vector(folder, "x.npy", [1, 2, 3, 4])
    _ = try vector(folder, "c.npy", [3, 1, 1])
    try indices(folder, [3, 0, 1])
    let shown = try Tool.run("show", program, "--stage", "plan")
    #expect(shown.status == 0, "\(shown.errors)")
    let plan = try folder.write("p.plan", shown.output)
    let expected = try Tool.run("run", program, "--device", "reference")
    #expect(expected.output.hasPrefix("result 0: f32[3]\n["), "\(expected)")
    for arguments in [[], ["--device", "cpu"], ["--device", "kernel-reference"]] {
      let found = try Tool.run(Tool.path, ["run", plan] + arguments)
      #expect(found.status == 0 && found.output == expected.output, "\(found)")
    }
    // An index out of range is reported at the line of the program.
    try indices(folder, [3, 4, 1])
    let wrong = try Tool.run("run", plan)
    #expect(wrong.status == 1 && wrong.errors.contains("p.kiln:2:3: error: index 4"), "\(wrong)")
    #expect(wrong.errors.contains("[gather.R1]"), "\(wrong)")
  }

  @Test("what is wrong with a plan, or its command line, is said at its place")
  func wrongPlans() throws {
    let folder = try Folder()
    let shown = try Tool.run("show", "-", "--stage", "plan", input: constantProgram)
    let damaged = try folder.write("d.plan", shown.output.replacing("launch", with: "lunch", maxReplacements: 1))
    let parse = try Tool.run("run", damaged)
    #expect(parse.status == 1 && parse.errors.hasPrefix("\(damaged):"), "\(parse)")
    #expect(parse.errors.contains("found 'lunch' [parse.C1]"), "\(parse)")
    let reference = try Tool.run("run", "-", "--device", "reference", input: shown.output)
    #expect(reference.status == 1 && reference.errors.contains("[plan.device]"), "\(reference)")
    let grouped = shown.output.replacing(/schedule .*/, with: "schedule openCL points {strides = false}")
      .replacing("dtypes =", with: "workGroups = [256, 32768, 4096], dtypes =")
    let gpu = try Tool.run("run", "-", input: grouped)
    #expect(gpu.status == 1 && gpu.errors.contains("[plan.device]"), "\(gpu)")
    let function = try Tool.run("run", "-", "--function", "main", input: shown.output)
    #expect(function.status == 2 && function.errors.contains("--function main is for modules"), "\(function)")
    let input = try Tool.run("run", "-", "--input", "z=z.npy", input: shown.output)
    #expect(input.status == 2 && input.errors.contains("@main has no parameter %z"), "\(input)")
  }
}
