import Foundation
import KilnBackends
import KilnIR
import KilnOpenCL
import KilnTesting
import Synchronization
import Testing

/// PoCL brings an LLVM of its own; both live in one process in any order, because Kiln loads and never links them. Each
/// order has a process to itself.
@Suite("OpenCL: beside LLVM", .enabled(if: OpenCLHarness.runs), .serialized)
struct MixedProcessTests {
  /// Whether a program gives the reference's bits.
  @Sendable private static func check(_ seed: UInt64, onLLVM: Bool) -> Bool {
    do {
      let backend = try onLLVM ? Backend.processor() : .openCL(OpenCLHarness.device.get(), as: .cpu)
      let reason = try RandomProgram(seed: seed).disagreement(on: backend)
      guard let reason else { return true }
      FileHandle.standardError.write(Data("seed \(seed): \(reason)\n".utf8))
    } catch {
      FileHandle.standardError.write(Data("seed \(seed): \(error)\n".utf8))
    }
    return false
  }

  /// One device, the other, and then both at once on two threads; ends the process with 1 after a wrong bit.
  static func run(llvmFirst: Bool) {
    var isRight = true
    for isLLVM in [llvmFirst, !llvmFirst] { isRight = check(11, onLLVM: isLLVM) && isRight }
    let failures = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: 2) { thread in
      for seed in 12..<15 as Range<UInt64> where !check(seed, onLLVM: thread == 0) {
        failures.add(1, ordering: .relaxed)
      }
    }
    exit(isRight && failures.load(ordering: .relaxed) == 0 ? 0 : 1)
  }

  @Test("LLVM first, then OpenCL, then both at once")
  func llvmFirst() async {
    await #expect(processExitsWith: .exitCode(0)) { MixedProcessTests.run(llvmFirst: true) }
  }

  @Test("OpenCL first, then LLVM, then both at once")
  func openCLFirst() async {
    await #expect(processExitsWith: .exitCode(0)) { MixedProcessTests.run(llvmFirst: false) }
  }
}
