import Foundation
import Kiln
import KilnCPU
import KilnIR
import KilnRuntime
import Testing

@Suite("Dumps") struct DumpPlanTests {
  /// In a process of its own: the folder of dumps is read from the environment once.
  @Test("the plan in a dump is the plan that runs")
  func plan() async {
    await #expect(processExitsWith: .success) {
      let folder = FileManager.default.temporaryDirectory.appending(path: "kiln-dump-\(UUID())")
      defer { try? FileManager.default.removeItem(at: folder) }
      setenv("KILN_DUMP", folder.path, 1)
      let module = try Module(
        parsing: """
          func @main(%x: f32[8,256]) -> (f32[8,256]) {
            %0: f32[8] = reduce(%x) {kind = max, axes = [1]}
            %1: f32[8,256] = broadcast(%0) {axes = [0]}
            %2: f32[8,256] = subtract(%x, %1)
            %3: f32[8,256] = exp(%2)
            return %3
          }
          """, file: "dump.kiln")
      let prepared = try Device.cpu.executor.prepare(module, function: "main", options: ExecutionOptions())
      let executable = try #require(prepared as? CPUExecutable)
      let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
      let dumped = try #require((files?.allObjects as? [URL])?.first { $0.lastPathComponent == "80-plan.txt" })
      let text = try String(contentsOf: dumped, encoding: .utf8)
      #expect(text == executable.plan.description)
      #expect(try ExecutionPlan(parsing: text, file: dumped.path) == executable.plan)
    }
  }
}
