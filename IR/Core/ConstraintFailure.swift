/// A constraint of an op that its operands or attributes break. The label names the constraint, as in `dot.C3`.
public struct ConstraintFailure: Error, Hashable, Sendable, CustomStringConvertible {
  public let label: String
  public let message: String

  public init(_ label: String, _ message: String) {
    self.label = label
    self.message = message
  }

  public var description: String { "\(message) [\(label)]" }
}

/// Throws the labelled failure unless `condition` holds.
package func require(
  _ condition: Bool, _ label: @autoclosure () -> String, _ message: @autoclosure () -> String
) throws(ConstraintFailure) {
  if !condition { throw ConstraintFailure(label(), message()) }
}
