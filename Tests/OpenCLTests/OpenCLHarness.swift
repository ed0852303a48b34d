import Foundation
import Kiln
import KilnCPU
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// The device of the tests, and programs run on it for comparison with the reference.
enum OpenCLHarness {
  /// `KILN_TEST_OPENCL` chooses; PoCL is the device of continuous integration.
  static let device = Result {
    Device.prepareForDrivers()
    return try OpenCLDevice.choose(ProcessInfo.processInfo.environment["KILN_TEST_OPENCL"] ?? "")
  }

  /// Without a device the tests are skipped and say why, but for CI, where they fail.
  static let runs: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    if case .failure(let error) = device {
      print("OpenCL tests are skipped: \(error)")
      return false
    }
    return true
  }()

  static func plan(
    _ function: Function, in module: Module = Module(), fuses: Bool = true, for description: DeviceDescription? = nil
  ) throws -> ExecutionPlan {
    let description = try description ?? device.get().lowering()
    return try Lowering(function, in: module, for: description, options: LoweringOptions(fuses: fuses)).plan
  }

  static func plan(
    _ program: RandomProgram, fuses: Bool, for description: DeviceDescription? = nil
  ) throws -> ExecutionPlan {
    let module = try Pipeline.default(for: program.entry).run(program.module)
    let plan = try plan(#require(module[program.entry]), in: module, fuses: fuses, for: description)
    let findings = PlanVerifier.diagnostics(for: plan)
    if !findings.isEmpty { throw KilnError(findings) }
    return plan
  }

  /// Runs a program on the device.
  static func run(
    _ program: RandomProgram, fuses: Bool, kind: OpenCLDevice.Kind, on other: OpenCLDevice? = nil
  ) throws -> [TensorValue] {
    let device = try other ?? device.get()
    let description = device.lowering(as: kind)
    let plan = try plan(program, fuses: fuses, for: description)
    return try OpenCLExecutable(plan, on: device, cache: nil, limits: description.workGroups).run(program.inputs)
  }

  /// Runs a program on the processor, through LLVM.
  static func runOnCPU(_ program: RandomProgram, fuses: Bool) throws -> [TensorValue] {
    let compiler = try KernelCompiler.shared.get()
    let module = try Pipeline.default(for: program.entry).run(program.module)
    let plan = try Lowering(
      #require(module[program.entry]), in: module, for: compiler.machine.description(),
      options: LoweringOptions(fuses: fuses)
    ).plan
    let executable = try CPUExecutable(plan, compiler: compiler)
    let inputs = try program.inputs.map { value in
      let buffer = try HostBuffer(byteCount: value.bytes.count)
      buffer.withBytes { $0.copyBytes(from: value.bytes) }
      return buffer
    }
    let results = try plan.results.map { try HostBuffer(byteCount: $0.type.byteCount) }
    let (sources, targets) = (inputs.map { UnsafeRawPointer($0.pointer) }, results.map(\.pointer))
    try sources.withUnsafeBufferPointer { sources in
      try targets.withUnsafeBufferPointer { targets in try executable.run(inputs: sources, outputs: targets) }
    }
    withExtendedLifetime(inputs) {}
    return try zip(plan.results, results).map { result, buffer in
      try TensorValue(result.type, bytes: buffer.withBytes { Array($0) })
    }
  }

  /// Runs `function` with the schedules of processors and of graphics processors, and compares the results with the
  /// reference bit for bit.
  static func expectReferenceBits(
    _ function: Function, _ inputs: [TensorValue], fuses: Bool = true, names: [String] = [],
    kinds: [OpenCLDevice.Kind] = [.cpu, .gpu], optimises: Bool = true,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    var module = Module()
    try module.append(function)
    let expected = try ReferenceInterpreter.run(module, function: function.name, inputs: inputs)
    let device = try device.get().separateCopy()
    defer { device.close() }
    if !optimises { device.faults.withLock { $0.buildOptions = " -cl-opt-disable" } }
    for kind in kinds {
      let description = device.lowering(as: kind)
      let plan = try plan(function, fuses: fuses, for: description)
      let found = try OpenCLExecutable(plan, on: device, cache: nil, limits: description.workGroups).run(inputs)
      for (number, pair) in zip(expected, found).enumerated() where !pair.0.isIdentical(to: pair.1) {
        let (a, b) = (pair.0.bits, pair.1.bits)
        let dtype = pair.0.type.dtype
        let place = a.indices.first { !Scalar(dtype, bits: a[$0]).isIdentical(to: Scalar(dtype, bits: b[$0])) } ?? 0
        let name = names.indices.contains(number) ? names[number] : "result \(number)"
        Issue.record(
          "\(name) \(pair.0.type), \(kind): element \(place) is \(pair.1[place]), the reference has \(pair.0[place])",
          sourceLocation: sourceLocation)
      }
    }
  }
}

/// Words that are hard for the arithmetic of a dtype, then random ones.
func hardValues(_ type: TensorType, seed: UInt64) throws -> TensorValue {
  var random = SplitMix64(seed: seed)
  let dtype = type.dtype
  let bits = (0..<type.shape.elementCount).map { index -> UInt64 in
    if index % 3 == 0 { return random.next() & dtype.bitMask }
    return index % 3 == 1 && dtype.isReal ? random.special(dtype).bits : random.scalar(dtype).bits
  }
  return try TensorValue(type, bits: bits)
}
