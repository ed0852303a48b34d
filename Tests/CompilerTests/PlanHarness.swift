import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// Programs run through the pipeline and the CPU, for comparison with the reference.
enum PlanHarness {
  static let compiler = KernelCompiler.shared
  /// Pools of 1, 2 and 3 threads: results must not depend on them.
  static let pools = [1, 2, 3].map { WorkerPool(threadCount: $0) }

  /// The plan of a program on the test device or this machine's.
  static func plan(
    _ program: RandomProgram, fuses: Bool, for device: DeviceDescription
  ) throws -> ExecutionPlan {
    let module = try Pipeline.default(for: program.entry).run(program.module, verifying: true)
    let function = try #require(module[program.entry])
    let plan = try Lowering(function, in: module, for: device, options: LoweringOptions(fuses: fuses)).plan
    // Of every plan that a test runs, random ones too.
    let findings = PlanVerifier.diagnostics(for: plan)
    if !findings.isEmpty { throw KilnError(findings) }
    return plan
  }

  /// The results on every pool, which must be equal.
  static func runOnCPU(_ program: RandomProgram, fuses: Bool, pools: [WorkerPool]) throws -> [TensorValue] {
    let compiler = try compiler.get()
    var results: [[TensorValue]] = []
    for pool in pools {
      let plan = try plan(program, fuses: fuses, for: compiler.machine.description(threads: pool.threadCount))
      results.append(try run(CPUExecutable(plan, compiler: compiler, pool: pool), program.inputs))
    }
    let first = try #require(results.first)
    for (pool, other) in zip(pools, results) where !zip(first, other).allSatisfy({ $0.isIdentical(to: $1) }) {
      throw KilnError("R6", "\(pool.threadCount) threads give other bits than \(pools[0].threadCount)")
    }
    return first
  }

  static func run(_ executable: CPUExecutable, _ inputs: [TensorValue]) throws -> [TensorValue] {
    let types = executable.plan.results.map(\.type)
    let arguments = try inputs.map { try buffer($0.bytes) }
    let results = try types.map { try HostBuffer(byteCount: $0.byteCount) }
    let inputPointers = arguments.map { UnsafeRawPointer($0.pointer) }
    let outputPointers = results.map(\.pointer)
    try inputPointers.withUnsafeBufferPointer { inputs in
      try outputPointers.withUnsafeBufferPointer { outputs in try executable.run(inputs: inputs, outputs: outputs) }
    }
    withExtendedLifetime(arguments) {}
    return try zip(types, results).map { type, result in
      try TensorValue(type, bytes: result.withBytes { Array($0) })
    }
  }

  static func buffer(_ bytes: [UInt8]) throws -> HostBuffer {
    let buffer = try HostBuffer(byteCount: bytes.count)
    buffer.withBytes { $0.copyBytes(from: bytes) }
    return buffer
  }
}
