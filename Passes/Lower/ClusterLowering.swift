import KilnIR

/// Writes the kernel definitions of a cluster: what they compute, with a serial schedule.
struct ClusterLowering {
  let resolver: Resolver
  let cluster: FusionPlan.Cluster

  var function: Function { resolver.function }
  private var extents: [Int] { cluster.domain.dimensions }

  static func lower(_ cluster: FusionPlan.Cluster, _ resolver: Resolver) -> [KernelDraft] {
    let lowering = ClusterLowering(resolver: resolver, cluster: cluster)
    switch cluster.kind {
    case .pointwise, .copy: return [lowering.pointwise()]
    case .reduction(let axes): return [ReductionLowering(resolver, cluster, axes).draft()]
    case .contraction: return [lowering.contraction()]
    case .scatter: return [lowering.scatter()]
    case .assembly: return lowering.assembly()
    // It becomes regions, not a kernel.
    case .control: return []
    }
  }

  func writer(_ domain: [Int], _ axes: [Int], _ numbers: [ValueID: Int] = [:]) -> StageWriter {
    StageWriter(
      resolver: resolver, domain: IndexDomain(extents: domain), axes: axes, members: Set(cluster.members),
      reducedNumbers: numbers, sites: [])
  }

  func draft(
    _ buffers: BufferList, outer: [Int], _ stages: [Kernel.Stage], _ sites: [ExecutionPlan.Site], scratch: [DType] = []
  ) -> KernelDraft {
    KernelDraft(
      kernel: Kernel(
        buffers: buffers.buffers, scratchRows: scratch, integerCount: 0, outer: outer.map { .constant($0) },
        stages: stages, schedule: .serial),
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
      buffers, outer: extents, [Kernel.Stage(inner: [], body: stage.body, effects: effects)], stage.sites)
  }

  func store(
    _ output: ValueID, _ value: BodyID, at index: IndexExpression, _ stage: StageWriter, _ buffers: inout BufferList
  ) -> Effect {
    let type = function.valueTypes[output]
    let buffer = buffers.index(.value(output), type.dtype, isWritten: true)
    return .store(buffer: buffer, stage.affine(index, in: type.shape), value: value)
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
        Kernel.Stage(
          inner: places.termExtents.map { .constant($0) }, body: products.body, effects: [.dot(lhs: left, rhs: right)]),
        Kernel.Stage(inner: [], body: epilogue.body, effects: effects),
      ], epilogue.sites)
  }

  /// Copies the operand, then combines the updates one after the other. The points are those of the other axes.
  private func scatter() -> KernelDraft {
    let id = cluster.members[0]
    guard case .indexing(.scatter(let axis, let combiner, let bounds)) = function.instructions[id].op else {
      preconditionFailure("a scatter cluster has a scatter")
    }
    let operands = function.instructions[id].operands
    let indexType = function.valueTypes[operands[1]]
    let result = function.instructions[id].result
    let resultType = function.valueTypes[result]
    let extent = extents[axis]
    let others = extents.indices.filter { $0 != axis }
    // Domain: the axes of the result, then the axes of the indices.
    let domainExtents = extents + indexType.shape.dimensions
    let indexAxes = Array(extents.count..<domainExtents.count)
    let domain = IndexDomain(extents: domainExtents)
    var buffers = BufferList()

    var copy = writer(domainExtents, others + [axis])
    let identity = domain.identity(Array(extents.indices))
    let old = copy.element(operands[0], at: identity, &buffers)
    let copied = store(result, old, at: identity, copy, &buffers)

    var update = writer(domainExtents, others + indexAxes)
    let number = update.element(operands[1], at: domain.identity(indexAxes), &buffers)
    var updateAxes = Array(extents.indices)
    updateAxes.replaceSubrange(axis...axis, with: indexAxes)
    let value = update.element(operands[2], at: domain.identity(updateAxes), &buffers)
    var start = identity
    start[axis] = .zero(domainExtents.count)
    let effect = Effect.scatter(
      buffer: buffers.index(.value(result), resultType.dtype, isWritten: true),
      update.affine(start, in: resultType.shape), index: number,
      stride: .constant(resultType.shape.rowMajorStrides[axis]), extent: .constant(extent), combiner, bounds: bounds,
      site: update.site(id, axis: axis, extent: extent), value: value)
    return draft(
      buffers, outer: others.map { extents[$0] },
      [
        Kernel.Stage(inner: [.constant(extent)], body: copy.body, effects: [copied]),
        Kernel.Stage(
          inner: indexType.shape.dimensions.map { .constant($0) }, body: update.body, effects: [effect]),
      ], update.sites)
  }

  /// Each piece is stored into its part of the result; the padding is stored everywhere first.
  private func assembly() -> [KernelDraft] {
    // What stands before an assembly in its cluster is computed where it is read.
    let instruction = function.instructions[cluster.members[cluster.members.count - 1]]
    switch instruction.op {
    case .movement(.pad(let low, _, let interior)):
      let unit = Array(repeating: 1, count: extents.count)
      return [
        piece(instruction.operands[1], extents, broadcastScalar: true, low: unit.map { $0 - 1 }, step: unit),
        piece(
          instruction.operands[0], function.valueTypes[instruction.operands[0]].shape.dimensions,
          broadcastScalar: false, low: low,
          // Holes beside a single element are none, and must not overflow.
          step: zip(interior, function.valueTypes[instruction.operands[0]].shape.dimensions).map { $1 > 1 ? $0 + 1 : 1 }),
      ].filter { !$0.isEmpty }
    case .movement(.concatenate(let axis)):
      var start = 0
      return instruction.operands.compactMap { operand in
        let shape = function.valueTypes[operand].shape.dimensions
        var low = Array(repeating: 0, count: extents.count)
        low[axis] = start
        start += shape[axis]
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
    _ operand: ValueID, _ shape: [Int], broadcastScalar: Bool, low: [Int], step: [Int]
  ) -> KernelDraft {
    let domain = IndexDomain(extents: shape)
    let identity = domain.identity(Array(shape.indices))
    var stage = writer(shape, Array(shape.indices))
    var buffers = BufferList()
    let value = stage.element(operand, at: broadcastScalar ? [] : identity, &buffers)
    let place = identity.enumerated().map { axis, expression in expression * step[axis] + low[axis] }
    let effect = store(cluster.outputs[0], value, at: place, stage, &buffers)
    return draft(
      buffers, outer: shape, [Kernel.Stage(inner: [], body: stage.body, effects: [effect])], stage.sites)
  }
}

extension Op {
  var isContraction: Bool {
    if case .contraction = self { true } else { false }
  }
}
