import Foundation
import Kiln
import KilnBackends
import KilnIR
import KilnPasses
import Testing

@Suite("File tests") struct FileTests {
  @Test("Every case finds what it expects", arguments: FileCase.all, CaseBackend.all)
  func expectations(_ test: FileCase, _ backend: CaseBackend) throws {
    #expect(test.kind != nil, "the first line of \(test.url.path) says no kind of test")
    // Only runs depend on the backend.
    if test.kind != .run && backend.description != CaseBackend.reference.description { return }
    if test.hasPasses && !backend.runsTransforms { return }
    let isBlessing = ProcessInfo.processInfo.environment["KILN_BLESS"] == "1"
    if isBlessing && backend.description != CaseBackend.reference.description { return }
    let found = test.blessed(backend)
    if isBlessing {
      if found != test.text { try found.write(to: test.url, atomically: true, encoding: .utf8) }
      return
    }
    for (line, (expected, found)) in zip(test.lines, found.components(separatedBy: "\n")).enumerated() {
      #expect(found == expected, "\(test.url.path):\(line + 1)")
    }
    #expect(found.components(separatedBy: "\n").count == test.lines.count, "\(test.url.path)")
  }

  @Test("Every module that reads is printed and read back", arguments: FileCase.all)
  func roundTrip(_ test: FileCase) throws {
    let reading = Result { () throws(KilnError) in try Module(parsing: test.input, file: "case") }
    // Only a case of mistakes may be a text that does not read: elsewhere it would be blessed with them.
    if case .failure = reading, test.kind == .verify || test.kind == .plan { return }
    let module = try reading.get()
    let again = try Module(parsing: module.description, file: "printed")
    #expect(again == module)
    #expect(again.description == module.description)
    #expect(Verifier.diagnostics(for: module).isEmpty)
  }

  @Test("Every plan that a case is lowered to is printed and read back", arguments: FileCase.all)
  func plans(_ test: FileCase) throws {
    guard let module = try? Module(parsing: test.input, file: "case") else { return }
    // Those with named sizes have no plan.
    for function in module.functions where !module.functions.contains(where: \.isSymbolic) {
      let lowered = try Lowered(module, function: function.name, for: .testCPU)
      #expect(try ExecutionPlan(parsing: lowered.plan.description, file: "printed") == lowered.plan)
      #expect(
        try FusionPlan(parsing: lowered.fusion.description, file: "printed", in: lowered.plainModule) == lowered.fusion)
    }
  }

  @Test("The plan of the example is what the compiler makes of its program; KILN_BLESS=1 writes it again")
  func embeddedExample() throws {
    let folder = FileCase.folder.appending(path: "../../../Examples/Embedded").standardized
    func text(_ name: String) throws -> String { try String(contentsOf: folder.appending(path: name), encoding: .utf8) }
    let module = try Module(parsing: text("classify.kiln"), file: "classify.kiln")
    let known = (try? text("classify.plan")) ?? ""
    // The device is that of the machine on which it was made.
    let device = (try? ExecutionPlan(parsing: known, file: "classify.plan"))?.device ?? .testCPU
    let plan = try Lowered(module, for: device).plan.description
    if ProcessInfo.processInfo.environment["KILN_BLESS"] == "1" {
      try plan.write(to: folder.appending(path: "classify.plan"), atomically: true, encoding: .utf8)
    } else {
      #expect(plan == known)
    }
    let page = try String(
      contentsOf: FileCase.folder.appending(path: "../../../Documentation/Embedding.md").standardized, encoding: .utf8)
    for file in ["Sources/Embedded/main.swift", "Package.swift"] {
      #expect(page.contains("```swift\n\(try text(file))```\n"), "Documentation/Embedding.md shows another \(file)")
    }
  }

  @Test("In continuous integration there is an OpenCL device")
  func openCLIsThere() throws {
    guard ProcessInfo.processInfo.environment["CI"] == "true" else { return }
    _ = try Backend.openCLDevice.get()
  }

  @Test("The cases are found")
  func found() { #expect(FileCase.all.count >= 20) }
}
