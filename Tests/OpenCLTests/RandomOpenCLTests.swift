import Foundation
import KilnBackends
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// Random programs give the reference's bits on the device, with the schedules of both kinds of devices.
///
/// They run in groups: a driver's compiler takes about half a second for a program of its own, and as much again for
/// its kernels. Most groups ask it for little optimisation, which changes what the driver does and nothing that Kiln
/// does.
@Suite("OpenCL: random programs", .enabled(if: OpenCLHarness.runs), .serialized)
struct RandomOpenCLTests {
  static let programCount: UInt64 = 100
  private static let groupSize = 10

  @Test("S1: programs with named sizes, lowered once, the plans of several sizes")
  func sizes() throws {
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    device.faults.withLock { $0.buildOptions = " -cl-opt-disable" }
    for kind in [OpenCLDevice.Kind.cpu, .gpu] {
      var agreement = SizedAgreement(device.lowering(as: kind), fuses: kind == .gpu) {
        try OpenCLExecutable($0, on: device, cache: nil).run($1)
      }
      for seed in UInt64(600)..<605 { #expect(try agreement.disagreements(seed: seed) == []) }
      print("on OpenCL, as a \(kind): \(agreement)")
      #expect(agreement.planCount > 10)
    }
  }

  static func dtypes() throws -> [DType] {
    let hasDouble = try OpenCLHarness.device.get().properties.hasDouble
    return DType.allCases.filter { hasDouble || $0 != .f64 }
  }

  /// Runs `programs` in groups, by turns as a processor and as a graphics processor, every fourth group not fused, and
  /// records the first that differs, made small.
  static func expectAgreement(_ programs: [RandomProgram], optimises: (_ group: Int) -> Bool) throws {
    let device = try OpenCLHarness.device.get().separateCopy()
    defer { device.close() }
    for (group, start) in stride(from: 0, to: programs.count, by: groupSize).enumerated() {
      let members = Array(programs[start..<min(start + groupSize, programs.count)])
      let (fuses, kind) = (group % 4 != 3, group % 2 == 0 ? OpenCLDevice.Kind.gpu : .cpu)
      device.faults.withLock { $0.buildOptions = optimises(group) ? "" : " -cl-opt-disable" }
      let backend = Backend.openCL(device, as: kind, fuses: fuses)
      guard let reason = try RandomProgram.joined(members).disagreement(on: backend) else { continue }
      let alone = members.first { $0.disagreement(on: backend) != nil }
      let small = alone?.shrunk { $0.disagreement(on: backend) != nil }
      Issue.record(
        "programs \(start)..., \(fuses ? "fused" : "unfused"), \(kind): \(reason)\n\(small?.listing ?? "only together")"
      )
      return
    }
  }

  @Test("S1 S3: random programs, fused and not, for processors and graphics processors")
  func agreement() throws {
    var options = RandomProgram.Options()
    options.dtypes = try Self.dtypes()
    options.instructions = 4...12
    let programs = try (0..<Self.programCount).map { seed throws(ConstraintFailure) in
      try RandomProgram(seed: 7000 + seed, options: options)
    }
    try Self.expectAgreement(programs) { $0 % 5 == 0 }
  }

  @Test("S1 G1: gradients of random programs")
  func gradients() throws {
    var options = RandomProgram.Options()
    options.dtypes = try Self.dtypes().filter { $0 == .f32 || $0 == .f64 } + [.i32]
    options.instructions = 6...12
    var programs: [RandomProgram] = []
    for seed in 0..<60 as Range<UInt64> {
      let program = try RandomProgram(seed: 30_000 + seed, options: options)
      let reals = program.inputs.indices.filter { program.inputs[$0].type.dtype.isReal }
      // Some ops have no derivative.
      guard !reals.isEmpty,
        let derived = try? Differentiation.vjp(of: program.entry, in: program.module, withRespectTo: reals)
      else { continue }
      let parameters = derived.module[derived.name]?.parameters.dropFirst(program.inputs.count) ?? []
      let cotangents = try parameters.map { try ReductionTests.values($0.type, seed: seed) }
      programs.append(
        RandomProgram(module: derived.module, entry: derived.name, inputs: program.inputs + cotangents))
    }
    #expect(programs.count >= 30, "\(programs.count) of 60 programs have a derivative")
    try Self.expectAgreement(programs) { $0 == 0 }
  }

  @Test("S1: every op on every dtype")
  func matrix() throws {
    let programs = try RandomProgram.covering(Self.dtypes(), poolSize: 40, seed: 90_000)
    let cells = programs.reduce(into: Set<String>()) { $0.formUnion($1.cells) }
    for label in RandomProgram.allLabels {
      #expect(cells.contains { $0 == label || $0.hasPrefix(label + " ") }, "no program has \(label)")
    }
    print("OpenCL: \(programs.count) programs cover \(cells.count) pairs of op and dtypes")
    try Self.expectAgreement(programs) { _ in false }
  }
}
