import Dispatch
import Foundation
import Kiln
import KilnIR
import KilnRuntime
import Testing

@Suite("Memory")
struct MemoryTests {
  @Test("memory that is not there is memory.exhausted on every way to a tensor")
  func exhausted() throws {
    // 32 TiB: no machine has them.
    let huge = [1 << 15, 1 << 14, 1 << 14]
    let row = Tensor<Float>.ones([1, 1, 1])
    #expect(labels { _ = Tensor<Float>.zeros(huge) } == ["memory.exhausted"])
    #expect(labels { _ = row.broadcast(to: huge) } == ["memory.exhausted"])
    let f = compile { (x: Tensor<Float>) in x.broadcast(to: huge) }
    let compiled = #expect(throws: KilnError.self) { try f.run(row) }
    #expect(compiled?.diagnostics.map(\.label) == ["memory.exhausted"])
    let traced = try trace(row) { x in x.broadcast(to: huge) }
    let run = #expect(throws: KilnError.self) { try traced.run([AnyTensor(row)]) }
    #expect(run?.diagnostics.map(\.label) == ["memory.exhausted"])
    // In the middle of a program, where the plan's arena is too large.
    let middle = compile { (x: Tensor<Float>) in x.broadcast(to: huge).reversed(0).sorted().sum() }
    let arena = #expect(throws: KilnError.self) { try middle.run(row) }
    #expect(arena?.diagnostics.map(\.label) == ["memory.exhausted"])
  }

  @Test("memory.C1 is a memory plan that is wrong, and nothing else")
  func planLabel() throws {
    for (path, text) in try sources() where !path.hasSuffix("IR/Plan/MemoryPlan.swift") {
      #expect(!text.contains("\"memory.C1\""), "\(path)")
    }
  }

  @Test("trimMemory leaves tensors, compiled functions and results as they are")
  func trim() {
    let x = Tensor<Float>([1, 2, 3])
    let f = compile { (x: Tensor<Float>) in (x * 2).sum() }
    for _ in 0..<3 {
      #expect(f(x).item == 12)
      #expect(gradient(at: x) { x in (x * x).sum() }.scalars == [2, 4, 6])
      #expect((x + x).scalars == [2, 4, 6])
      trimMemory()
    }
    #expect(f.report.entries.count == 1)
  }

  @Test("each value behind a lock is in the page's tables: what keeps things says what bounds it")
  func page() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    let page = try String(contentsOf: folder.appendingPathComponent("Documentation/Memory.md"), encoding: .utf8)
    let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
    let listed = rows.compactMap { row in row.split(separator: "`").dropFirst().first.map(String.init) }
    #expect(Set(listed).count == listed.count)
    for row in rows { #expect(row.split(separator: "|").count == 2 && row.count > 20, "\(row)") }
    let declaration =
      /(?:let|var) (\w+)(?:: | = )(?:Lock[<(]|Mutex[<(]|ThreadShelf[ (]|Atomic<UnsafeMutableRawPointer\?>)/
    var found: Set<String> = []
    for (path, text) in try sources() {
      let file = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
      for line in text.split(separator: "\n") {
        // Deeper than a member of a type only what says its access is one.
        if line.hasPrefix("    "), !line.contains("private "), !line.contains("package ") { continue }
        if let match = line.firstMatch(of: declaration) { found.insert("\(file).\(match.1)") }
      }
    }
    #expect(found.count > 20)
    #expect(found.subtracting(listed).sorted() == [], "missing in Documentation/Memory.md")
    #expect(Set(listed).subtracting(found).sorted() == [], "listed in Documentation/Memory.md, and gone")
  }

  /// The text of every file of the library.
  private func sources() throws -> [(path: String, text: String)] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var files: [(path: String, text: String)] = []
    for part in ["IR", "Passes", "Runtime", "Sources/Kiln"] {
      for case let file as URL in FileManager.default.enumerator(
        at: folder.appendingPathComponent(part), includingPropertiesForKeys: nil) ?? .init()
      where file.pathExtension == "swift" {
        files.append((file.path, try String(contentsOf: file, encoding: .utf8)))
      }
    }
    #expect(files.count > 200)
    return files
  }
}

@Suite("Without LLVM")
struct InterpreterNoticeTests {
  @Test("programs run in the interpreter, which standard error says once, and every report")
  func notice() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      setenv("KILN_LLVM", "/nowhere/libLLVM.so", 1)
      unsetenv("KILN_DEVICE")
      let x = Tensor<Float>([1, 2])
      let f = compile { (x: Tensor<Float>) in x + 1 }
      guard f(x).scalars == [2, 3], f(f(x)).scalars == [3, 4], (x * x).scalars == [1, 4],
        gradient(at: x, of: { x in x.sum() }).scalars == [1, 1],
        f.report.entries.allSatisfy({ $0.device == .reference }), f.report.description.contains("for reference in")
      else { exit(1) }
    }
    let lines = String(decoding: try #require(result).standardErrorContent, as: UTF8.self).split(separator: "\n")
    let notices = lines.filter { $0.hasPrefix("kiln: everything runs in the interpreter") }
    #expect(notices.count == 1 && notices.first?.contains("apt install libllvm19") == true, "\(lines)")
  }

  @Test("a program that asks for the interpreter gets no notice")
  func wanted() async throws {
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      setenv("KILN_LLVM", "/nowhere/libLLVM.so", 1)
      setenv("KILN_DEVICE", "reference", 1)
      guard (Tensor<Float>([1, 2]) + 1).scalars == [2, 3] else { exit(1) }
    }
    #expect(try #require(result).standardErrorContent.isEmpty)
  }
}

@Suite("Memory on several threads")
struct MemoryThreadTests {
  @Test("programs run while other threads make new ones and give their memory back")
  func trims() {
    let x = Tensor<Float>([1, 2, 3])
    let f = compile { (x: Tensor<Float>) in x * 3 }
    let failures = Lock(0)
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      for turn in 0..<40 {
        let number = Float(thread * 100 + turn % 4)
        let slope = gradient(at: x) { x in (x * Tensor<Float>(number)).sum() }
        if slope.scalars != [number, number, number] || f(x).scalars != [3, 6, 9] || (x + x).scalars != [2, 4, 6] {
          failures.withLock { $0 += 1 }
        }
        if turn % 8 == thread { trimMemory() }
      }
    }
    #expect(failures.withLock { $0 } == 0)
  }
}
