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
  /// For tests. On: launches run together wherever they can, in the smallest blocks (`LaunchChain`). Bits do not
  /// change.
  package var chainsAlways: Bool

  package init(
    fuses: Bool = true, allowsLibrary: Bool = false, donations: [ExecutionPlan.Donation] = [],
    chainsAlways: Bool = false
  ) {
    self.fuses = fuses
    self.allowsLibrary = allowsLibrary
    self.donations = donations
    self.chainsAlways = chainsAlways
  }
}

/// The one way from a module to a plan. Reading `stages` is the tour of the compiler.
package struct Compilation: Sendable {
  /// The module before the passes, after each of them, and in plain ops.
  private let passed: [(name: String, module: Module)]
  /// Which instructions become one kernel, in the plain module.
  package let fusion: FusionPlan
  /// Kernels, memory and steps, at the sizes that it was compiled for.
  package private(set) var plan: ExecutionPlan
  /// Open sizes whose numbers lowering asked for: it is right for these numbers only.
  package let pinnedSizes: [String: Int]
  private let regions: ProgramRegions
  private let device: DeviceDescription
  private let options: CompilationOptions

  /// - Parameters:
  ///   - entry: the function that runs.
  ///   - passes: what is done to the module first; nil: `Pipeline.default(for: entry)`.
  ///   - sizes: the numbers of the open sizes of the program.
  /// - Throws: `size.C4` where a size has no number; what the passes have to say about the program; `module.C2` without
  ///   the entry; `fuse.call` when a call was not inlined; `lower.C1` for a function that the module does not have,
  ///   `lower.C2` and `lower.C3` for control flow nested too deeply or too large.
  package init(
    _ module: Module, entry: String, for device: DeviceDescription, options: CompilationOptions = CompilationOptions(),
    passes: Pipeline? = nil, at sizes: [String: Int] = [:]
  ) throws(KilnError) {
    if let (_, name) = module.openSize(reachedFrom: entry, besides: sizes) {
      throw KilnError("size.C4", "what is compiled here depends on the size \(name); bind it to a number")
    }
    // Sizes of functions that do not run have no numbers.
    var module = module.functions.contains(where: \.isSymbolic) ? module.reduced(to: entry) : module
    var pinned: [String: Int] = [:]
    while true {
      let open = sizes.filter { pinned[$0.key] == nil }
      let pins = SizePins(open) { .unknown }
      let stages = SizePins.$current.withValue(pins) {
        Result { () throws(KilnError) in try Self.stages(module, entry, device, options, passes) }
      }
      if pins.pins.isEmpty {
        (passed, fusion, regions) = try stages.get()
        break
      }
      // What was made of numbers and what was made of names do not fit each other.
      let asked = open.filter { pins.pins[$0.key] != nil }
      pinned.merge(asked) { $1 }
      module = try module.reduced(to: entry).bound(to: asked)
    }
    pinnedSizes = pinned
    (self.device, self.options) = (device, options)
    plan = try regions.plan(at: sizes, for: device, options)
  }

  private static func stages(
    _ module: Module, _ entry: String, _ device: DeviceDescription, _ options: CompilationOptions, _ passes: Pipeline?
  ) throws(KilnError) -> (passed: [(name: String, module: Module)], fusion: FusionPlan, regions: ProgramRegions) {
    var passed = [(name: "module", module: module)]
    // Functions without calls, in simplest form.
    let simple = try (passes ?? .default(for: entry)).run(module) { passed.append(($0.name, $2)) }
    // What kernels cannot say directly, in ops that they can.
    let plain = try PlainOps.rewrite(simple, entry)
    passed.append(("plain", plain))
    // No more instructions than can be lowered.
    try Lowering.checkSize(of: plain.require(entry), in: plain)
    // Which instructions become one kernel, in the entry and in the functions that branches and loops run.
    let fusion = try Fuser.run(plain.require(entry), in: plain, for: device, fuses: options.fuses)
    // Each group as kernels, on buffers, in the order in which they run.
    return (passed, fusion, try Lowering.regions(of: fusion, in: plain, for: device, options))
  }

  /// The compilation with the plan for other numbers of the sizes that are not pinned: no stage before it looks at
  /// them.
  /// - Throws: `type.C1` where a tensor becomes too large.
  package func planned(at sizes: [String: Int]) throws(KilnError) -> Compilation {
    var result = self
    result.plan = try regions.plan(at: sizes, for: device, options)
    return result
  }

  /// The module before the passes, after each pass that changed it, and in plain ops, if that is something else. The
  /// later stages name values as the last one does.
  package var modules: [(name: String, module: Module)] {
    passed.indices.filter { $0 == 0 || passed[$0].module != passed[$0 - 1].module }.map { passed[$0] }
  }
}
