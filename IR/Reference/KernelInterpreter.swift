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
  public static func run(
    _ kernel: KernelDefinition, buffers: [UnsafeMutableRawPointer], integers: [Int]
  ) -> KernelStatus {
    let points = kernel.outer.product(integers)
    let longest = kernel.stages.map { $0.innerCount(integers) }.max() ?? 1
    let step = max(1, batch / max(longest, 1))
    var status = KernelStatus()
    for start in stride(from: 0, to: points, by: step) {
      var run = KernelBatch(kernel, start..<min(start + step, points), buffers, integers)
      for stage in kernel.stages.indices { run.perform(stage) }
      if status.site == 0 { status = run.status }
    }
    return status
  }

  /// How many elements are computed side by side.
  private static let batch = 4096
}
