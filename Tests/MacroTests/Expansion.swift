#if Macros
  import KilnTesting

  /// What the compiler makes of the macros of a file, and what they say of it.
  enum Expansion {
    private static let head = "import Kiln; import KilnMacros; import KilnNN; "

    /// What is written for `source`, which is in order.
    static func text(of source: String) throws -> String {
      let outcome = try Compiler.expanding(head + source)
      if let finding = outcome.findings.first { throw Unexpected(finding: finding) }
      return outcome.expansions.joined(separator: "\n\n")
    }

    /// What is said of `source`: `LINE:COLUMN MESSAGE`, each with its fixes, and what is written nevertheless.
    static func mistakes(in source: String) throws -> (said: [String], text: String) {
      let outcome = try Compiler.expanding(head + source)
      let said = outcome.findings.map { finding in
        let column = finding.column - (finding.line == 1 ? head.count : 0)
        return (["\(finding.line):\(column) \(finding.message)"] + finding.fixes).joined(separator: " | ")
      }
      return (said, outcome.expansions.joined(separator: "\n\n"))
    }

    struct Unexpected: Error {
      let finding: Compiler.Finding
    }
  }
#endif
