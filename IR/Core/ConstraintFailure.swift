/// A rule of the IR that a program breaks: the label of the rule and what was found.
///
/// Labels are those of Documentation/Spec.md, such as `add.C1`; tests name them.
public struct ConstraintFailure: Error, Hashable, Sendable {
  /// The label of the broken constraint.
  public let label: String
  /// What was expected and what was found.
  public let message: String

  public init(_ label: String, _ message: String) {
    self.label = label
    self.message = message
  }
}

extension ConstraintFailure: CustomStringConvertible {
  public var description: String { "\(label): \(message)" }
}
