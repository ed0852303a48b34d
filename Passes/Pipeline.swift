package import KilnIR

/// Passes in order. Reading `Pipeline.default` is the tour of what happens to a module before it is fused and lowered.
package struct Pipeline: Sendable {
  package var passes: [Pass]

  package init(_ passes: [Pass]) { self.passes = passes }

  /// From a module as it was traced to one that is ready for fusion: functions without calls, in simplest form.
  package static let `default` = Pipeline([
    // Bodies of called functions take the place of their calls; transforms have been applied, so those with rules of
    // their own are ordinary ones now.
    .inlineAll,
    // Derivatives have been taken; what they stopped at is an ordinary value now.
    .eraseStopGradient,
    // Constants are folded, identities and double moves vanish, transposes go into sums; the bits stay.
    .simplify,
    // Equal instructions become one.
    .eliminateCommonSubexpressions,
    // What no result needs is dropped.
    .eliminateDeadCode,
  ])

  /// The default passes for a program that runs `entry` only.
  package static func `default`(for entry: String) -> Pipeline {
    Pipeline(
      [.keep(entry), .inlineAll, .keep(entry)] + `default`.passes.dropFirst()
        // What a branch or loop does for nothing, and then what was computed for that.
        + [.trimRegions(of: entry), .eliminateDeadCode])
  }

  /// Runs the passes in order.
  ///
  /// - Parameters:
  ///   - verifying: whether the verifier runs after each pass; by default it does in debug builds.
  ///   - observing: called after each pass with the module before and after it, for dumps.
  /// - Throws: what a pass says, or `pipeline.C3` with the findings of the verifier when a pass breaks the module.
  package func run(
    _ module: Module, verifying: Bool = Pipeline.verifiesByDefault,
    observing: ((_ pass: Pass, _ before: Module, _ after: Module) -> Void)? = nil
  ) throws(KilnError) -> Module {
    var module = module
    for pass in passes {
      let result = try pass.run(module)
      if verifying { try Self.verify(result, after: pass) }
      observing?(pass, module, result)
      module = result
    }
    return module
  }

  private static func verify(_ module: Module, after pass: Pass) throws(KilnError) {
    let findings = Verifier.diagnostics(for: module)
    guard !findings.isEmpty else { return }
    let summary = Diagnostic(
      "pipeline.C3", "the pass \(pass.name) made a module that is not well formed; this is a bug in Kiln")
    throw KilnError([summary] + findings)
  }

  /// True in builds with debug assertions.
  package static let verifiesByDefault: Bool = {
    var isDebug = false
    func note() -> Bool {
      isDebug = true
      return true
    }
    assert(note())
    return isDebug
  }()
}
