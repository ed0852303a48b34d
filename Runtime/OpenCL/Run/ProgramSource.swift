/// The text of one OpenCL program and what its kernels compute.
struct ProgramSource {
  private(set) var text = ""
  /// Where kernels begin, with the ops that they compute.
  private var owners: [(firstLine: Int, label: String)] = []
  private var lineCount = 0

  mutating func append(_ part: String, label: String? = nil) {
    if let label { owners.append((lineCount + 1, label)) }
    text += part
    lineCount += part.utf8.count { $0 == UInt8(ascii: "\n") }
  }

  /// The ops of the kernel that line `number` (from 1) belongs to.
  func owner(ofLine number: Int) -> String? { owners.last { $0.firstLine <= number }?.label }

  /// The text with a line that no compiler takes, for tests of build failures.
  func broken() -> String {
    guard let brace = text.lastIndex(of: "{") else { return text + "broken\n" }
    return text[...brace] + " injected_fault; " + text[text.index(after: brace)...]
  }
}

/// Writes indented lines.
struct SourceWriter {
  private(set) var text = ""
  private var depth = 0

  mutating func line(_ line: String) {
    text += String(repeating: "  ", count: depth) + line + "\n"
  }

  mutating func open(_ head: String) {
    line(head.isEmpty ? "{" : head + " {")
    depth += 1
  }

  mutating func close() {
    depth -= 1
    line("}")
  }
}
