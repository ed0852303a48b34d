import Foundation
import KilnIR
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Contractions of all sizes share tile functions, in memory and on disk (Decision 16).
@Suite("Shared code")
struct SharedCodeTests {
  private static func compiler(_ cache: ObjectCache?) throws -> KernelCompiler {
    KernelCompiler(machine: try CPUMachine.shared.get(), cache: cache)
  }

  private static func folder() -> String {
    FileManager.default.temporaryDirectory.appendingPathComponent("kiln-\(UUID())").path
  }

  private let product = ContractionCase(rows: 40, columns: 32, inner: [70])

  private func run(_ c: ContractionCase, _ compiler: KernelCompiler) throws {
    let (kernel, integers) = c.kernel()
    try c.check(PhaseRunner(kernel, integers, compiler), of: Float.self, cuts: 2)
  }

  @Test("kernels that differ in their epilogue have one tile")
  func epilogues() throws {
    let compiler = try Self.compiler(nil)
    try run(product, compiler)
    let first = compiler.counts
    #expect(first.compiled == 1 && first.sharedCompiled == 2, "the tile and Tree16")
    var other = product
    other.epilogue = .biasRelu
    try run(other, compiler)
    #expect(compiler.counts.compiled == 2 && compiler.counts.sharedCompiled == first.sharedCompiled)
  }

  @Test("sizes, strides and packing shape no kernel, and the numbers of rows and terms no tile")
  func sizes() throws {
    let compiler = try Self.compiler(nil)
    for (rows, terms) in [(40, 70), (15, 2), (27, 513), (41, 8193), (1, 600), (13, 2)] {
      var c = product
      (c.rows, c.inner) = (rows, [terms])
      try run(c, compiler)
      #expect(compiler.counts.compiled == 1 && compiler.counts.sharedCompiled == 2)
    }
    var packed = product
    packed.packsRight = true
    try run(packed, compiler)
    #expect(compiler.counts.compiled == 1 && compiler.counts.sharedCompiled == 3, "the packing function")
  }

  @Test("another compiler takes them from the disk, and makes those anew that are damaged")
  func disk() throws {
    let folder = Self.folder()
    let first = try Self.compiler(ObjectCache(folder: folder))
    try run(product, first)
    #expect(first.counts.compiled + first.counts.sharedCompiled == 3)
    let second = try Self.compiler(ObjectCache(folder: folder))
    try run(product, second)
    #expect(second.counts == KernelCompiler.Counts(loaded: 1, sharedLoaded: 2))
    for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
      let url = URL(fileURLWithPath: "\(folder)/\(name)")
      var bytes = try [UInt8](Data(contentsOf: url))
      bytes[bytes.count / 2] ^= 1
      try Data(bytes).write(to: url)
    }
    let third = try Self.compiler(ObjectCache(folder: folder))
    try run(product, third)
    #expect(third.counts == KernelCompiler.Counts(compiled: 1, sharedCompiled: 2))
  }

  @Test("they live as long as a launch that calls them, and no longer")
  func lifetime() throws {
    let compiler = try Self.compiler(nil)
    let (kernel, integers) = product.kernel()
    var runner: PhaseRunner? = try PhaseRunner(kernel, integers, compiler)
    #expect(compiler.releaseIdleMemory() == 0)
    let other = try Self.compiler(nil)
    try run(ContractionCase(rows: 40, columns: 33, inner: [7]), other)
    #expect(other.releaseIdleMemory() > 0)
    try product.check(try #require(runner), of: Float.self, cuts: 2)
    runner = nil
    #expect(compiler.releaseIdleMemory() > 0 && compiler.kept.objectCount == 0)
  }

  @Test("several threads want the same tile at once")
  func threads() throws {
    let compiler = try Self.compiler(nil)
    let (kernel, integers) = product.kernel()
    let failures = Lock(0)
    WorkerPool(threadCount: 4).forEachRange(of: 8, nanoseconds: 1_000_000_000) { range, _ in
      for _ in range {
        do {
          try product.check(PhaseRunner(kernel, integers, compiler), of: Float.self, cuts: 1)
        } catch { failures.withLock { $0 += 1 } }
      }
    }
    #expect(failures.withLock { $0 } == 0 && compiler.kept.objectCount == 3)
  }
}
