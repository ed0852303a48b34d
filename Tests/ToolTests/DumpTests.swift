import Foundation
import Testing

/// `KILN_DUMP`: every module that a program dumps can be run, and all modules of one program give equal results.
@Suite struct DumpTests {
  @Test func everyDumpedModuleRunsWithEqualResults() throws {
    let folder = try Folder()
    let hello = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent("Hello").path
    let outcome = try Tool.run(hello, [], environment: ["KILN_DUMP": "\(folder.path)/dump"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let dumps = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/dump")
    // At least the compiled function, which has no hidden input, and the gradient, which captured a tensor.
    #expect(dumps.count >= 2)
    var hiddenCount = 0
    for dump in dumps.sorted() {
      let path = "dump/\(dump)"
      let modules = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/\(path)").filter {
        $0.hasSuffix(".kiln")
      }
      var results: Set<String> = []
      for module in modules.sorted() {
        let (inputs, hidden) = try inputs(of: folder.read("\(path)/\(module)"), dump, folder)
        hiddenCount += hidden
        let run = try Tool.run(
          Tool.path, ["run", "\(folder.path)/\(path)/\(module)", "--device", "reference"] + inputs)
        #expect(run.status == 0, "\(dump)/\(module): \(run.errors)")
        results.insert(run.output)
      }
      #expect(results.count == 1, "the modules of \(dump) give different results")
    }
    #expect(hiddenCount > 0, "no dump has a captured tensor")
  }

  /// `--input` for every parameter of the last function that is not hidden, and how many are.
  private func inputs(of text: String, _ dump: String, _ folder: Folder) throws -> (arguments: [String], hidden: Int) {
    let header = try #require(text.split(separator: "\n").last { $0.hasPrefix("func ") })
    let list = header[..<(header.range(of: ") -> (")?.lowerBound ?? header.endIndex)]
    var arguments: [String] = []
    for match in list.matches(of: /(hidden )?%([a-zA-Z0-9_.]+): f32\[([0-9,]*)\]/) where match.1 == nil {
      let extents = match.3.split(separator: ",").compactMap { Int($0) }
      let count = extents.reduce(1, *)
      let shape = extents.map { "\($0)," }.joined()
      let file = try folder.write(
        "\(dump)-\(match.2).npy",
        npy(
          "{'descr': '<f4', 'fortran_order': False, 'shape': (\(shape)), }",
          bytes((0..<count).map { Float($0) / 8 - 1 })))
      arguments += ["--input", "\(match.2)=\(file)"]
    }
    return (arguments, list.matches(of: /hidden %/).count)
  }
}
