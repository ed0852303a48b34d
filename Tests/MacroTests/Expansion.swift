#if Macros
  @testable import KilnMacroPlugin
  import SwiftSyntaxMacroExpansion
  import SwiftSyntaxMacrosGenericTestSupport
  import Testing

  /// What the macros write for a file and say of it.
  enum Expansion {
    private static let macros: [String: MacroSpec] = [
      "TensorTree": MacroSpec(type: TensorTreeMacro.self, conformances: ["TensorTree"]),
      "Module": MacroSpec(type: ModuleMacro.self, conformances: ["Layer", "PureLayer"]),
      "Ignored": MacroSpec(type: IgnoredMacro.self),
    ]

    /// Compares the expansion of `source` and what is said of it with what is expected.
    static func expect(
      _ source: String, becomes expanded: String, diagnostics: [DiagnosticSpec] = [], fixed: String? = nil,
      location: Testing.SourceLocation = #_sourceLocation
    ) {
      assertMacroExpansion(
        source, expandedSource: expanded, diagnostics: diagnostics, macroSpecs: macros, fixedSource: fixed,
        indentationWidth: .spaces(2),
        failureHandler: { Issue.record("\($0.message)", sourceLocation: location) })
    }
  }
#endif
