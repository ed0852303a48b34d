import Dispatch
import Foundation
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Mappings of this process.
private func mappingCount() throws -> Int {
  try String(contentsOfFile: "/proc/self/maps", encoding: .utf8).split(separator: "\n").count
}

@Suite("Machine code in memory")
struct CodeArenaTests {
  @Test("thousands of objects take a few mappings, and their pages are used again")
  func mappings() async {
    await #expect(processExitsWith: .success) {
      let machine = try CPUMachine.shared.get()
      let object = try selfTestObject(machine)
      let first = try machine.loader.load(object)
      let before = try mappingCount()
      var alive = try (0..<3000).map { _ in try machine.loader.load(object) }
      let used = machine.loader.arena.usedByteCount
      try require(used == 3001 * first.byteCount)
      try require(try mappingCount() - before <= 2 * (used / (2 << 20) + 1))
      // Every second one goes: its pages are free for others, and no mapping is cut.
      alive = alive.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
      try require(machine.loader.arena.usedByteCount == 1501 * first.byteCount)
      try require(try mappingCount() - before <= 2 * (used / (2 << 20) + 1))
      alive += try (0..<1500).map { _ in try machine.loader.load(object) }
      try require(try mappingCount() - before <= 2 * (used / (2 << 20) + 1))
      for loaded in alive.shuffled().prefix(100) { try require(computesSquares(loaded)) }
      alive = []
      try require(machine.loader.arena.usedByteCount == first.byteCount)
      try require(try mappingCount() - before <= 4)
      try require(computesSquares(first))
    }
  }

  @Test("blocks larger than a region, and what fails while it is written, leave nothing behind")
  func blocks() throws {
    let arena = CodeArena()
    var large: CodeArena.Block? = try arena.block(5 << 20) { $0[5 << 20 - 1] = 7 }
    #expect(large?.byteCount == 5 << 20 && arena.usedByteCount == 5 << 20)
    #expect(throws: RuntimeError.self) {
      try arena.block(100) { _ throws(RuntimeError) in throw RuntimeError(.codeGeneration, "wanted") }
    }
    #expect(arena.usedByteCount == 5 << 20)
    large = nil
    #expect(arena.usedByteCount == 0)
  }

  @Test("an object that is damaged is an error wherever it is cut")
  func damage() throws {
    guard case .success(let machine) = CPUMachine.shared else { return }
    let object = try selfTestObject(machine)
    for length in stride(from: 0, to: object.count, by: 7) {
      #expect(throws: RuntimeError.self, "\(length)") { try machine.loader.load(Array(object.prefix(length))) }
    }
  }

  /// The instructions are those of `llvm-mc -triple aarch64`: adrp, add, ldr (1, 2, 4, 8 and 16 bytes), bl.
  @Test("arm64: addresses are put into the instructions that hold them")
  func arm64() throws {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 0x4000, alignment: 0x1000)
    defer { memory.deallocate() }
    let relocator = Relocator(machine: 183, memory: memory)
    func patched(_ type: Int, _ instruction: UInt32, at offset: Int, to target: Int, addend: Int = 0) throws -> UInt32 {
      memory.storeBytes(of: instruction, toByteOffset: offset, as: UInt32.self)
      try relocator.apply(type, at: offset, to: target, addend: addend, slot: nil)
      return memory.load(fromByteOffset: offset, as: UInt32.self)
    }
    // adrp x0, two pages on: immlo 2, immhi 0.
    #expect(try patched(275, 0x9000_0000, at: 0x1004, to: 0x3010) == 0xd000_0000)
    // adrp x0, one page back: all bits set.
    #expect(try patched(275, 0x9000_0000, at: 0x2004, to: 0x1ff8) == 0xf0ff_ffe0)
    #expect(try patched(277, 0x9100_0000, at: 0, to: 0x3010, addend: 4) == 0x9100_5000)  // add x0, x0, #0x14
    #expect(try patched(285, 0xb940_0000, at: 0, to: 0x3010) == 0xb940_1000)  // ldr w0, [x0, #0x10]
    #expect(try patched(286, 0xf940_0000, at: 0, to: 0x3010) == 0xf940_0800)  // ldr x0, [x0, #0x10]
    #expect(try patched(299, 0x3dc0_0000, at: 0, to: 0x3010) == 0x3dc0_0400)  // ldr q0, [x0, #0x10]
    #expect(try patched(283, 0x9400_0000, at: 0x1000, to: 0x1010) == 0x9400_0004)  // bl .+16
    #expect(try patched(283, 0x9400_0000, at: 0x1000, to: 0xff0) == 0x97ff_fffc)  // bl .-16
    #expect(throws: RuntimeError.self) { try patched(299, 0x3dc0_0000, at: 0, to: 0x3018) }
    #expect(throws: RuntimeError.self) { try patched(999, 0, at: 0, to: 0) }
    try relocator.writeSlot(at: 0x100, to: 0x1234_5678_9abc)
    #expect(memory.load(fromByteOffset: 0x100, as: UInt32.self) == 0x5800_0050)  // ldr x16, .+8
    #expect(memory.load(fromByteOffset: 0x104, as: UInt32.self) == 0xd61f_0200)  // br x16
    #expect(memory.load(fromByteOffset: 0x108, as: UInt64.self) == 0x1234_5678_9abc)
  }
}

private func selfTestObject(_ machine: CPUMachine) throws -> [UInt8] {
  let compiler = try machine.compiler()
  let module = LLVMModule(library: machine.library, name: "self-test")
  SelfTest.build(module, compiler)
  return try compiler.object(from: module)
}

/// Runs the kernel of the self-test: y = x * x + y.
private func computesSquares(_ object: LoadedObject) -> Bool {
  typealias Entry = @convention(c) (UnsafeMutableRawPointer?, Int, Int, Int) -> Void
  guard let address = object.address(of: "kiln_self_test") else { return false }
  var (x, y): ([Float], [Float]) = ([1, 2, 3, 4, 5], [1, 1, 1, 1, 1])
  x.withUnsafeMutableBytes { x in
    y.withUnsafeMutableBytes { y in
      var table = (x.baseAddress!, y.baseAddress!)
      withUnsafeMutablePointer(to: &table) { unsafeBitCast(address, to: Entry.self)($0, 0, 5, 0) }
    }
  }
  withExtendedLifetime(object) {}
  return y == [2, 5, 10, 17, 26]
}

@Suite("Code on several threads")
struct CodeArenaThreadTests {
  @Test("code that one thread runs stays while others load and drop code")
  func loads() throws {
    guard case .success(let machine) = CPUMachine.shared else { return }
    let object = try selfTestObject(machine)
    let shared = try machine.loader.load(object)
    let failures = Lock(0)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for _ in 0..<200 {
        let own = try? machine.loader.load(object)
        if own.map(computesSquares) != true || !computesSquares(shared) { failures.withLock { $0 += 1 } }
      }
    }
    #expect(failures.withLock { $0 } == 0)
  }
}
