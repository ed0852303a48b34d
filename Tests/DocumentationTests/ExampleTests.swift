import Foundation
import KilnTesting
import Testing

@Suite("Examples in pages and doc comments")
struct ExampleTests {
  @Test("every example compiles")
  func examplesCompile() throws {
    let examples = try Example.all()
    #expect(examples.count > 25)
    let folder = try TemporaryFolder()
    let files = try examples.enumerated().map { number, example in
      let source = example.with(scenery: Scenery.before(example)).source(number: number)
      return try folder.write("example\(number).swift", source).path
    }
    let settings = ["-typecheck", "-wmo", "-swift-version", "6", "-suppress-warnings"]
    let outcome = try Toolchain.run("swiftc", settings + BuiltModules.searchPaths() + files, in: folder)
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  @Test(
    "every workload that Benchmarks/compare reads from a file compiles",
    .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/python3")), arguments: ["Workloads", "Growth"])
  func workloadsCompile(name: String) throws {
    let folder = try TemporaryFolder()
    let paths = ["workloads.py", "\(name).md"].map { Repository.root.appendingPathComponent("Benchmarks/\($0)").path }
    let program = try Toolchain.run("/usr/bin/python3", paths, in: folder)
    #expect(program.output.contains("Workload(\""), "\(program.output)")
    let file = try folder.write("main.swift", program.output).path
    let settings = ["-typecheck", "-swift-version", "6", "-warnings-as-errors"]
    let outcome = try Toolchain.run("swiftc", settings + BuiltModules.searchPaths() + [file], in: folder)
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  @Test("an example that is wrong is reported at its line")
  func wrongExample() throws {
    let folder = try TemporaryFolder()
    let block = Example.Block(file: "Page.md", line: 7, code: ["let x = Tensor<Float>([1, 2])", "let y = x.softMax()"])
    let source = Example(file: "Page.md", blocks: [block]).source(number: 0)
    let file = try folder.write("example.swift", source).path
    let outcome = try Toolchain.run("swiftc", ["-typecheck", file] + BuiltModules.searchPaths(), in: folder)
    #expect(outcome.status != 0)
    #expect(outcome.output.contains("Page.md:8:"), "\(outcome.output)")
  }

  @Test("every manifest in a page is one that the package manager reads")
  func manifests() throws {
    let manifests = try Repository.pages.flatMap { try Example.blocks(ofPage: $0) }.filter(\.isManifest)
    #expect(!manifests.isEmpty)
    let folder = try TemporaryFolder()
    let library = try Toolchain.info(folder).paths.runtimeResourcePath + "/pm/ManifestAPI"
    for manifest in manifests {
      let file = try folder.write("Package.swift", manifest.code.joined(separator: "\n")).path
      let settings = ["-typecheck", "-warnings-as-errors", "-package-description-version", "6.2", "-I", library]
      let outcome = try Toolchain.run("swiftc", settings + [file], in: folder)
      #expect(outcome.status == 0, "\(outcome.output)")
    }
  }

  @Test("scenery stands only where there are examples")
  func sceneryIsUsed() throws {
    let files = Set(try Example.all().map(\.file))
    let unused = Scenery.declarations.keys.filter { !files.contains($0) }
    #expect(unused.isEmpty, "\(unused)")
  }
}
