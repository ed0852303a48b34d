import Foundation
import Kiln
import KilnIR
import Testing

/// Whatever stops the program prints its message last, and nothing in a trace runs without end.
@Suite("Stops")
struct StopTests {
  private func texts(_ result: ExitTest.Result?) -> (out: String, error: String) {
    (
      String(decoding: result?.standardOutputContent ?? [], as: UTF8.self),
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    )
  }

  /// The lines of Kiln's message are the last of all.
  private func expectMessage(_ text: String, _ label: String, sourceLocation: Testing.SourceLocation = #_sourceLocation)
  {
    let lines = text.split(separator: "\n")
    let first = lines.firstIndex { $0.contains("[\(label)]") } ?? lines.startIndex
    #expect(lines[first...].count <= 6, "\(text)", sourceLocation: sourceLocation)
    #expect(text.contains("[\(label)]"), "\(text)", sourceLocation: sourceLocation)
    #expect(lines.last?.contains("KILN_BACKTRACE=1") == true, "\(text)", sourceLocation: sourceLocation)
    #expect(text.contains("StopTests.swift:"), "\(text)", sourceLocation: sourceLocation)
  }

  @Test("a mistake outside stops with its message last, after what was printed")
  func message() async {
    let result = await #expect(
      processExitsWith: .failure, observing: [\.standardOutputContent, \.standardErrorContent]
    ) {
      print("printed before")
      addMismatched()
    }
    let (out, error) = texts(result)
    #expect(out.contains("printed before"))
    expectMessage(error, "broadcast.shapes")
    #expect(!error.contains("Fatal error"))
    #expect(result?.exitStatus == .signal(SIGABRT))
  }

  @Test("a compiled function and a recursion stop in the same way")
  func compiled() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let f = compile { (x: Tensor<Float>) in x.reshaped(to: [3]) }
      _ = f(Tensor<Float>([1, 2]))
    }
    expectMessage(texts(result).error, "reshape.C1")
    let recursion = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let box = Recursion()
      let f = compile { (x: Tensor<Float>) in box.call(x) + Tensor<Float>([1, 2, 3]) }
      box.function = { f($0) }
      _ = try? f.run(Tensor<Float>([1, 2]))
    }
    expectMessage(texts(recursion).error, "compile.C1")
  }

  @Test(
    "a loop that waits for an element of a traced or failed tensor stops, in little memory", .timeLimit(.minutes(5)))
  func endlessLooks() async {
    let traced = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      limitMemory()
      loopOnTraced()
    }
    expectMessage(texts(traced).error, "trace.C5")
    #expect(texts(traced).error.contains("[trace.C3]"))
    let failed = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      limitMemory()
      loopOnFailed()
    }
    expectMessage(texts(failed).error, "trace.C5")
  }

  @Test("a closure that records without end stops", .timeLimit(.minutes(5)))
  func endlessRecording() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = try? trace(Tensor<Float>([1, 2])) { x in
        var x = x
        while x.rank == 1 { x = x * 2 }
        return x
      }
    }
    expectMessage(texts(result).error, "trace.limit")
  }
}

private final class Recursion: @unchecked Sendable {
  var function: ((Tensor<Float>) -> Tensor<Float>)?
  func call(_ x: Tensor<Float>) -> Tensor<Float> { function.map { $0(x) } ?? x }
}

// Code inside of a macro's argument has no line where it is optimised.

private func loopOnTraced() {
  _ = try? trace(Tensor<Float>([1, 2])) { x in
    var x = x
    while !(x.sum().item > 100) { x = x * 2 + Tensor<Float>(x.dimensions.map { Float($0) }) }
    return x
  }
}

private func loopOnFailed() {
  try? withDiagnostics {
    let x = Tensor<Int32>([1, 2]) + Tensor<Int32>([1, 2, 3])
    while x.sum().item < 100 {}
  }
}

private func addMismatched() { print(Tensor<Float>([1, 2]) + Tensor<Float>([1, 2, 3])) }

/// A GiB more of data than the process has; the files that it maps do not count.
private func limitMemory() {
  guard let status = try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8),
    let pages = status.split(separator: " ").dropFirst(5).first.flatMap({ UInt64($0) })
  else { return }
  let bytes = pages * 4096 + 1 << 30
  var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
  setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
}
