import KilnIR

/// Writes the kernel definitions of a cluster: what they compute.
struct ClusterLowering {
  let resolver: Resolver
  let cluster: FusionPlan.Cluster

  var function: Function { resolver.function }
  private var extents: [Dimension] { Array(cluster.domain) }

  static func lower(_ cluster: FusionPlan.Cluster, _ resolver: Resolver) -> [KernelDraft] {
    let lowering = ClusterLowering(resolver: resolver, cluster: cluster)
    switch cluster.kind {
    case .pointwise, .copy: return [lowering.pointwise()]
    case .reduction(let axes): return [ReductionLowering(resolver, cluster, axes).draft()]
    case .contraction: return [lowering.contraction()]
    case .scatter: return lowering.scatter()
    case .line(let axis): return [lowering.line(axis)]
    case .assembly: return lowering.assembly()
    // It becomes regions, not a kernel.
    case .control: return []
    }
  }

  func writer(_ domain: [Dimension], _ axes: [Int], _ numbers: [ValueID: Int] = [:]) -> StageWriter {
    StageWriter(
      resolver: resolver, domain: IndexDomain(extents: domain), axes: axes, members: Set(cluster.members),
      reducedNumbers: numbers, sites: [])
  }

  func draft(
    _ buffers: BufferList, outer: [Dimension], _ stages: [KernelDefinition.Stage], _ sites: [KernelDraft.Site],
    scratch: [DType] = []
  ) -> KernelDraft {
    KernelDraft(
      kernel: KernelDefinition(
        buffers: buffers.buffers, scratchRows: scratch, integerCount: 0, outer: outer.map { KernelInteger($0) },
        stages: stages),
      bindings: buffers.bindings, sites: sites, label: Self.label(cluster, function))
  }

  static func label(_ cluster: FusionPlan.Cluster, _ function: Function) -> String {
    if case .copy = cluster.kind { return "copy" }
    return cluster.members.map { function.instructions[$0].op.spelling }.joined(separator: "+")
  }

  private func pointwise() -> KernelDraft {
    let domain = IndexDomain(extents: extents)
    let identity = domain.identity(Array(extents.indices))
    var stage = writer(extents, Array(extents.indices))
    var buffers = BufferList()
    let values = cluster.outputs.map { stage.element($0, at: identity, &buffers) }
    let effects = zip(cluster.outputs, values).map { output, value in
      store(output, value, at: identity, stage, &buffers)
    }
    return draft(
      buffers, outer: extents, [KernelDefinition.Stage(inner: [], body: stage.body, effects: effects)], stage.sites)
  }

  func store(
    _ output: ValueID, _ value: BodyID, at index: IndexExpression, _ stage: StageWriter, _ buffers: inout BufferList
  ) -> Effect {
    let type = function.valueTypes[output]
    let buffer = buffers.index(.value(output), type.dtype, isWritten: true)
    return .store(value, BufferAccess(buffer, stage.affine(index, in: type.shape)))
  }

  private func contraction() -> KernelDraft {
    guard let id = cluster.members.first(where: { function.instructions[$0].op.isContraction }),
      case .contraction(let op) = function.instructions[id].op
    else { preconditionFailure("a contraction cluster has a contraction") }
    let instruction = function.instructions[id]
    let types = instruction.operands.map { function.valueTypes[$0] }
    let places = ContractionDomain(op, types[0], types[1], function.valueTypes[instruction.result])
    let outerAxes = Array(extents.indices)
    let innerAxes = Array(extents.count..<places.domain.extents.count)
    var buffers = BufferList()
    var products = writer(places.domain.extents, outerAxes + innerAxes)
    let left = products.element(instruction.operands[0], at: places.lhs, &buffers)
    let right = products.element(instruction.operands[1], at: places.rhs, &buffers)
    let identity = places.domain.identity(outerAxes)
    var epilogue = writer(places.domain.extents, outerAxes, [instruction.result: 0])
    let values = cluster.outputs.map { epilogue.element($0, at: identity, &buffers) }
    let effects = zip(cluster.outputs, values).map { store($0, $1, at: identity, epilogue, &buffers) }
    return draft(
      buffers, outer: extents,
      [
        KernelDefinition.Stage(
          inner: places.termExtents.map { KernelInteger($0) }, body: products.body,
          effects: [.reduce(.dot(right), left)]),
        KernelDefinition.Stage(inner: [], body: epilogue.body, effects: effects),
      ], epilogue.sites)
  }

