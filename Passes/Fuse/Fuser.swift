import KilnIR

/// Groups the instructions of a function into clusters, walking it once in program order. An instruction joins the
/// cluster of one of its producers if that keeps the clusters free of cycles and reads the producer's element at its
/// own point; else it begins one.
struct Fuser {
  /// The most members of a cluster: basic blocks beyond a few hundred operations compile slowly.
  static let maximumMembers = 64
  /// The longest row whose later passes still find it in the cache of a core.
  static let maximumRow = 1 << 16

  private let function: Function
  private let fuses: Bool
  private let resolver: Resolver
  /// How many buffers a cluster with several members may have; nil: any number.
  private let limit: BufferLimit?
  private var set = ClusterSet()
  /// The cluster that computes each value.
  private var clusterOf: [ValueID: Int] = [:]
  private var copies: [ValueID: Int] = [:]
  /// Values that somebody outside their cluster reads.
  private var outputs: Set<ValueID> = []

  private init(_ function: Function, fuses: Bool, maximumBuffers: Int?) {
    self.function = function
    self.fuses = fuses
    resolver = Resolver(function)
    limit = maximumBuffers.map { [resolver] in BufferLimit($0, resolver) }
  }

  /// The groups of a function and of the functions that its control ops run.
  /// - Parameter fuses: off: every instruction becomes a kernel of its own.
  /// - Throws: `fuse.call` when a call is left; inline first.
  static func run(
    _ function: Function, in module: Module, for device: DeviceDescription, fuses: Bool
  ) throws(KilnError) -> FusionPlan {
    var plan = try run(function, device, fuses: fuses)
    var (seen, waiting) = (Set([function.name]), plan.callees(in: module))
    while let callee = waiting.popLast() {
      guard seen.insert(callee.name).inserted else { continue }
      let fusion = try run(callee, device, fuses: fuses)
      waiting += fusion.callees(in: module)
      plan.callees.append(fusion)
    }
    return plan
  }

  /// First as if the device took any number of buffers. What a cluster writes is known only at the end: if it turns out
  /// to be too much for one kernel, again with a count of what may have to be written.
  private static func run(
    _ function: Function, _ device: DeviceDescription, fuses: Bool
  ) throws(KilnError) -> FusionPlan {
    var limit: Int?
    while true {
      var fuser = Fuser(function, fuses: fuses, maximumBuffers: limit)
      for id in function.instructions.ids { try fuser.place(id) }
      for result in function.results { fuser.requireBuffer(result) }
      let plan = fuser.plan()
      guard plan.clusters.contains(where: { $0.exceeds(device.maximumBuffers, fuser.resolver) }) else { return plan }
      // With a limit of 1 there are no clusters of several members.
      limit = min((limit ?? .max) - 1, device.maximumBuffers)
    }
  }

  private mutating func place(_ id: InstructionID) throws(KilnError) {
    let instruction = function.instructions[id]
    if let callee = instruction.op.inlinedCallee {
      throw KilnError("fuse.call", "the call of @\(callee) was not inlined", at: function.locations[id])
    }
    switch instruction.op.fusionClass {
    case .source, .view: return
    case .pointwise, .gather: placePointwise(id)
    case .reduction(let axes): placeReduction(id, axes)
    case .contraction(let op): placeContraction(id, op)
    case .scatter:
      begin(
        .scatter, function.valueTypes[instruction.result].shape.dimensions, id, instruction.operands, [])
    case .line(let axis):
      begin(
        .line(axis: axis), function.valueTypes[instruction.result].shape.dimensions, id, instruction.operands, [])
    case .assembly:
      if case .movement(.overlapAdd) = instruction.op, joinOverlapAdd(id) { return }
      begin(.assembly, function.valueTypes[instruction.result].shape.dimensions, id, instruction.operands, [])
    case .control: placeControl(id)
    }
  }

  // MARK: Reading

  /// One operand's element at the point of a domain.
  private func read(_ value: ValueID, _ index: IndexExpression, _ domain: [Int]) -> Resolver.Base {
    resolver.resolve(value, at: index, in: IndexDomain(extents: domain))
  }

  /// Sees to it that `value` has a contiguous buffer and gives the cluster that writes it; nil for parameters.
  @discardableResult
  private mutating func requireBuffer(_ value: ValueID) -> Int? {
    let root = resolver.bufferRoot(value)
    if function.isParameter(root) { return nil }
    if resolver.isComputed(root) {
      outputs.insert(root)
      return clusterOf[root]
    }
    if let copy = copies[root] { return copy }
    let shape = function.valueTypes[root].shape.dimensions
    let identity = IndexDomain(extents: shape).identity(Array(shape.indices))
    let producer = produce(read(root, identity, shape))
    let copy = set.add(
      ClusterSet.Draft(kind: .copy(root), domain: shape, members: []), after: producer.map { [$0] } ?? [])
    copies[root] = copy
    return copy
  }

