import KilnIR

/// Which cluster an instruction may join, and which clusters become one.
extension Fuser {
  /// Clusters that an instruction reading these values at its point could join, the latest first.
  func candidates(_ values: [ValueID], _ shape: [Dimension]) -> [Int] {
    guard fuses else { return [] }
    var found: [Int] = []
    for value in values {
      if case .value(let producer, _) = base(of: value), let cluster = clusterOf[producer], !found.contains(cluster) {
        found.append(cluster)
      }
    }
    return found.sorted(by: >)
  }

  /// What the instruction would read as a member of `cluster`, and how many reductions of the cluster stand before it;
  /// nil when it cannot be one.
  func canJoin(
    _ id: InstructionID, _ cluster: Int, _ shape: [Dimension], _ operands: [(value: ValueID, reading: OperandReading)]
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
        let base = base(of: value)
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
        let isWhole = extents(member) == draft.domain
        guard index == (isWhole ? fullIndex : rowIndex) else { return nil }
        // A row's element cannot come from the whole domain but by a reduction.
        if !isFull && isWhole { return nil }
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
    switch base(of: value) {
    case .source: return nil
    case .value(let base, _): return clusterOf[base]
    case .buffer(let base, _): return clusterOf[resolver.bufferRoot(base)] ?? viewProducer(resolver.bufferRoot(base))
    }
  }

  /// Whether one kernel may pass over its rows again after a reduction: they are the innermost axes, and short enough.
  /// Where calls bring the length, rows beside others are taken to be short; a single one is better shared by threads.
  func canReadRowsAgain(_ domain: [Dimension], _ axes: [Int]) -> Bool {
    let kept = domain.count - axes.count
    guard axes == Array(kept..<domain.count) else { return false }
    return Dimension.isAtLeast(Dimension(Self.maximumRow), axes.reduce(1) { $0 * domain[$1] })
      ?? domain[..<kept].contains { $0 != 1 }
  }

  /// Joins the clusters of an instruction's producers where one kernel can do their work.
  mutating func mergeProducers(_ shape: [Dimension], _ values: [ValueID]) {
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
}
