import KilnIR

/// Gives every value a slot, the arena its layout, and every launch its numbers.
struct PlanBuilder {
  private let function: Function
  private let resolver: Resolver
  private let drafts: [KernelDraft]
  private let donations: [ExecutionPlan.Donation]

  private var slots: [ExecutionPlan.Slot] = []
  private var slotOf: [BufferBinding: Int] = [:]
  private var constants: [Literal] = []
  private var requests: [MemoryPlanner.Request] = []
  /// Slots in the arena, with their request.
  private var requestOf: [Int: Int] = [:]
  private var inPlace: [String] = []

  init(_ function: Function, _ resolver: Resolver, _ order: LaunchOrder) {
    self.function = function
    self.resolver = resolver
    drafts = order.drafts
    donations = order.donations
  }

  consuming func build(_ options: LoweringOptions) -> ExecutionPlan {
    let results = bindResults()
    bindParameters()
    bindIntermediates()
    var kernels: [Kernel] = []
    var numbers: [Kernel: Int] = [:]
    var launches: [ExecutionPlan.Launch] = []
    var workspaces: [Int: Int] = [:]
    for (step, draft) in drafts.enumerated() {
      var draft = draft
      let integers = draft.parameterize(specializes: options.specializes)
      let kernel = draft.kernel
      let number = numbers[kernel] ?? kernels.count
      if number == kernels.count {
        kernels.append(kernel)
        numbers[kernel] = number
      }
      let workspace = kernel.workspaceBytes(integers)
      if workspace > 0 {
        workspaces[step] = requests.count
        requests.append(MemoryPlanner.Request(name: "workspace \(step)", byteCount: workspace, steps: step...step))
      }
      launches.append(
        ExecutionPlan.Launch(
          kernel: number, slots: draft.bindings.map { slot(of: $0) }, integers: integers, workspace: nil,
          sites: draft.sites, label: draft.label))
      launches[step].usesLibrary = options.allowsLibrary && MatrixProduct(kernel, integers) != nil
    }
    let memory = MemoryPlanner.plan(requests, inPlace: inPlace)
    for (slot, request) in requestOf { slots[slot].place = .arena(memory.allocations[request].offset) }
    for (step, request) in workspaces { launches[step].workspace = memory.allocations[request].offset }
    return ExecutionPlan(
      name: function.name, parameters: function.parameters, results: results, constants: constants, kernels: kernels,
      slots: slots, steps: launches.map { .launch($0) }, memory: memory, donations: donations)
  }

  private mutating func addSlot(_ binding: BufferBinding, _ slot: ExecutionPlan.Slot) {
    slotOf[binding] = slots.count
    slots.append(slot)
  }

  private mutating func slot(of binding: BufferBinding) -> Int {
    if let slot = slotOf[binding] { return slot }
    // Nothing writes a value without elements, so it has no slot until somebody reads it.
    guard case .value(let value) = binding, function.valueTypes[value].byteCount == 0 else {
      preconditionFailure("a launch reads a value that no launch writes")
    }
    addSlot(binding, ExecutionPlan.Slot(function.valueTypes[value], .arena(0)))
    return slots.count - 1
  }

  private mutating func bindResults() -> [ExecutionPlan.Result] {
    var first: [ValueID: Int] = [:]
    return function.results.enumerated().map { number, value in
      let (root, type) = (resolver.bufferRoot(value), function.valueTypes[value])
      if function.isParameter(root) { return ExecutionPlan.Result(type, .parameter(root.index)) }
      if let earlier = first[root] { return ExecutionPlan.Result(type, .result(earlier)) }
      first[root] = number
      addSlot(.value(root), ExecutionPlan.Slot(function.valueTypes[root], .result(number)))
      return ExecutionPlan.Result(type, .written)
    }
  }

  private mutating func bindParameters() {
    for index in function.parameters.indices {
      addSlot(.value(ValueID(index)), ExecutionPlan.Slot(function.parameters[index].type, .parameter(index)))
    }
  }

  /// Values between launches, and constants. A value takes the memory of an operand that dies in the launch that writes
  /// it, if that launch allows it.
  private mutating func bindIntermediates() {
    var lastUse: [ValueID: Int] = [:]
    for (step, draft) in drafts.enumerated() {
      for value in draft.inputs + draft.outputs { lastUse[value] = step }
    }
    for (step, draft) in drafts.enumerated() {
      for case .constant(let literal) in draft.bindings where slotOf[.constant(literal)] == nil {
        addSlot(.constant(literal), ExecutionPlan.Slot(literal.type, .constant(constants.count)))
        constants.append(literal)
      }
      for value in draft.outputs where slotOf[.value(value)] == nil {
        let type = function.valueTypes[value]
        let end = lastUse[value] ?? step
        let taken = draft.inputs.first { operand in
          guard let slot = slotOf[.value(operand)], let request = requestOf[slot] else { return false }
          return requests[request].steps.upperBound == step && requests[request].byteCount == type.byteCount
            && lastUse[operand] == step && draft.canOverwrite(operand, with: value)
        }
        addSlot(.value(value), ExecutionPlan.Slot(type, .arena(0)))
        if let taken, let slot = slotOf[.value(taken)], let request = requestOf[slot] {
          requests[request].steps = requests[request].steps.lowerBound...end
          requestOf[slots.count - 1] = request
          inPlace.append("v\(value.index) over v\(taken.index) in step \(step) (\(draft.label))")
        } else {
          requestOf[slots.count - 1] = requests.count
          requests.append(MemoryPlanner.Request(name: "v\(value.index)", byteCount: type.byteCount, steps: step...end))
        }
      }
    }
  }
}