  /// Makes what `base` reads an output of its cluster and gives the cluster.
  private mutating func produce(_ base: Resolver.Base) -> Int? {
    switch base {
    case .source: return nil
    case .value(let value, _), .buffer(let value, _): return requireBuffer(value)
    }
  }

  /// A dot or gather reads `value` at indices of its own: a view of a buffer will do, a source will not.
  private mutating func requireReadable(_ value: ValueID) -> Int? {
    let shape = function.valueTypes[value].shape.dimensions
    let base = read(value, IndexDomain(extents: shape).identity(Array(shape.indices)), shape)
    switch base {
    case .source: return requireBuffer(value)
    case .value(let value, _), .buffer(let value, _): return requireBuffer(value)
    }
  }

  // MARK: Placing

  private mutating func begin(
    _ kind: FusionPlan.Cluster.Kind, _ domain: [Int], _ id: InstructionID, _ readAtPoint: [ValueID],
    _ readAsBuffer: [ValueID]
  ) {
    var producers: [Int] = []
    for value in readAtPoint {
      let shape = function.valueTypes[value].shape.dimensions
      let base = read(value, IndexDomain(extents: shape).identity(Array(shape.indices)), shape)
      if let producer = produce(base) { producers.append(producer) }
    }
    for value in readAsBuffer {
      if let producer = requireReadable(value) { producers.append(producer) }
    }
    let cluster = set.add(ClusterSet.Draft(kind: kind, domain: domain, members: [id]), after: producers)
    if case .reduction = kind { set.update(cluster) { $0.depth[id] = 1 } }
    for result in function.instructions[id].results { clusterOf[result] = cluster }
  }

  /// The operands are read where the terms of the contraction lie: a view of a buffer will do, a source will not.
  private mutating func placeContraction(_ id: InstructionID, _ op: ContractionOp) {
    let instruction = function.instructions[id]
    let types = instruction.operands.map { function.valueTypes[$0] }
    let result = function.valueTypes[instruction.result]
    let places = ContractionDomain(op, types[0], types[1], result)
    var producers: [Int] = []
    for (value, index) in zip(instruction.operands, [places.lhs, places.rhs]) {
      let producer: Int? =
        switch resolver.resolve(value, at: index, in: places.domain) {
        case .source: requireBuffer(value)
        case .value(let base, _), .buffer(let base, _): requireBuffer(base)
        }
      if let producer { producers.append(producer) }
    }
    let cluster = set.add(
      ClusterSet.Draft(kind: .contraction, domain: result.shape.dimensions, members: [id]), after: producers)
    clusterOf[instruction.result] = cluster
  }

  private mutating func join(
    _ cluster: Int, _ id: InstructionID, depth: Int, _ bases: [Resolver.Base], _ readAsBuffer: [ValueID]
  ) {
    var producers: [Int] = []
    for base in bases {
      if case .value(let value, _) = base, clusterOf[value] == cluster { continue }
      if let producer = produce(base) { producers.append(producer) }
    }
    for value in readAsBuffer {
      if let producer = requireReadable(value) { producers.append(producer) }
    }
    set.update(cluster) {
      $0.members.append(id)
      if depth > 0 { $0.depth[id] = depth }
    }
    set.order(cluster, after: producers)
    for result in function.instructions[id].results { clusterOf[result] = cluster }
  }

  /// A control op reads contiguous buffers, and all its results get some.
  private mutating func placeControl(_ id: InstructionID) {
    let instruction = function.instructions[id]
    let producers = instruction.operands.compactMap { requireBuffer($0) }
    let cluster = set.add(ClusterSet.Draft(kind: .control, domain: [], members: [id]), after: producers)
    for result in instruction.results {
      clusterOf[result] = cluster
      outputs.insert(result)
    }
  }

  private mutating func placePointwise(_ id: InstructionID) {
    let instruction = function.instructions[id]
    let shape = function.valueTypes[instruction.result].shape.dimensions
    let readings = function.readings(of: id)
    func operands(_ isWanted: (OperandReading) -> Bool) -> [ValueID] {
      zip(instruction.operands, readings).filter { isWanted($1) }.map(\.0)
    }
    let readAtPoint = operands(\.isAtPoint)
    let readAsBuffer = operands { $0 == .asBuffer }
    mergeProducers(shape, readAtPoint)
    for cluster in candidates(readAtPoint, shape) {
      if let (bases, depth) = canJoin(id, cluster, shape, zip(instruction.operands, readings).map { ($0, $1) }) {
        join(cluster, id, depth: depth, bases, readAsBuffer)
        return
      }
    }
    begin(.pointwise, shape, id, operands { $0 != .asBuffer }, readAsBuffer)
  }

