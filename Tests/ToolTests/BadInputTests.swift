import Testing

/// Bad files and bad command lines: a message that says what was expected and what was found, the right exit status,
/// and never a crash.
@Suite struct BadInputTests {
  private let identity = "func @main(%x: f32[3]) -> (f32[3]) {\n  return %x\n}\n"

  @Test(
    "a malformed program is 1, at its line",
    arguments: [
      ("func @main(%x: f32[3]) -> (f32[3]) {\n  %0: f32[3] = add(%x)\n  return %0\n}\n", "2:16: error:", "add.C0"),
      (
        "func @main(%x: f32[3]) -> (f32[3]) {\n  %0: f32[3] = frobnicate(%x)\n  return %0\n}\n", "2:16: error:",
        "parse.C4"
      ),
      ("func @main(%x: f32[3]) -> (f32[3]) {\n  return %y\n}\n", "2:10: error:", "parse.C2"),
      ("func @main(%x: f99[3]) -> (f32[3]) {\n", "1:16: error:", "parse.C9"),
      ("func @main(%x: f32[3]) -> (f32[3]) {\n  return %x", "2:12: error:", "parse.C1"),
      ("func @main(%x: f32[999999999999999]) -> (f32[3]) {\n  return %x\n}\n", "1:16: error:", "type.C1"),
      ("func @main(%x: f32[99999999999999999999]) -> (f32[3]) {\n  return %x\n}\n", "1:20: error:", "parse.C6"),
      (
        "func @main(%x: f32[3], %y: i32[3]) -> (f32[3]) {\n  %0: f32[3] = add(%x, %y)\n  return %0\n}\n",
        "2:16: error:", "add.C1"
      ),
      (
        "func @main(%x: f32[3], %y: f32[2]) -> (f32[3]) {\n  %0: f32[3] = add(%x, %y)\n  return %0\n}\n",
        "2:16: error:", "add.C4"
      ),
      (
        "func @main(%x: f32[3]) -> (f32[]) {\n  %0: f32[] = reduce(%x) {kind = sum, axes = [1]}\n  return %0\n}\n",
        "2:15: error:", "reduce.C1"
      ),
      ("", "1:1: error:", "parse.C1"),
      ("\u{FEFF}\u{0}%%{}[[[[", "1:1: error:", "parse.C1"),
    ])
  func malformedPrograms(text: String, place: String, label: String) throws {
    let outcome = try Tool.run("opt", "-", "--passes", "", input: text)
    #expect(outcome.status == 1)
    #expect(outcome.output.isEmpty)
    if !text.isEmpty { #expect(outcome.errors.hasPrefix("<stdin>:\(place)"), "\(outcome.errors)") }
    #expect(outcome.errors.contains("[\(label)]"), "\(outcome.errors)")
  }

  @Test func bytesThatAreNoTextAreNoProgram() throws {
    let folder = try Folder()
    let file = try folder.write("p.kiln", [0xFF, 0xFE, 0x00, 0xC3])
    let outcome = try Tool.run("run", file)
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("\(file): error:"), "\(outcome.errors)")
  }

  static let float3 = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"

