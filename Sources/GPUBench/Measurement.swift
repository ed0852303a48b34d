import Glibc
import KilnIR
import KilnOpenCL
import KilnPasses
import KilnRuntime

/// What one workload gave.
struct Measurement {
  var name: String
  var size: [Int]
  /// Whether the small size gave the interpreter's bits; nil if it could not run.
  var isIdentical: Bool?
  /// Seconds on the device and as the caller sees it, the best of several runs.
  var deviceSeconds = 0.0
  var callSeconds = 0.0
  var bytes = 0.0
  var operations = 0.0
  var problem: String?
  /// What tuning tried, if it was asked for.
  var tunings: [OpenCLExecutable.Tuning] = []

  var bytesPerSecond: Double { deviceSeconds > 0 ? bytes / deviceSeconds : 0 }
  var operationsPerSecond: Double { deviceSeconds > 0 ? operations / deviceSeconds : 0 }

  /// The share of the nearer limit, in percent: what the kernels cannot pass.
  func share(of limits: DeviceLimits) -> Double {
    100 * max(bytesPerSecond / limits.copyBytesPerSecond, operationsPerSecond / limits.fmaOperationsPerSecond)
  }

  /// - Parameter tuning: how many seconds to spend on other work mappings.
  static func run(_ workload: Workload, on device: OpenCLDevice, isQuick: Bool, tuning: Double?) -> Measurement {
    var result = Measurement(name: workload.name, size: workload.size)
    result.bytes = workload.bytes(workload.size)
    result.operations = workload.operations(workload.size)
    do {
      result.isIdentical = try check(workload, on: device)
      try result.measure(workload, on: device, isQuick: isQuick, tuning: tuning)
    } catch {
      result.problem = "\(error)"
    }
    return result
  }

  /// The small size against the kernel interpreter.
  private static func check(_ workload: Workload, on device: OpenCLDevice) throws -> Bool {
    let plan = try workload.plan(workload.checkedSize, for: device.lowering())
    let inputs = try plan.parameters.enumerated().map { number, parameter in
      try TensorValue(parameter.type, bytes: Self.bytes(parameter.type, seed: UInt64(number)))
    }
    let expected = try PlanInterpreter.run(plan, inputs: inputs)
    let found = try OpenCLExecutable(plan, on: device).run(inputs)
    return zip(expected, found).allSatisfy { $0.isIdentical(to: $1) }
  }

  private mutating func measure(
    _ workload: Workload, on device: OpenCLDevice, isQuick: Bool, tuning: Double?
  ) throws {
    let plan = try workload.plan(workload.size, for: device.lowering())
    let executable = try OpenCLExecutable(plan, on: device)
    let inputs = try plan.parameters.enumerated().map { number, parameter in
      try Self.bytes(parameter.type, seed: UInt64(number)).withUnsafeBytes {
        try DeviceBuffer(copying: $0, to: device)
      }
    }
    _ = try executable.run(inputs)
    if let tuning { tunings = try executable.tune(inputs, seconds: tuning) }
    (deviceSeconds, callSeconds) = (.infinity, .infinity)
    for _ in 0..<(isQuick ? 3 : 12) {
      let start = Self.now
      _ = try executable.run(inputs)
      callSeconds = min(callSeconds, Self.now - start)
      let profiles = try executable.profile(inputs).profiles
      deviceSeconds = min(deviceSeconds, Double(profiles.reduce(0) { $0 + $1.nanoseconds }) * 1e-9)
    }
  }

  private static var now: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Numbers between -1 and 1.
  private static func bytes(_ type: TensorType, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    let elements = (0..<type.shape.elementCount).map { _ -> Float in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int32(truncatingIfNeeded: state >> 32)) * 0x1p-31
    }
    return elements.withUnsafeBytes { Array($0) }
  }
}
