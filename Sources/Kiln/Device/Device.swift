import KilnIR
import Synchronization

/// Where programs run.
public struct Device: Sendable {
  /// The name, as on the command line.
  public let name: String
  package let executor: any Executor

  package init(_ name: String, _ executor: any Executor) {
    self.name = name
    self.executor = executor
  }

  /// The graph interpreter: slow, there on every machine, and by definition right.
  public static let reference = Device("reference", ReferenceExecutor())

  /// The device of eager operations and of functions that name none.
  public static var current: Device { Ambient.current?.device ?? .preferred }
}

extension Device: Hashable {
  public static func == (a: Device, b: Device) -> Bool { a.executor === b.executor }
  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(executor)) }
}

extension Device: CustomStringConvertible {
  public var description: String { name }
}

/// Runs `body` with `device` for its eager operations, and for the functions it compiles that name none.
public func withDevice<Result>(_ device: Device, _ body: () throws -> Result) rethrows -> Result {
  try Ambient.with(device: device, body)
}
