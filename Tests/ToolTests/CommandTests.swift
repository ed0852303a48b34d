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

  @Test func hiddenInputsLieBesideTheProgram() throws {
    let folder = try Folder()
    let file = try folder.write("p.kiln", "func @main(hidden %w: f32[2]) -> (f32[2]) {\n  return %w\n}\n")
    _ = try vector(folder, "w.npy", [7, 8])
    let outcome = try Tool.run("run", file, "--device", "reference")
    #expect(outcome.output == "result 0: f32[2]\n[7.0, 8.0]\n", "\(outcome.errors)")
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

  @Test("show prints every stage", arguments: ["module", "fusion", "kernels", "memory", "plan", "llvm", "assembly"])
  func showPrintsStages(stage: String) throws {
    let begin = [
      "module": "func @main", "fusion": "fusion @main {", "kernels": "k0:", "memory": "memory {",
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
