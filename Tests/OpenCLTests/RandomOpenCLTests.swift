import Foundation
import KilnCPU
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnTesting
import Testing

/// Random programs give the reference's bits on the device, with the schedules of both kinds of devices.
@Suite("OpenCL: random programs", .enabled(if: OpenCLHarness.runs), .serialized)
struct RandomOpenCLTests {
  /// `KILN_OPENCL_PROGRAMS` asks for more, as `make soak` does.
  static let programCount =
    UInt64(ProcessInfo.processInfo.environment["KILN_OPENCL_PROGRAMS"] ?? "") ?? 24

  static func run(_ program: RandomProgram, fuses: Bool, kind: OpenCLDevice.Kind) throws -> [TensorValue] {
    let plan = try OpenCLHarness.plan(program, fuses: fuses)
    return try OpenCLExecutable(plan, on: OpenCLHarness.device.get(), cache: nil, schedulesFor: kind)
      .run(program.inputs)
  }

  @Test("S1 S3: random programs, fused and not, for processors and graphics processors")
  func agreement() throws {
    var options = RandomProgram.Options()
    if try !OpenCLHarness.device.get().properties.hasDouble { options.dtypes.removeAll { $0 == .f64 } }
    for seed in 0..<Self.programCount {
      let program = try RandomProgram(seed: 7000 + seed, options: options)
      let (fuses, kind) = (seed % 4 != 3, seed % 2 == 0 ? OpenCLDevice.Kind.gpu : .cpu)
      guard let reason = program.disagreement({ try Self.run($0, fuses: fuses, kind: kind) }) else { continue }
      let small = program.shrunk { candidate in
        candidate.disagreement { try Self.run($0, fuses: fuses, kind: kind) } != nil
      }
      Issue.record("seed \(7000 + seed), \(fuses ? "fused" : "unfused"), \(kind): \(reason)\n\(small.listing)")
      return
    }
  }

  /// PoCL brings an LLVM of its own; both live in one process in any order, because Kiln loads and never links them.
  @Test("LLVM before and after OpenCL in one process, and both at once on two threads")
  func besideLLVM() throws {
    let program = try RandomProgram(seed: 11)
    let compiler = try KernelCompiler.shared.get()
    let plan = try OpenCLHarness.plan(program, fuses: true)
    for round in 0..<2 {
      for device in round == 0 ? ["llvm", "opencl"] : ["opencl", "llvm"] {
        if device == "llvm" {
          _ = try CPUExecutable(plan, compiler: compiler)
        } else {
          #expect(program.disagreement { try Self.run($0, fuses: true, kind: .cpu) } == nil)
        }
      }
    }
    DispatchQueue.concurrentPerform(iterations: 2) { thread in
      do {
        for seed in 12..<15 as Range<UInt64> {
          let program = try RandomProgram(seed: seed)
          if thread == 0 {
            _ = try CPUExecutable(OpenCLHarness.plan(program, fuses: true), compiler: compiler)
          } else if let reason = program.disagreement({ try Self.run($0, fuses: true, kind: .cpu) }) {
            Issue.record("seed \(seed): \(reason)")
          }
        }
      } catch {
        Issue.record(error)
      }
    }
  }
}
