import KilnIR

/// Groups the instructions of a function into clusters, walking it once in program order. An instruction joins the
/// cluster of one of its producers if that keeps the clusters free of cycles and reads the producer's element at its
/// own point; else it begins one.
struct Fuser {
  /// The most members of a cluster: basic blocks beyond a few hundred operations compile slowly.
  static let maximumMembers = 64
  /// The longest row whose later passes still find it in the cache of a core.
  static let maximumRow = 1 << 16

  let function: Function
  let device: DeviceDescription
  let fuses: Bool
  /// Whether a contraction may convert its operands where it reads them.
  let widensOperands: Bool
  let resolver: Resolver
  /// How many buffers a cluster with several members may have; nil: any number.
  let limit: BufferLimit?
  var set = ClusterSet()
  /// The cluster that computes each value.
  var clusterOf: [ValueID: Int] = [:]
  private(set) var copies: [ValueID: Int] = [:]
  private(set) lazy var useCounts = function.useCounts()
  /// Values that somebody outside their cluster reads.
  var outputs: Set<ValueID> = []

  private init(_ function: Function, _ device: DeviceDescription, fuses: Bool, maximumBuffers: Int?) {
    self.function = function
    self.device = device
    self.fuses = fuses
    widensOperands = fuses && device.workGroups == nil
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
      var fuser = Fuser(function, device, fuses: fuses, maximumBuffers: limit)
      for id in function.instructions.ids { try fuser.place(id) }
      for result in function.results { fuser.requireBuffer(result) }
      fuser.separateLongReductions()
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
    case .scatter: begin(.scatter, extents(instruction.result), id, instruction.operands)
    case .line(let axis): begin(.line(axis: axis), extents(instruction.operands[0]), id, instruction.operands)
    case .assembly:
      if case .movement(.overlapAdd) = instruction.op, joinOverlapAdd(id) { return }
      begin(.assembly, extents(instruction.result), id, instruction.operands)
    case .control:
      // It reads contiguous buffers, and all its results get some.
      begin(.control, [], id, after: instruction.operands.compactMap { requireBuffer($0) })
      outputs.formUnion(instruction.results)
    }
  }

  // MARK: Reading

  func extents(_ value: ValueID) -> [Dimension] { Array(function.valueTypes[value].shape) }

  /// What is read for the element of a value at its own place.
  func base(of value: ValueID) -> Resolver.Base {
    let domain = IndexDomain(extents: extents(value))
    return resolver.resolve(value, at: domain.identity(Array(domain.extents.indices)), in: domain)
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
    let producer = produce(base(of: root))
    let copy = set.add(
      ClusterSet.Draft(kind: .copy(root), domain: extents(root), members: []), after: producer.map { [$0] } ?? [])
    copies[root] = copy
    return copy
  }

  /// Makes what `base` reads an output of its cluster and gives the cluster.
  /// - Parameter operand: what a dot or gather reads at indices of its own: a view of a buffer will do, but a source
  ///   has to be written out.
  private mutating func produce(_ base: Resolver.Base, forIndexing operand: ValueID? = nil) -> Int? {
    switch base {
    case .source: operand.flatMap { requireBuffer($0) }
    case .value(let value, _), .buffer(let value, _): requireBuffer(value)
    }
  }

  // MARK: Placing

  private mutating func begin(
    _ kind: FusionPlan.Cluster.Kind, _ domain: [Dimension], _ id: InstructionID, _ readAtPoint: [ValueID],
    _ readAsBuffer: [ValueID] = []
  ) {
    let producers = readAtPoint.compactMap { produce(base(of: $0)) }
    begin(kind, domain, id, after: producers + readAsBuffer.compactMap { produce(base(of: $0), forIndexing: $0) })
  }

  private mutating func begin(
    _ kind: FusionPlan.Cluster.Kind, _ domain: [Dimension], _ id: InstructionID, after producers: [Int]
  ) {
    let cluster = set.add(ClusterSet.Draft(kind: kind, domain: domain, members: [id]), after: producers)
    if case .reduction = kind { set.update(cluster) { $0.depth[id] = 1 } }
    for result in function.instructions[id].results { clusterOf[result] = cluster }
  }

  /// The operands are read where the terms of the contraction lie.
  private mutating func placeContraction(_ id: InstructionID, _ op: ContractionOp) {
    let instruction = function.instructions[id]
    let types = instruction.operands.map { function.valueTypes[$0] }
    let places = ContractionDomain(op, types[0], types[1], function.valueTypes[instruction.result])
    var (producers, conversions): ([Int], [InstructionID]) = ([], [])
    for (operand, index) in zip(instruction.operands, [places.lhs, places.rhs]) {
      let base = resolver.resolve(operand, at: index, in: places.domain)
      if case .dot = op, let conversion = widening(operand, base) {
        conversions.append(conversion)
        let source = function.instructions[conversion].operands[0]
        producers += produce(self.base(of: source), forIndexing: source).map { [$0] } ?? []
      } else {
        producers += produce(base, forIndexing: operand).map { [$0] } ?? []
      }
    }
    begin(.contraction, extents(instruction.result), id, after: producers)
    for conversion in conversions { adopt(conversion, by: id) }
  }

  private mutating func join(
    _ cluster: Int, _ id: InstructionID, depth: Int, _ bases: [Resolver.Base], _ readAsBuffer: [ValueID]
  ) {
    var producers: [Int] = []
    for base in bases {
      if case .value(let value, _) = base, clusterOf[value] == cluster { continue }
      if let producer = produce(base) { producers.append(producer) }
    }
    producers += readAsBuffer.compactMap { produce(base(of: $0), forIndexing: $0) }
    set.update(cluster) {
      $0.members.append(id)
      if depth > 0 { $0.depth[id] = depth }
    }
    set.order(cluster, after: producers)
    for result in function.instructions[id].results { clusterOf[result] = cluster }
  }

  private mutating func placePointwise(_ id: InstructionID) {
    let instruction = function.instructions[id]
    let shape = extents(instruction.result)
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
    let operand = function.instructions[id].operands[0]
    let shape = extents(operand)
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
    begin(.reduction(axes: axes), shape, id, [operand])
  }

  /// `overlapAdd` computes the elements of its operand where it adds them: the copies that a window makes of an element
  /// are then written nowhere.
  private mutating func joinOverlapAdd(_ id: InstructionID) -> Bool {
    let operand = function.instructions[id].operands[0]
    let shape = extents(operand)
    let reading = OperandReading.atPoint(axes: Array(shape.indices))
    for cluster in candidates([operand], shape) where set.drafts[cluster].kind == .pointwise {
      guard let (bases, _) = canJoin(id, cluster, shape, [(operand, reading)]) else { continue }
      set.update(cluster) { $0.kind = .assembly }
      join(cluster, id, depth: 0, bases, [])
      return true
    }
    return false
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
