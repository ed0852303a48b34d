package import KilnIR

/// What can go wrong while a program is compiled for a machine or run on it.
public struct RuntimeError: Error, Hashable, Sendable, CustomStringConvertible {
  public enum Kind: Hashable, Sendable {
    /// The machine lacks a library, a device or an instruction set; the message says what to install or to use instead.
    case unavailable
    /// A buffer could not be allocated.
    case outOfMemory
    /// A device stopped answering; what was on it is gone, and the next call opens it again.
    case deviceLost
    /// Machine code could not be made or loaded: a defect of Kiln or of the code generator, never of the program.
    case codeGeneration
  }

  public let kind: Kind
  public let message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  public var description: String { message }
}

extension KilnError {
  /// A failure of the machine as it is reported to a user: the one place where its label is chosen.
  ///
  /// - Parameter codeGeneration: the label for code that could not be made.
  package init(_ error: RuntimeError, codeGeneration: String = "device.codeGeneration") {
    let label =
      switch error.kind {
      case .unavailable: "device.unavailable"
      case .outOfMemory: "memory.exhausted"
      case .deviceLost: "device.lost"
      case .codeGeneration: codeGeneration
      }
    self.init(label, error.message)
  }
}
