import Foundation
import Testing

/// `KILN_DUMP`: every module that a program dumps can be run as it lies there, and all modules of one program give
/// equal results.
@Suite struct DumpTests {
  /// The folders of the processes, after some runs of the example `Hello`.
  private func dumps(runs: Int, _ folder: Folder) throws -> [String] {
    for _ in 0..<runs { try run("Hello", [], folder) }
    return try list(folder, "dump")
  }

  private func run(_ example: String, _ arguments: [String], _ folder: Folder) throws {
    let path = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent(example).path
    let outcome = try Tool.run(path, arguments, environment: ["KILN_DUMP": "\(folder.path)/dump"])
    #expect(outcome.status == 0, "\(outcome.errors)")
  }

  private func list(_ folder: Folder, _ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(path)").sorted().map { "\(path)/\($0)" }
  }

  @Test("every dumped module runs on the inputs beside it, with equal results")
  func everyDumpedModuleRunsWithEqualResults() throws {
    let folder = try Folder()
    let process = try #require(dumps(runs: 1, folder).first)
    let dumps = try list(folder, process).filter { !$0.hasSuffix("/eager") }
    // At least the compiled function, which has no hidden input, and the gradient, which captured a tensor.
    #expect(dumps.count >= 2 && dumps.contains { $0.contains("/0-") })
    var (hiddenCount, visibleCount) = (0, 0)
    for dump in dumps {
      let modules = try list(folder, dump).filter { $0.hasSuffix(".kiln") }
      var results: Set<String> = []
      for module in modules {
        let text = try folder.read(module)
        hiddenCount += text.matches(of: /hidden %/).count
        visibleCount += text.matches(of: /[(,] ?%[a-z]/).count
        let run = try Tool.run("run", "\(folder.path)/\(module)", "--device", "reference")
        #expect(run.status == 0, "\(module): \(run.errors)")
        results.insert(run.output)
      }
      #expect(results.count == 1, "the modules of \(dump) give different results")
    }
    #expect(hiddenCount > 0, "no dump has a captured tensor")
    #expect(visibleCount > 0, "no dump has an argument")
  }

  @Test("a training step runs from its dump alone, and operations outside of compiled functions lie apart")
  func trainingStep() throws {
    let folder = try Folder()
    try run("Digits", ["--device", "cpu"], folder)
    let process = try #require(list(folder, "dump").first)
    let eager = try list(folder, "\(process)/eager")
    #expect(!eager.isEmpty && eager.contains { $0.contains("/eager/0-") })
    #expect(try list(folder, process).allSatisfy { !$0.contains("-eager") })
    // The step has the most inputs.
    let dumps = try list(folder, process).filter { !$0.hasSuffix("/eager") }.map { ($0, try list(folder, $0)) }
    let step = try #require(
      dumps.max { a, b in a.1.count { $0.hasSuffix(".npy") } < b.1.count { $0.hasSuffix(".npy") } })
    let modules = step.1.filter { $0.hasSuffix(".kiln") }
    let (first, last) = (try #require(modules.first), try #require(modules.last))
    let outputs = try [first, last, "\(eager[0])/00-module.kiln"].map { module in
      let run = try Tool.run("run", "\(folder.path)/\(module)", "--device", "cpu")
      #expect(run.status == 0, "\(run.errors)")
      return run.output
    }
    #expect(outputs[0] == outputs[1] && !outputs[0].isEmpty && !outputs[2].isEmpty)
  }

  @Test("dumps have the lines of the source, and later stages name values as the last module does")
  func namesAndLines() throws {
    let folder = try Folder()
    let process = try #require(dumps(runs: 1, folder).first)
    for dump in try list(folder, process).filter({ !$0.hasSuffix("/eager") }) {
      let modules = try list(folder, dump).filter { $0.hasSuffix(".kiln") }
      let (first, last) = (try folder.read(#require(modules.first)), try folder.read(#require(modules.last)))
      #expect(first.contains(/\/\/ at .*Hello.*\.swift:[0-9]+/), "\(dump): \(first)")
      #expect(!(first + last).contains("0x"), "\(dump)")
      let names = Set(last.matches(of: /%[a-zA-Z0-9_.]+/).map { String($0.output) })
      for stage in ["50-fusion.txt", "70-memory.txt", "80-plan.txt"] {
        // Values in the bodies of kernels have numbers of their own.
        let text = try folder.read("\(dump)/\(stage)").split(separator: "\nk0: kernel")[0]
        let used = Set(text.matches(of: /%[a-zA-Z0-9_.]+/).map { String($0.output) })
        #expect(used.isSubset(of: names), "\(dump)/\(stage) names \(used.subtracting(names).sorted())")
        #expect(!text.contains(/\bv[0-9]/), "\(dump)/\(stage)")
        if stage != "70-memory.txt" { #expect(!used.isEmpty, "\(dump)/\(stage)") }
      }
    }
  }

  @Test("two processes do not mix their dumps")
  func processes() throws {
    let folder = try Folder()
    let found = try dumps(runs: 2, folder)
    #expect(found.count == 2)
    for process in found {
      #expect(process.contains(/\/Hello-[0-9]+$/))
      let programs = try list(folder, process).map { $0.dropFirst(process.count) }
      #expect(try programs == list(folder, found[0]).map { $0.dropFirst(found[0].count) })
    }
  }
}
