import Foundation
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
    let found = test.blessed(backend)
    if ProcessInfo.processInfo.environment["KILN_BLESS"] == "1" {
      guard backend.description == CaseBackend.reference.description else { return }
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
    guard let module = try? Module(parsing: test.input, file: "case") else { return }
    let again = try Module(parsing: module.description, file: "printed")
    #expect(again == module)
    #expect(again.description == module.description)
    #expect(Verifier.diagnostics(for: module).isEmpty)
  }

  @Test("Every kernel that a case is lowered to is printed and read back", arguments: FileCase.all)
  func kernels(_ test: FileCase) throws {
    guard let module = try? Module(parsing: test.input, file: "case") else { return }
    for function in module.functions {
      for kernel in try ExecutionPlan.compiled(module, function.name, passes: Pipeline([.inlineAll])).kernels {
        #expect(try Kernel(parsing: kernel.description, file: "printed") == kernel)
      }
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
