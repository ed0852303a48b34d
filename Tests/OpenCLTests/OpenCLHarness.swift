import KilnBackends
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// Programs compiled for the device of the tests and compared with the reference.
enum OpenCLHarness {
  static let device = Backend.openCLDevice
  static let runs = Backend.hasOpenCL

  /// The plan of a function as it is.
  static func plan(
    _ function: Function, fuses: Bool = true, as kind: OpenCLDevice.Kind? = nil
  ) throws -> ExecutionPlan {
    try .compiled(
      Module([function]), for: device.get().lowering(as: kind), CompilationOptions(fuses: fuses), passes: Pipeline([]))
  }

  static func plan(_ program: RandomProgram, as kind: OpenCLDevice.Kind? = nil) throws -> ExecutionPlan {
    try .compiled(program, for: device.get().lowering(as: kind))
  }

  /// Runs `function` with the schedules of processors and of graphics processors, and compares the results with the
  /// reference bit for bit.
  static func expectReferenceBits(
    _ function: Function, _ inputs: [TensorValue], fuses: Bool = true, names: [String] = [],
    kinds: [OpenCLDevice.Kind] = [.cpu, .gpu], optimises: Bool = true,
    sourceLocation: Testing.SourceLocation = #_sourceLocation
  ) throws {
    let expected = try ReferenceInterpreter.run(Module([function]), function: function.name, inputs: inputs)
    let device = try device.get().separateCopy()
    defer { device.close() }
    if !optimises { device.faults.withLock { $0.buildOptions = " -cl-opt-disable" } }
    for kind in kinds {
      let plan = try plan(function, fuses: fuses, as: kind)
      let found = try OpenCLExecutable(plan, on: device, cache: nil).run(inputs)
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
