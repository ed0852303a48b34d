public import Kiln
public import KilnIR

/// A named computation whose inputs, result and timing are defined once for all frameworks that are compared.
public struct Workload: Sendable {
  public let name: String
  /// Floating-point operations of the matrix products in one call, 0 if that is not what counts.
  public let operations: Double
  /// Bytes read and written in one call, each input and output once; 0 if that is not what counts.
  public let bytes: Double
  private let body: @Sendable (Session, String) throws(KilnError) -> WorkloadResult

  /// A workload that `body` measures: it makes the inputs, compiles, and gives `Session.measure` one call.
  public init(
    _ name: String, operations: Int = 0, bytes: Int = 0,
    _ body: @escaping @Sendable (Session, String) throws(KilnError) -> WorkloadResult
  ) {
    self.name = name
    self.operations = Double(operations)
    self.bytes = Double(bytes)
    self.body = body
  }

  /// Every workload, in the order of the tables.
  public static let all: [Workload] = overheads + products + pointwise + rows + images + models

  /// Measures the workload in this process.
  /// - Parameters:
  ///   - seconds: how long calls are timed.
  ///   - cores: how many cores the process may use.
  ///   - size: what stands for `n` in a workload of many sizes.
  public func measure(
    seconds: Double, cores: Int, on device: Device, size: Int = 0
  ) throws(KilnError) -> WorkloadResult {
    Stopwatch.pin(toCores: cores)
    let session = Session(budget: seconds, size: size)
    let result = withDevice(device) { Result { () throws(KilnError) in try body(session, name) } }
    return try result.get()
  }
}