  /// Copies the operand, then combines the updates, one after the other along the axes of the indices. The points of
  /// the second kernel are those of the other axes: they reach different elements.
  private func scatter() -> [KernelDraft] {
    let id = cluster.members[0]
    let instruction = function.instructions[id]
    if case .indexing(.dynamicUpdateSlice(let bounds)) = instruction.op { return updateSlice(id, bounds) }
    guard case .indexing(.scatter(let indexed, let combiner, let bounds)) = instruction.op else {
      preconditionFailure("a scatter cluster has a scatter")
    }
    let updateExtents = Array(function.valueTypes[instruction.operands[2]].shape)
    let domain = IndexDomain(extents: updateExtents)
    let identity = domain.identity(Array(updateExtents.indices))
    let type = function.valueTypes[instruction.result]
    let strides = type.shape.rowMajorSteps
    var buffers = BufferList()
    let layout = writer(updateExtents, []).indexingLayout(id, indexed)
    let outerAxes = layout.operandAxes.compactMap { $0 }
    let innerAxes = updateExtents.indices.filter { !outerAxes.contains($0) }

    var update = writer(updateExtents, outerAxes + innerAxes)
    let numbers = update.components(id, indexed, layout, at: identity, &buffers)
    let value = update.element(instruction.operands[2], at: identity, &buffers)
    let data = zip(indexed.axes, numbers).map { axis, number in
      let extent = type.shape[axis]
      return DataIndex(
        number, stride: KernelInteger(strides[axis]), extent: KernelInteger(extent),
        site: update.site(id, axis: axis, extent: extent))
    }
    let start = layout.operandAxes.map { $0.map { identity[$0] } ?? .zero(updateExtents.count) }
    let buffer = buffers.index(.value(instruction.result), type.dtype, isWritten: true)
    let place = BufferAccess(buffer, update.affine(start, in: type.shape), data: data, bounds: bounds)
    let stage = KernelDefinition.Stage(
      inner: innerAxes.map { KernelInteger(updateExtents[$0]) }, body: update.body,
      effects: [.scatter(combiner, value, place)])
    let updates = draft(buffers, outer: outerAxes.map { updateExtents[$0] }, [stage], update.sites)
    return [copy(of: instruction.operands[0])] + (updateExtents.contains(0) ? [] : [updates])
  }

  /// The operand written out as the cluster's result. In the memory of the operand that is nothing.
  private func copy(of operand: ValueID) -> KernelDraft {
    piece(operand, extents, broadcastScalar: false, low: extents.map { _ in 0 }, step: extents.map { _ in 1 })
  }

  /// Copies the operand, then writes the box. No two points of it meet.
  private func updateSlice(_ id: InstructionID, _ bounds: IndexBounds) -> [KernelDraft] {
    let operands = function.instructions[id].operands
    let type = function.valueTypes[operands[0]]
    let sizes = Array(function.valueTypes[operands[1]].shape)
    guard !sizes.contains(0) else { return [copy(of: operands[0])] }
    let identity = IndexDomain(extents: sizes).identity(Array(sizes.indices))
    var buffers = BufferList()
    var stage = writer(sizes, Array(sizes.indices))
    let value = stage.element(operands[1], at: identity, &buffers)
    let axes = stage.movingAxes(sizes, in: type, bounds)
    let strides = type.shape.rowMajorSteps
    let data = stage.starts(id, operands.dropFirst(2), axes, strides: axes.map { strides[$0.axis] }, &buffers)
    let buffer = buffers.index(.value(cluster.outputs[0]), type.dtype, isWritten: true)
    let place = stage.affine(identity, in: type.shape)
    let effect: Effect =
      data.isEmpty
      ? .store(value, BufferAccess(buffer, place))
      : .scatter(.replace, value, BufferAccess(buffer, place, data: data, bounds: bounds))
    let box = draft(
      buffers, outer: sizes, [KernelDefinition.Stage(inner: [], body: stage.body, effects: [effect])], stage.sites)
    return [copy(of: operands[0]), box]
  }

