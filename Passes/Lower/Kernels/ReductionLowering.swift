import KilnIR

/// Writes a reduction cluster as stages: each passes over the rows as often as a reduction needs the result of another.
struct ReductionLowering {
  private let resolver: Resolver
  private let cluster: FusionPlan.Cluster
  private let axes: [Int]
  private let domain: IndexDomain
  private let keptAxes: [Int]
  private let members: Set<InstructionID>
  /// How many stages must have run before a member's value can be computed.
  private var need: [InstructionID: Int] = [:]
  private var function: Function { resolver.function }

  /// What makes a value cheaper to keep in a scratch row than to compute again, in flops.
  private static let scratchCost = 20

  init(_ resolver: Resolver, _ cluster: FusionPlan.Cluster, _ axes: [Int]) {
    self.resolver = resolver
    self.cluster = cluster
    self.axes = axes
    domain = IndexDomain(extents: Array(cluster.domain))
    keptAxes = cluster.domain.indices.filter { !axes.contains($0) }
    members = Set(cluster.members)
    for id in cluster.members {
      need[id] = producers(of: id).map { isReduction($0) ? need[$0, default: 0] + 1 : need[$0, default: 0] }.max() ?? 0
    }
  }

  private func isReduction(_ id: InstructionID) -> Bool {
    if case .reduction = function.instructions[id].op { true } else { false }
  }

  private var fullIndex: IndexExpression { domain.identity(Array(domain.extents.indices)) }
  private var rowIndex: IndexExpression { domain.identity(keptAxes) }

  /// Whether a member has a value at every point of the domain, not one per row.
  private func isFull(_ id: InstructionID) -> Bool {
    !isReduction(id) && function.valueTypes[function.instructions[id].result].shape == cluster.domain
  }

  /// The members that a member reads.
  private func producers(of id: InstructionID) -> [InstructionID] {
    let instruction = function.instructions[id]
    let index = isReduction(id) || isFull(id) ? fullIndex : rowIndex
    return zip(instruction.operands, function.readings(of: id)).compactMap { operand, reading in
      // What is read elsewhere is in a buffer.
      guard case .atPoint(let axes) = reading,
        case .value(let base, _) = resolver.resolve(operand, at: axes.map { index[$0] }, in: domain),
        let producer = resolver.definitions[base], members.contains(producer)
      else { return nil }
      return producer
    }
  }

  /// Expensive values of the whole domain that a later stage wants again, with the stage that computes them first.
  private func scratchValues(_ roots: [[InstructionID]]) -> [InstructionID: Int] {
    var first: [InstructionID: Int] = [:]
    var kept: [InstructionID: Int] = [:]
    for (stage, stageRoots) in roots.enumerated() {
      var stack = stageRoots
      var visited: Set<InstructionID> = []
      while let id = stack.popLast() {
        guard visited.insert(id).inserted else { continue }
        if let earlier = first[id], earlier < stage, isFull(id), cost(id) >= Self.scratchCost {
          kept[id] = earlier
          continue
        }
        if first[id] == nil { first[id] = stage }
        if !isReduction(id) || stageRoots.contains(id) { stack.append(contentsOf: producers(of: id)) }
      }
    }
    return kept
  }

  private func cost(_ id: InstructionID) -> Int {
    if case .map(let scalarFunction) = function.instructions[id].op { scalarFunction.cost } else { 1 }
  }

  func draft() -> KernelDraft {
    let outputs = cluster.outputs.compactMap { resolver.definitions[$0] }
    let reductions = cluster.members.filter(isReduction)
    let stageCount = (reductions + outputs.filter(isFull)).map { need[$0, default: 0] + 1 }.max() ?? 1
    let roots = (0..<stageCount).map { stage in
      reductions.filter { need[$0] == stage } + outputs.filter { isFull($0) && need[$0] == stage }
    }
    let kept = scratchValues(roots)
    let rows = kept.keys.sorted()
    var numbers: [ValueID: Int] = [:]
    for id in roots.joined() where isReduction(id) { numbers[function.instructions[id].result] = numbers.count }

    var buffers = BufferList()
    var sites: [KernelDraft.Site] = []
    var stages: [KernelDefinition.Stage] = []
    let inner = axes.map { KernelInteger(domain.extents[$0]) }
    for (stage, stageRoots) in roots.enumerated() {
      var writer = StageWriter(
        resolver: resolver, domain: domain, axes: keptAxes + axes, members: members, reducedNumbers: numbers,
        sites: sites)
      for (row, id) in rows.enumerated() where kept[id, default: 0] < stage {
        writer.scratch[function.instructions[id].result] = row
      }
      var effects: [Effect] = []
      for (row, id) in rows.enumerated() where kept[id] == stage {
        let value = writer.element(function.instructions[id].result, at: fullIndex, &buffers)
        effects.append(.storeScratch(value, row: row))
      }
      for id in stageRoots {
        let instruction = function.instructions[id]
        switch instruction.op {
        case .reduction(.reduce(let kind, _)):
          effects.append(.reduce(.reduce(kind), writer.element(instruction.operands[0], at: fullIndex, &buffers)))
        case .reduction(.argReduce(let kind, _)):
          effects.append(.reduce(.argReduce(kind), writer.element(instruction.operands[0], at: fullIndex, &buffers)))
        case .source, .map, .type, .movement, .reduction(.scanReduce), .contraction, .indexing, .control:
          effects.append(store(instruction.result, at: fullIndex, &writer, &buffers))
        }
      }
      sites = writer.sites
      stages.append(KernelDefinition.Stage(inner: inner, body: writer.body, effects: effects))
    }
    let rowOutputs = outputs.filter { !isFull($0) }
    if !rowOutputs.isEmpty {
      var writer = StageWriter(
        resolver: resolver, domain: domain, axes: keptAxes, members: members, reducedNumbers: numbers, sites: sites)
      let effects = rowOutputs.map {
        store(function.instructions[$0].result, at: rowIndex, &writer, &buffers)
      }
      sites = writer.sites
      stages.append(KernelDefinition.Stage(inner: [], body: writer.body, effects: effects))
    }
    return KernelDraft(
      kernel: KernelDefinition(
        buffers: buffers.buffers, scratchRows: rows.map { function.valueTypes[function.instructions[$0].result].dtype },
        integerCount: 0, outer: keptAxes.map { KernelInteger(domain.extents[$0]) }, stages: stages),
      bindings: buffers.bindings, sites: sites, label: ClusterLowering.label(cluster, function))
  }

  private func store(
    _ output: ValueID, at index: IndexExpression, _ writer: inout StageWriter, _ buffers: inout BufferList
  ) -> Effect {
    let value = writer.element(output, at: index, &buffers)
    let type = function.valueTypes[output]
    let buffer = buffers.index(.value(output), type.dtype, isWritten: true)
    return .store(value, BufferAccess(buffer, writer.affine(index, in: type.shape)))
  }
}
