/// One finding about a user's program: what was expected, what was found, and where.
public struct Diagnostic: Hashable, Sendable {
  /// The stable name of the rule that was broken, such as `transpose.C2`; Debugging.md explains each.
  public var label: String
  public var message: String
  public var location: SourceLocation
  /// Further lines: the instructions around the place, the other line involved, what to do.
  public var notes: [String]

  public init(_ label: String, _ message: String, at location: SourceLocation = .unknown, notes: [String] = []) {
    self.label = label
    self.message = message
    self.location = location
    self.notes = notes
  }
}

extension Diagnostic: CustomStringConvertible {
  public var description: String {
    let place = location == .unknown ? "" : "\(location): "
    return (["\(place)error: \(message) [\(label)]"] + notes.map { "  note: \($0)" }).joined(separator: "\n")
  }
}

/// What every throwing stage of Kiln throws: all the diagnostics that it found.
public struct KilnError: Error, Sendable, CustomStringConvertible {
  public var diagnostics: [Diagnostic]
  /// What a closure of the user's threw (`trace.C6`), nil for Kiln's own findings.
  public var cause: (any Error)?

  public init(_ diagnostics: [Diagnostic], cause: (any Error)? = nil) {
    self.diagnostics = diagnostics
    self.cause = cause
  }
  public init(_ diagnostic: Diagnostic) { diagnostics = [diagnostic] }
  public init(_ label: String, _ message: String, at location: SourceLocation = .unknown, notes: [String] = []) {
    diagnostics = [Diagnostic(label, message, at: location, notes: notes)]
  }
  public init(_ failure: ConstraintFailure, at location: SourceLocation = .unknown) {
    self.init(failure.label, failure.message, at: location)
  }

  public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Errors with the same diagnostics are equal; the cause is described by one of them.
extension KilnError: Hashable {
  public static func == (a: KilnError, b: KilnError) -> Bool { a.diagnostics == b.diagnostics }
  public func hash(into hasher: inout Hasher) { hasher.combine(diagnostics) }
}
