/// What the code that runs now is part of. One task-local value, because each costs a call of a function to read.
final class Ambient: Sendable {
  @TaskLocal static var current: Ambient?

  /// The trace that records, if any.
  let trace: Trace?
  /// The tapes that record eager operations.
  let tapes: RecordingTapes?
  /// The device that `withDevice` named.
  let device: Device?

  private init(trace: Trace?, tapes: RecordingTapes?, device: Device?) {
    self.trace = trace
    self.tapes = tapes
    self.device = device
  }

  static func with<Result>(trace: Trace?, _ body: () throws -> Result) rethrows -> Result {
    let outer = current
    return try $current.withValue(Ambient(trace: trace, tapes: outer?.tapes, device: outer?.device), operation: body)
  }

  static func with<Result>(tapes: RecordingTapes?, _ body: () throws -> Result) rethrows -> Result {
    let outer = current
    return try $current.withValue(Ambient(trace: outer?.trace, tapes: tapes, device: outer?.device), operation: body)
  }

  static func with<Result>(device: Device, _ body: () throws -> Result) rethrows -> Result {
    let outer = current
    return try $current.withValue(Ambient(trace: outer?.trace, tapes: outer?.tapes, device: device), operation: body)
  }
}
