import Foundation
import Kiln
import KilnRuntime
import Testing

/// What runs in flat memory, each in a process of its own. `make soak` (`KILN_SOAK`) runs the whole number of turns,
/// the suite a few hundred to thousand of them.
@Suite("Memory: flat")
struct MemorySoakTests {
  @Test("eager gradients with a new number each: one program, flat memory")
  func gradients() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_CACHE", "off", 1)
      let x = Tensor<Float>([1, 2, 3])
      try expectFlat(turns: Flatness.turns(100_000, sample: 3000), bytes: 3 << 20) { turn in
        let slope = gradient(at: x) { x in (x * Tensor<Float>(Float(turn) + 0.5)).sum() }
        try require(slope.scalars == [Float](repeating: Float(turn) + 0.5, count: 3))
      }
      // The first number in the code, the second as an operand.
      try require(Device.kernelCounts.compiled <= 8, "\(Device.kernelCounts.compiled) kernels")
    }
  }

  @Test("numbers in loops, branches and batches of eager closures")
  func closures() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_CACHE", "off", 1)
      let x = Tensor<Float>([1, 2, 3])
      try expectFlat(turns: Flatness.turns(20_000, sample: 600), bytes: 6 << 20) { turn in
        let number = Float(turn) + 0.25
        let slope = gradient(at: x) { x in
          fori(0..<3, x) { _, x in
            cond((x .> 0).all()) {
              x * Tensor<Float>(number)
            } else: {
              x
            }
          }.sum()
        }
        try require(slope.scalars == [Float](repeating: number * number * number, count: 3))
        try require(
          vmap { (x: Tensor<Float>) in x + Tensor([number, 2]) }(x.expandingShape(at: 1)).scalars.first == 1 + number)
      }
      try require(Device.kernelCounts.compiled <= 60, "\(Device.kernelCounts.compiled) kernels")
    }
  }

  @Test("eager operations of ever new shapes")
  func shapes() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_CACHE", "off", 1)
      setenv("KILN_MEMORY", "64", 1)
      try expectFlat(turns: Flatness.turns(10_000, sample: 1200), bytes: 16 << 20) { turn in
        let x = Tensor<Float>.ones([turn % 5000 + 1, 2])
        try require((x + x).sum().item == Float(4 * (turn % 5000 + 1)))
        try require(x[turn % (turn % 5000 + 1)].scalars == [1, 1])
      }
    }
  }

  @Test("compiled functions that come and go")
  func functions() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_CACHE", "off", 1)
      setenv("KILN_MEMORY", "16", 1)
      let x = Tensor<Float>([1, 2, 3])
      try expectFlat(turns: Flatness.turns(5000, sample: 400), bytes: 8 << 20) { turn in
        let f = compile { (x: Tensor<Float>) in x * Float(turn) + 1 }
        try require(f(x).scalars == [1, 2, 3].map { $0 * Float(turn) + 1 })
      }
      // 2 MiB of code, and what the last program uses.
      try require(Device.codeByteCount <= 3 << 20)
    }
  }

  @Test("one program for all sizes, called with ever new ones")
  func sizedProgram() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_CACHE", "off", 1)
      setenv("KILN_MEMORY", "16", 1)
      let w = Tensor<Float>.ones([4, 3])
      let f = compile { (x: Tensor<Float>, w: Tensor<Float>) in tanh(matmul(x, w)).sum(axes: [2]) }
      try expectFlat(turns: Flatness.turns(10_000, sample: 900), bytes: 8 << 20) { turn in
        let (n, m) = (1 + turn * 7919 % 211, 1 + turn * 104_729 % 97)
        try require(f(Tensor<Float>.zeros([n, m, 4]), w).scalars.count == n * m)
      }
      try require(f.report.entries.count == 2, "\(f.report)")
      try require(Device.kernelCounts.compiled <= 4, "\(Device.kernelCounts.compiled) kernels")
    }
  }

  @Test("buffers of ever new sizes")
  func sizes() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_MEMORY", "64", 1)
      try expectFlat(turns: Flatness.turns(20_000, sample: 2000), bytes: 64 << 20) { turn in
        let count = 1 + turn * 7919 % 1_000_000
        withExtendedLifetime(Tensor<Float>.zeros([count])) {}
        try require(BufferPool.shared.freeByteCount <= 48 << 20)
      }
      try require(trimMemory() > 0)
      try require(BufferPool.shared.freeByteCount == 0)
    }
  }
}

/// Inside an exit test an issue is not the parent's: a thrown error ends the process with a failure.
private func require(_ condition: Bool, _ what: @autoclosure () -> String = "", line: Int = #line) throws {
  if condition { return }
  FileHandle.standardError.write(Data("line \(line): \(what())\n".utf8))
  throw Unmet(line: line)
}

private struct Unmet: Error { let line: Int }

enum Flatness {
  static func turns(_ whole: Int, sample: Int) -> Int {
    ProcessInfo.processInfo.environment["KILN_SOAK"] == nil ? sample : whole
  }

  /// Bytes of this process in memory, and its mappings.
  static func now() throws -> (bytes: Int, mappings: Int) {
    let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")[1]
    let maps = try String(contentsOfFile: "/proc/self/maps", encoding: .utf8)
    return (Int(pages)! * Int(sysconf(Int32(_SC_PAGESIZE))), maps.split(separator: "\n").count)
  }
}

/// Runs `body` so many times: from the third part on to the end memory grows by less than `bytes`, and mappings by few.
private func expectFlat(turns: Int, bytes: Int, _ body: (Int) throws -> Void) throws {
  for turn in 0..<turns / 3 { try body(turn) }
  let start = try Flatness.now()
  for turn in turns / 3..<turns { try body(turn) }
  let end = try Flatness.now()
  print("memory grew by \((end.bytes - start.bytes) >> 10) KiB and \(end.mappings - start.mappings) mappings")
  try require(end.bytes - start.bytes < bytes, "\((end.bytes - start.bytes) >> 10) KiB more")
  try require(end.mappings - start.mappings < 50, "\(end.mappings - start.mappings) mappings more")
}
