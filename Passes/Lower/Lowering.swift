import KilnIR

/// A program as launches and regions on buffers: what is left is to give sizes their numbers, and the buffers memory.
struct ProgramRegions: Sendable {
  var function: Function
  var results: [ExecutionPlan.Result]
  var nodes: [RegionNode]
  var buffers: EntityTable<BufferID, PlanBuffer>
  /// Of the donations that were asked for those that are safe, and the others.
  var donations: [ExecutionPlan.Donation]
  var refusedDonations: [ExecutionPlan.Donation]
  /// The types of all values that depend on open sizes.
  var sizedTypes: Set<TensorType>

  /// Schedules and memory for the numbers of the open sizes, numbers for everything, steps.
  /// - Throws: `type.C1` where a tensor becomes too large.
  func plan(
    at sizes: [String: Int], for device: DeviceDescription, _ options: CompilationOptions
  ) throws(KilnError) -> ExecutionPlan {
    var values = SizeValues(sizes)
    for type in sizedTypes {
      do throws(ConstraintFailure) {
        try values.type(type).requireAddressable()
      } catch {
        throw KilnError(error)
      }
    }
    return PlanBuilder(self, values).build(options, for: device)
  }
}

/// From the groups of a program to kernels on buffers.
enum Lowering {
  /// More instructions than this, with those of callees counted wherever they run, are not lowered.
  static let maximumInstructionCount = 1 << 20

  /// - Parameter module: has the functions that control ops of the function run, without calls.
  static func regions(
    of fusion: FusionPlan, in module: Module, for device: DeviceDescription, _ options: CompilationOptions
  ) throws(KilnError) -> ProgramRegions {
    let function = fusion.function
    var lowering = FunctionLowering(module, fusion, device)
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
    return ProgramRegions(
      function: function, results: results, nodes: lowered.nodes, buffers: lowering.buffers, donations: donations,
      refusedDonations: options.donations.filter { !donations.contains($0) },
      sizedTypes: module.functions.reduce(into: []) { types, function in
        types.formUnion(function.valueTypes.elements.filter(\.shape.isSymbolic))
      })
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
    return function.valueTypes[parameter].byteSize == function.valueTypes[result].byteSize
      && !function.isParameter(result)
      && !function.results.contains { resolver.bufferRoot($0) == parameter }
  }

  /// - Throws: `lower.C3` for a function that is larger.
  static func checkSize(of function: Function, in module: Module) throws(KilnError) {
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

extension TensorType {
  /// The bytes of its elements, which may depend on sizes that calls bring.
  fileprivate var byteSize: Dimension { shape.size * Dimension(dtype.byteCount) }
}
