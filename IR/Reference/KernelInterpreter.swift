/// What a kernel says of an index out of range: the number of its site, 0 for none, and the index.
public struct KernelStatus: Hashable, Sendable {
  public var site = 0
  public var index: Int64 = 0

  public init() {}
}

/// Runs the definition of a kernel on memory: slow, readable, and the meaning of a kernel.
///
/// Accesses are not checked here; `KernelVerifier` proves them.
public enum KernelInterpreter {
  /// Runs the whole kernel.
  /// - Parameters:
  ///   - buffers: the first byte of each buffer.
  ///   - integers: the launch arguments.
  /// - Returns: where an index was out of range.
  public static func run(_ kernel: Kernel, buffers: [UnsafeMutableRawPointer], integers: [Int]) -> KernelStatus {
    let points = kernel.outer.product(integers)
    var status = KernelStatus()
    run(kernel, points: 0..<points, buffers, integers, &status)
    return status
  }

  /// Runs work units of a phase, as a compiled phase does. The last phase does all the work, for the others only prepare
  /// it, and each of its units an equal share of the outer points: which points a schedule gives to a unit cannot be seen
  /// in the results.
  public static func run(
    _ kernel: Kernel, phase: Int, units: Range<Int>, buffers: [UnsafeMutableRawPointer], integers: [Int],
    status: inout KernelStatus
  ) {
    guard phase == kernel.phaseCount - 1 else { return }
    let points = kernel.outer.product(integers)
    let unitCount = kernel.workUnits(phase: phase, integers)
    guard unitCount > 0 else { return }
    let share = units.lowerBound * points / unitCount..<units.upperBound * points / unitCount
    run(kernel, points: share, buffers, integers, &status)
  }

  /// How many elements are computed side by side.
  private static let batch = 4096

  private static func run(
    _ kernel: Kernel, points: Range<Int>, _ buffers: [UnsafeMutableRawPointer], _ integers: [Int],
    _ status: inout KernelStatus
  ) {
    let longest = kernel.stages.map { $0.innerCount(integers) }.max() ?? 1
    let step = max(1, batch / max(longest, 1))
    for start in stride(from: points.lowerBound, to: points.upperBound, by: step) {
      var run = KernelBatch(kernel, start..<min(start + step, points.upperBound), buffers, integers)
      for stage in kernel.stages.indices { run.perform(stage) }
      if status.site == 0 { status = run.status }
    }
  }
}
