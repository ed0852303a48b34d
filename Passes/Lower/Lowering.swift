public import KilnIR

/// What lowering is asked for beside the function and the device.
public struct LoweringOptions: Hashable, Sendable {
  /// Off: one kernel per instruction. Bits do not change.
  public var fuses: Bool
  /// Whether contractions are compiled for their sizes. Off for eager operations: one object then serves all shapes.
  public var specializes: Bool
  /// Whether plain matrix products may be left to a library, which adds in an order of its own.
  public var allowsLibrary: Bool
  /// Parameters whose memory the caller may give away, each with the result that would take it.
  public var donations: [ExecutionPlan.Donation]

  public init(
    fuses: Bool = true, specializes: Bool = true, allowsLibrary: Bool = false,
    donations: [ExecutionPlan.Donation] = []
  ) {
    self.fuses = fuses
    self.specializes = specializes
    self.allowsLibrary = allowsLibrary
    self.donations = donations
  }
}

/// From a function without calls to a static plan: clusters, kernels, order, memory.
public struct Lowering: Sendable {
  /// The stages before the plan, for people who look. The module is what is fused: fusion, memory and plan name values as it
  /// does.
  public let module: Module
  public let fusion: FusionPlan
  public let plan: ExecutionPlan

  /// More instructions than this, with those of callees counted wherever they run, are not lowered.
  static let maximumInstructionCount = 1 << 20

  /// - Parameter module: has the functions that control ops of `function` run, without calls.
  /// - Throws: `fuse.call` when a call was not inlined, `lower.C1` for a function that the module does not have, `lower.C2`
  ///   and `lower.C3` for control flow nested too deeply or too large.
  public init(
    _ function: Function, in module: Module = Module(), for device: DeviceDescription,
    options: LoweringOptions = LoweringOptions()
  ) throws(KilnError) {
    let module = try PlainOps.rewrite(module)
    let function = try PlainOps.rewrite(function, in: module)
    self.module = module
    try Self.checkSize(of: function, in: module)
    var lowering = FunctionLowering(module, device, options)
    let resolver = Resolver(function)
    let results = Self.results(of: function, resolver)
    let parameters = function.parameters.enumerated().map { number, parameter in
      lowering.newBuffer(parameter.type, .parameter(number), [], "%\(parameter.name)")
    }
    let targets = results.enumerated().map { number, result -> FunctionLowering.Target? in
      guard case .written = result.source else { return nil }
      let root = resolver.bufferRoot(function.results[number])
      let buffer = lowering.newBuffer(function.valueTypes[root], .result(number), [], function.name(of: root))
      let donation = options.donations.first {
        $0.result == number && Self.isPossible($0, function, resolver)
      }
      return FunctionLowering.Target(buffer: buffer, parameter: donation?.parameter)
    }
    let lowered = try lowering.lower(function, parameters: parameters, targets: targets, loops: [])
    let donations = options.donations.filter { donation in
      lowered.replacing.contains(donation.result) && targets[donation.result]?.parameter == donation.parameter
    }
    var fusion = lowering.fusions[0]
    fusion.callees = Array(lowering.fusions.dropFirst())
    self.fusion = fusion
    let builder = PlanBuilder(function, results, lowered.nodes, lowering.buffers, donations: donations)
    var plan = builder.build(options, for: device)
    plan.refusedDonations = options.donations.filter { !donations.contains($0) }
    self.plan = plan
  }

  /// Where each result comes from: memory of its own, a parameter or an earlier result.
  private static func results(of function: Function, _ resolver: Resolver) -> [ExecutionPlan.Result] {
    var first: [ValueID: Int] = [:]
    return function.results.enumerated().map { number, value in
      let (root, type) = (resolver.bufferRoot(value), function.valueTypes[value])
      if function.isParameter(root) { return ExecutionPlan.Result(type, .parameter(root.index)) }
      if let earlier = first[root] { return ExecutionPlan.Result(type, .result(earlier)) }
      first[root] = number
      return ExecutionPlan.Result(type, .written)
    }
  }

  private static func isPossible(
    _ donation: ExecutionPlan.Donation, _ function: Function, _ resolver: Resolver
  ) -> Bool {
    let (parameter, result) = (ValueID(donation.parameter), resolver.bufferRoot(function.results[donation.result]))
    return function.valueTypes[parameter].byteCount == function.valueTypes[result].byteCount
      && !function.isParameter(result)
      && !function.results.contains { resolver.bufferRoot($0) == parameter }
  }

  private static func checkSize(of function: Function, in module: Module) throws(KilnError) {
    var sizes: [String: Int] = [:]
    func size(_ function: Function) throws(KilnError) -> Int {
      var size = function.instructions.count
      for id in function.instructions.ids {
        for callee in function.instructions[id].op.callees { size += sizes[callee] ?? 0 }
        if size > maximumInstructionCount {
          throw KilnError(
            "lower.C3",
            "@\(function.name) has more than \(maximumInstructionCount) instructions with those of its branches and loops",
            at: function.locations[id])
        }
      }
      return size
    }
    for callee in module.functions { sizes[callee.name] = try size(callee) }
    _ = try size(function)
  }
}