  /// The lines along `axis` are the inner domain; in reverse they are walked from their end.
  private func line(_ axis: Int) -> KernelDraft {
    let instruction = function.instructions[cluster.members[0]]
    let operandType = function.valueTypes[instruction.operands[0]]
    let resultType = function.valueTypes[instruction.result]
    let others = extents.indices.filter { $0 != axis }
    var index = IndexDomain(extents: extents).identity(Array(extents.indices))
    if case .reduction(.scanReduce(_, _, isReversed: true)) = instruction.op {
      index[axis] = index[axis] * -1 + (extents[axis] - 1)
    }
    var buffers = BufferList()
    var stage = writer(extents, others + [axis])
    let value = stage.element(instruction.operands[0], at: index, &buffers)
    let buffer = buffers.index(.value(instruction.result), resultType.dtype, isWritten: true)
    let place = BufferAccess(buffer, stage.affine(index, in: resultType.shape))
    let effect: Effect
    switch instruction.op {
    case .reduction(.scanReduce(let kind, _, _)):
      effect = .line(.scanReduce(kind), value, place)
    case .indexing(.argSort(_, let isDescending, let first)):
      let key = stage.inline(.sortKey(operandType.dtype, isDescending: isDescending), [value])
      effect = .line(.argSort(first: first), key, place)
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control:
      preconditionFailure("\(instruction.op.spelling) makes no lines")
    }
    return draft(
      buffers, outer: others.map { extents[$0] },
      [KernelDefinition.Stage(inner: [KernelInteger(extents[axis])], body: stage.body, effects: [effect])], stage.sites)
  }

  /// Each piece is stored into its part of the result; the padding is stored everywhere first.
  private func assembly() -> [KernelDraft] {
    // What stands before an assembly in its cluster is computed where it is read.
    let instruction = function.instructions[cluster.members[cluster.members.count - 1]]
    switch instruction.op {
    case .movement(.pad(let low, _, let interior)):
      let unit = Array(repeating: Dimension(1), count: extents.count)
      return [
        piece(instruction.operands[1], extents, broadcastScalar: true, low: unit.map { $0 - 1 }, step: unit),
        piece(
          instruction.operands[0], Array(function.valueTypes[instruction.operands[0]].shape), broadcastScalar: false,
          low: low,
          // A single element has no holes beside it; counting them must not overflow.
          step: zip(interior, function.valueTypes[instruction.operands[0]].shape).map { holes, extent in
            Dimension.isAtLeast(1, extent) == true ? 1 : Dimension(holes) + 1
          }),
      ].filter { !$0.isEmpty }
    case .movement(.concatenate(let axis)):
      var start: Dimension = 0
      return instruction.operands.compactMap { operand in
        let shape = Array(function.valueTypes[operand].shape)
        var low = Array(repeating: Dimension(0), count: extents.count)
        low[axis] = start
        start = start + shape[axis]
        let draft = piece(
          operand, shape, broadcastScalar: false, low: low, step: Array(repeating: 1, count: extents.count))
        return draft.isEmpty ? nil : draft
      }
    case .movement(.overlapAdd(let shape, let axes, let strides, let dilations)):
      return overlapAdd(WindowGrid(shape, axes, strides, dilations), instruction)
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control:
      preconditionFailure("an assembly is a pad, a concatenate or an overlapAdd")
    }
  }

  private func piece(
    _ operand: ValueID, _ shape: [Dimension], broadcastScalar: Bool, low: [Dimension], step: [Dimension]
  ) -> KernelDraft {
    let domain = IndexDomain(extents: shape)
    let identity = domain.identity(Array(shape.indices))
    var stage = writer(shape, Array(shape.indices))
    var buffers = BufferList()
    let value = stage.element(operand, at: broadcastScalar ? [] : identity, &buffers)
    let place = identity.enumerated().map { axis, expression in expression * step[axis] + low[axis] }
    let effect = store(cluster.outputs[0], value, at: place, stage, &buffers)
    return draft(
      buffers, outer: shape, [KernelDefinition.Stage(inner: [], body: stage.body, effects: [effect])], stage.sites)
  }
}

extension Op {
  var isContraction: Bool {
    if case .contraction = self { true } else { false }
  }
}