  @Test(
    "a malformed .npy is 1, with the file's name",
    arguments: [
      ("nothing", []),
      ("another format", Array("hello, world: this is no array at all".utf8)),
      ("a truncated header", Array(npy(float3, []).prefix(20))),
      ("truncated data", Array(npy(float3, bytes([1, 2, 3])).dropLast(1))),
      ("too much data", npy(float3, bytes([1, 2, 3, 4]))),
      ("an unknown version", [0x93] + Array("NUMPY".utf8) + [9, 9, 0, 0]),
      ("a header that is not a dictionary", npy("descr", bytes([1, 2, 3]))),
      ("a header without a shape", npy("{'descr': '<f4', 'fortran_order': False, }", bytes([1, 2, 3]))),
      ("an unknown element type", npy("{'descr': '<c8', 'fortran_order': False, 'shape': (3,), }", bytes([1, 2, 3]))),
      ("objects", npy("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }", bytes([1, 2, 3]))),
      ("a negative size", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", bytes([1, 2, 3]))),
      (
        "an absurd size",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999999999, 99), }", bytes([1]))
      ),
      (
        "a size that overflows",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", [])
      ),
      (
        "a size beyond an integer",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", [])
      ),
      ("a header longer than the file", npy(float3, bytes([1, 2, 3]), length: 65535)),
      (
        "another shape than the parameter",
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", bytes([1, 2]))
      ),
      (
        "another element type than the parameter",
        npy("{'descr': '<i4', 'fortran_order': False, 'shape': (3,), }", bytes([1, 2, 3]))
      ),
    ] as [(String, [UInt8])])
  func malformedArrays(what: String, content: [UInt8]) throws {
    let folder = try Folder()
    let program = try folder.write("p.kiln", identity)
    let file = try folder.write("x.npy", content)
    let outcome = try Tool.run("run", program, "--device", "reference", "--input", "x=\(file)")
    #expect(outcome.status == 1, "\(what): \(outcome.errors)")
    #expect(outcome.errors.hasPrefix("\(file): error:"), "\(what): \(outcome.errors)")
    #expect(outcome.output.isEmpty)
  }

  @Test func boolBytesOtherThanOneAreTrue() throws {
    let folder = try Folder()
    let text = "func @main(%x: bool[3]) -> (bool[3], i32[3]) {\n  %0: i32[3] = convert(%x)\n  return %x, %0\n}\n"
    let program = try folder.write("p.kiln", text)
    let file = try folder.write("x.npy", npy("{'descr': '|b1', 'fortran_order': False, 'shape': (3,), }", [0, 2, 255]))
    let outcome = try Tool.run("run", program, "--device", "reference", "--input", "x=\(file)")
    #expect(
      outcome.output == "result 0: bool[3]\n[false, true, true]\nresult 1: i32[3]\n[0, 1, 1]\n", "\(outcome.errors)")
  }

  @Test("an index out of range is 1, at the op's line", arguments: ["cpu", "reference", "kernel-reference"])
  func indexOutOfRange(device: String) throws {
    let text = """
      func @main() -> (f32[2]) {
        %0: f32[3] = iota() {axis = 0}
        %1: i32[2] = constant() {value = [1, 3]}
        %2: f32[2] = gather(%0, %1) {axis = 0, bounds = check}
        return %2
      }
      """
    let outcome = try Tool.run("run", "-", "--device", device, input: text)
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("<stdin>:4:3: error:"), "\(outcome.errors)")
    #expect(outcome.errors.contains("[gather.R1]"), "\(outcome.errors)")
  }

  @Test(
    "a wrong command line is 2",
    arguments: [
      ["frobnicate"], ["run"], ["run", "-", "--device", "toaster"], ["run", "/does/not/exist.kiln"],
      ["run", "-", "--nonsense"],
      ["run", "-", "--function", "g"], ["run", "-", "--input", "x"], ["run", "-", "--input", "z=x.npy"],
      ["run", "-", "--input", "x=/does/not/exist.npy"], ["run", "-"],
      ["run", "-", "--input", "x=a.npy", "--input", "x=b.npy"],
      ["opt", "-", "--passes", "frobnicate"], ["opt", "-", "--passes", "gradient("],
      ["opt", "-", "--passes", "gradient(main)"],
      ["show", "-"], ["show", "-", "--stage", "soup"], ["show", "-", "--stage", "plan", "--device", "reference"],
      ["bench", "--workload", "nothing"], ["bench", "--threads", "0"], ["cache", "burn"],
    ])
  func wrongCommandLines(arguments: [String]) throws {
    let outcome = try Tool.run(Tool.path, arguments, input: identity)
    #expect(outcome.status == 2, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.isEmpty)
    #expect(!outcome.errors.isEmpty)
  }

  @Test func unknownNamesAreAnsweredWithTheKnownOnes() throws {
    let function = try Tool.run("run", "-", "--function", "g", input: identity)
    #expect(function.errors.contains("it has @main"))
    let parameter = try Tool.run("run", "-", "--input", "z=x.npy", input: identity)
    #expect(parameter.errors.contains("it has %x"))
    let missing = try Tool.run("run", "-", input: identity)
    #expect(missing.errors.contains("--input x=FILE.npy (f32[3])"))
    let pass = try Tool.run("opt", "-", "--passes", "frobnicate", input: identity)
    #expect(pass.errors.contains("simplify"))
  }

  @Test func withoutLLVMTheCPUIsMissingAndTheReferenceRuns() throws {
    let environment = ["KILN_LLVM": "/does/not/exist.so"]
    let text = "func @main() -> (f32[]) {\n  %0: f32[] = constant() {value = 2.0}\n  return %0\n}\n"
    let cpu = try Tool.run("run", "-", "--device", "cpu", input: text, environment: environment)
    #expect(cpu.status == 3)
    #expect(cpu.errors.contains("apt install"), "\(cpu.errors)")
    let unnamed = try Tool.run("run", "-", input: text, environment: environment)
    #expect(unnamed.status == 0)
    #expect(unnamed.output == "result 0: f32[]\n2.0\n")
    #expect(unnamed.errors.hasPrefix("kiln: everything runs in the interpreter"))
    let code = try Tool.run("show", "-", "--stage", "llvm", input: text, environment: environment)
    #expect(code.status == 3)
    #expect(try Tool.run("devices", environment: environment).output.contains("unavailable"))
  }

  @Test(
    "a setting that is not a number in its range is reported and ignored", arguments: ["two", "0", "257", "-1", "1e3"])
  func badSettings(text: String) throws {
    let program = "func @main() -> (f32[3]) {\n  %0: f32[3] = iota() {axis = 0}\n  return %0\n}\n"
    let outcome = try Tool.run("run", "-", input: program, environment: ["KILN_THREADS": text])
    #expect(outcome.status == 0 && outcome.output.contains("2.0"), "\(outcome)")
    #expect(outcome.errors.contains("KILN_THREADS is '\(text)' and is ignored: expected a number from 1 to 256"))
  }
}