  private mutating func placeReduction(_ id: InstructionID, _ axes: [Int]) {
    let instruction = function.instructions[id]
    let operand = instruction.operands[0]
    let shape = function.valueTypes[operand].shape.dimensions
    for cluster in candidates([operand], shape) where !axes.isEmpty {
      let draft = set.drafts[cluster]
      guard draft.domain == shape else { continue }
      switch draft.kind {
      case .pointwise: break
      case .reduction(let others) where others == axes: break
      case .reduction, .contraction, .scatter, .line, .assembly, .copy, .control: continue
      }
      let reading = OperandReading.atPoint(axes: Array(shape.indices))
      guard let (bases, depth) = canJoin(id, cluster, shape, [(operand, reading)]) else { continue }
      if depth > 0 && !canReadRowsAgain(shape, axes) { continue }
      set.update(cluster) { $0.kind = .reduction(axes: axes) }
      join(cluster, id, depth: depth + 1, bases, [])
      return
    }
    begin(.reduction(axes: axes), shape, id, [operand], [])
  }

  /// `overlapAdd` computes the elements of its operand where it adds them: the copies that a window makes of an element
  /// are then written nowhere.
  private mutating func joinOverlapAdd(_ id: InstructionID) -> Bool {
    let operand = function.instructions[id].operands[0]
    let shape = function.valueTypes[operand].shape.dimensions
    let reading = OperandReading.atPoint(axes: Array(shape.indices))
    for cluster in candidates([operand], shape) where set.drafts[cluster].kind == .pointwise {
      guard let (bases, _) = canJoin(id, cluster, shape, [(operand, reading)]) else { continue }
      set.update(cluster) { $0.kind = .assembly }
      join(cluster, id, depth: 0, bases, [])
      return true
    }
    return false
  }

  /// Clusters that an instruction reading these values at its point could join, the latest first.
  private func candidates(_ values: [ValueID], _ shape: [Int]) -> [Int] {
    guard fuses else { return [] }
    var found: [Int] = []
    for value in values {
      let extents = function.valueTypes[value].shape.dimensions
      let base = read(value, IndexDomain(extents: extents).identity(Array(extents.indices)), extents)
      if case .value(let producer, _) = base, let cluster = clusterOf[producer], !found.contains(cluster) {
        found.append(cluster)
      }
    }
    return found.sorted(by: >)
  }

  /// What the instruction would read as a member of `cluster`, and how many reductions of the cluster stand before it;
  /// nil when it cannot be one.
  private func canJoin(
    _ id: InstructionID, _ cluster: Int, _ shape: [Int], _ operands: [(value: ValueID, reading: OperandReading)]
  ) -> (bases: [Resolver.Base], depth: Int)? {
    let draft = set.drafts[cluster]
    guard draft.members.count < Self.maximumMembers, limit?.allows(draft.members + [id]) ?? true
    else { return nil }
    switch draft.kind {
    case .pointwise, .reduction, .contraction: break
    case .scatter, .line, .assembly, .copy, .control: return nil
    }
    let isFull = shape == draft.domain
    guard isFull || (!draft.reducedAxes.isEmpty && shape == draft.keptExtents) else { return nil }
    let domain = IndexDomain(extents: draft.domain)
    let (fullIndex, rowIndex) = (domain.identity(Array(draft.domain.indices)), domain.identity(draft.keptAxes))
    var (bases, depth) = ([Resolver.Base](), 0)
    for (value, reading) in operands {
      guard case .atPoint(let axes) = reading else {
        let extents = function.valueTypes[value].shape.dimensions
        let base = read(value, IndexDomain(extents: extents).identity(Array(extents.indices)), extents)
        if reading == .elsewhere { bases.append(base) }
        let producer = self.cluster(of: base)
        if let producer, producer == cluster || set.depends(producer, on: cluster) { return nil }
        continue
      }
      let point = isFull ? fullIndex : rowIndex
      let base = resolver.resolve(value, at: axes.map { point[$0] }, in: domain)
      bases.append(base)
      guard let producer = self.cluster(of: base) else { continue }
      if producer == cluster {
        guard case .value(let member, let index) = base else { return nil }
        let memberShape = function.valueTypes[member].shape.dimensions
        guard index == (memberShape == draft.domain ? fullIndex : rowIndex) else { return nil }
        // A row's element cannot come from the whole domain but by a reduction.
        if !isFull && memberShape == draft.domain { return nil }
        depth = max(depth, resolver.definitions[member].flatMap { draft.depth[$0] } ?? 0)
      } else if set.depends(producer, on: cluster) {
        return nil
      }
    }
    if isFull && depth > 0 && !canReadRowsAgain(draft.domain, draft.reducedAxes) { return nil }
    return (bases, depth)
  }

