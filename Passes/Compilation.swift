package import KilnIR

/// What a program is compiled with beside its device.
package struct CompilationOptions: Hashable, Sendable {
  /// Off: one kernel per instruction. Bits do not change.
  package var fuses: Bool
  /// Whether plain matrix products may be left to a library, which adds in an order of its own.
  package var allowsLibrary: Bool
  /// Parameters whose memory the caller may give away, each with the result that would take it. The program is right
  /// whether a call does so or not.
  package var donations: [ExecutionPlan.Donation]

  package init(fuses: Bool = true, allowsLibrary: Bool = false, donations: [ExecutionPlan.Donation] = []) {
    self.fuses = fuses
    self.allowsLibrary = allowsLibrary
    self.donations = donations
  }
}

/// The one way from a module to a plan. Reading `init` is the tour of the compiler.
package struct Compilation: Sendable {
  /// The module before the passes, after each of them, and in plain ops.
  private let passed: [(name: String, module: Module)]
  /// Which instructions become one kernel, in the plain module.
  package let fusion: FusionPlan
  /// Kernels, memory and steps.
  package let plan: ExecutionPlan

  /// - Parameters:
  ///   - entry: the function that runs.
  ///   - passes: what is done to the module first; nil: `Pipeline.default(for: entry)`.
  /// - Throws: `size.C4` where sizes are not numbers yet; what the passes have to say about the program; `module.C2`
  ///   without the entry; `fuse.call` when a call was not inlined; `lower.C1` for a function that the module does not
  ///   have, `lower.C2` and `lower.C3` for control flow nested too deeply or too large.
  package init(
    _ module: Module, entry: String, for device: DeviceDescription, options: CompilationOptions = CompilationOptions(),
    passes: Pipeline? = nil
  ) throws(KilnError) {
    var passed = [(name: "module", module: module)]
    if let (_, name) = module.openSize(reachedFrom: entry) {
      throw KilnError("size.C4", "what is compiled here depends on the size \(name); bind it to a number")
    }
    // Functions without calls, in simplest form.
    let simple = try (passes ?? .default(for: entry)).run(module) { passed.append(($0.name, $2)) }
    // What kernels cannot say directly, in ops that they can.
    let plain = try PlainOps.rewrite(simple)
    passed.append(("plain", plain))
    // No more instructions than can be lowered.
    try Lowering.checkSize(of: plain.require(entry), in: plain)
    // Which instructions become one kernel, in the entry and in the functions that branches and loops run.
    fusion = try Fuser.run(plain.require(entry), in: plain, for: device, fuses: options.fuses)
    // Each group as kernels with a schedule for the device, on buffers, in the order in which they run.
    let regions = try Lowering.regions(of: fusion, in: plain, for: device, options)
    // Memory for the buffers, numbers for everything, steps.
    plan = PlanBuilder(regions).build(options, for: device)
    self.passed = passed
  }

  /// The module before the passes, after each pass that changed it, and in plain ops, if that is something else. The
  /// later stages name values as the last one does.
  package var modules: [(name: String, module: Module)] {
    passed.indices.filter { $0 == 0 || passed[$0].module != passed[$0 - 1].module }.map { passed[$0] }
  }
}
