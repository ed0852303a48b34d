/// Where in the user's program an instruction comes from.
public enum SourceLocation: Hashable, Sendable {
  case unknown
  /// A line of a file. `column` is 0 when it is not known.
  case position(file: String, line: Int, column: Int)
  /// Raw return addresses, innermost first; resolved only when a diagnostic is printed.
  case returnAddresses([UInt])
}

extension SourceLocation: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unknown: "<unknown>"
    case .position(let file, let line, let column): column > 0 ? "\(file):\(line):\(column)" : "\(file):\(line)"
    case .returnAddresses(let addresses): addresses.map { "0x" + String($0, radix: 16) }.joined(separator: " ")
    }
  }
}
