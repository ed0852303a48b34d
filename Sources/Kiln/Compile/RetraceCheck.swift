import KilnIR

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The check that a closure still records what it recorded when it was compiled: Swift code in it that depends on
/// anything but its arguments (a clock, a counter) ran once and is frozen.
enum RetraceCheck {
  /// Whether the environment variable KILN_CHECK names `retrace`.
  static let isOnByDefault: Bool = {
    guard let text = getenv("KILN_CHECK") else { return false }
    return String(cString: text).split(separator: ",").contains("retrace")
  }()

  /// - Throws: `compile.C5` with the first line that differs.
  static func compare(_ old: Module, _ new: Module, at location: SourceLocation) throws(KilnError) {
    if old == new { return }
    let oldLines = old.description.split(separator: "\n")
    let newLines = new.description.split(separator: "\n")
    let index =
      zip(oldLines, newLines).enumerated().first { $1.0 != $1.1 }?.offset ?? min(oldLines.count, newLines.count)
    func line(_ lines: [Substring]) -> String { index < lines.count ? lines[index].trimmed : "nothing" }
    throw KilnError(
      Diagnostic(
        "compile.C5", "traced again, this function is another program: its closure depends on more than its arguments",
        at: location, notes: ["compiled: \(line(oldLines))", "now: \(line(newLines))"])
    ).resolved()
  }
}

extension Substring {
  fileprivate var trimmed: String { String(drop { $0 == " " }) }
}
