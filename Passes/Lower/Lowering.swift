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
  /// The stages before the plan, for people who look.
  public let fusion: FusionPlan
  public let plan: ExecutionPlan

  /// - Throws: `fuse.call` when a call was not inlined.
  public init(
    _ function: Function, for device: DeviceDescription, options: LoweringOptions = LoweringOptions()
  ) throws(KilnError) {
    fusion = try Fuser.run(function, for: device, options: FusionOptions(isEnabled: options.fuses))
    let resolver = Resolver(function)
    var drafts = fusion.clusters.flatMap { ClusterLowering.lower($0, resolver) }.filter { !$0.isEmpty }
    let choice = ScheduleChoice(device: device)
    for index in drafts.indices {
      drafts[index].collapseAxes()
      choice.choose(&drafts[index])
    }
    let wishes = options.donations.map { donation in
      (
        donation: donation, parameter: ValueID(donation.parameter),
        result: resolver.bufferRoot(function.results[donation.result])
      )
    }.filter { wish in
      function.valueTypes[wish.parameter].byteCount == function.valueTypes[wish.result].byteCount
        && !function.isParameter(wish.result)
        && !function.results.contains { resolver.bufferRoot($0) == wish.parameter }
    }
    let order = LaunchOrder(drafts, wishes: wishes)
    var plan = PlanBuilder(function, resolver, order).build(options)
    plan.refusedDonations = options.donations.filter { !order.donations.contains($0) }
    self.plan = plan
  }
}