  private func cluster(of base: Resolver.Base) -> Int? {
    switch base {
    case .source: nil
    case .value(let value, _), .buffer(let value, _):
      clusterOf[resolver.bufferRoot(value)] ?? copies[resolver.bufferRoot(value)]
        ?? viewProducer(resolver.bufferRoot(value))
    }
  }

  /// The cluster behind a view that will be written out.
  private func viewProducer(_ value: ValueID) -> Int? {
    guard !resolver.isComputed(value) else { return nil }
    let extents = function.valueTypes[value].shape.dimensions
    switch read(value, IndexDomain(extents: extents).identity(Array(extents.indices)), extents) {
    case .source: return nil
    case .value(let base, _): return clusterOf[base]
    case .buffer(let base, _): return clusterOf[resolver.bufferRoot(base)] ?? viewProducer(resolver.bufferRoot(base))
    }
  }

  /// Whether one kernel may pass over its rows again after a reduction: they are the innermost axes, and short enough.
  private func canReadRowsAgain(_ domain: [Int], _ axes: [Int]) -> Bool {
    axes == Array((domain.count - axes.count)..<domain.count)
      && axes.reduce(1) { $0 * domain[$1] } <= Self.maximumRow
  }

  /// Joins the clusters of an instruction's producers where one kernel can do their work.
  private mutating func mergeProducers(_ shape: [Int], _ values: [ValueID]) {
    let found = candidates(values, shape)
    guard found.count > 1 else { return }
    var target = found[0]
    for other in found.dropFirst() {
      let (a, b) = (set.drafts[target], set.drafts[other])
      guard a.domain == b.domain, a.members.count + b.members.count < Self.maximumMembers,
        limit?.allows(a.members + b.members) ?? true
      else { continue }
      let kind: FusionPlan.Cluster.Kind
      switch (a.kind, b.kind) {
      case (.pointwise, .pointwise): kind = .pointwise
      case (.reduction(let first), .reduction(let second)) where first == second: kind = a.kind
      case (.reduction, .pointwise): kind = a.kind
      case (.pointwise, .reduction): kind = b.kind
      case (.pointwise, .contraction): kind = b.kind
      case (.contraction, .pointwise): kind = a.kind
      default: continue
      }
      guard canMerge(other, target, kind) else { continue }
      let (low, high) = (min(target, other), max(target, other))
      set.merge(high, into: low)
      set.update(low) { $0.kind = kind }
      for (value, cluster) in clusterOf where cluster == high { clusterOf[value] = low }
      target = low
    }
  }

  /// Merging is right if no third cluster stands between and whatever one reads of the other it reads at its own point.
  private func canMerge(_ a: Int, _ b: Int, _ kind: FusionPlan.Cluster.Kind) -> Bool {
    guard set.canMerge(a, b) else { return false }
    // Independent clusters of one domain read nothing of each other; others would need their reads checked again.
    guard !set.depends(a, on: b) && !set.depends(b, on: a) else { return false }
    if case .contraction = kind {
      // The pointwise part must not be longer than an epilogue.
      return set.drafts[a].members.count + set.drafts[b].members.count <= 16
    }
    return true
  }

  // MARK: Result

  private func plan() -> FusionPlan {
    let clusters = set.executionOrder().map { number in
      let draft = set.drafts[number]
      let written: [ValueID]
      if case .copy(let value) = draft.kind {
        written = [value]
      } else {
        written = draft.members.flatMap { function.instructions[$0].results.filter(outputs.contains) }
      }
      return FusionPlan.Cluster(
        kind: draft.kind, domain: Shape(draft.domain), members: draft.members.sorted(), outputs: written)
    }
    return FusionPlan(function: function, clusters: clusters.filter { !$0.outputs.isEmpty })
  }
}

extension FusionPlan {
  /// The functions that control ops run, the first one last. One that the module does not have is left out; lowering
  /// reports it.
  fileprivate func callees(in module: Module) -> [Function] {
    clusters.reversed().flatMap { cluster -> [Function] in
      guard case .control = cluster.kind else { return [] }
      return function.instructions[cluster.members[0]].op.callees.reversed().compactMap { module[$0] }
    }
  }
}
