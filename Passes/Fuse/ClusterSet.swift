import KilnIR

/// The clusters while they grow, with which of them depends on which.
struct ClusterSet {
  struct Draft {
    var kind: FusionPlan.Cluster.Kind
    var domain: [Dimension]
    var members: [InstructionID]
    /// For each member the number of reductions of this cluster, one after the other, that stand before it.
    var depth: [InstructionID: Int] = [:]
    var isAlive = true

    /// The reduced axes, empty for other kinds.
    var reducedAxes: [Int] {
      if case .reduction(let axes) = kind { axes } else { [] }
    }
    var keptAxes: [Int] { domain.indices.filter { !reducedAxes.contains($0) } }
    var keptExtents: [Dimension] { keptAxes.map { domain[$0] } }
  }

  private(set) var drafts: [Draft] = []
  /// For each cluster all clusters that must run before it.
  private var dependencies: [BitSet] = []

  mutating func add(_ draft: Draft, after producers: some Sequence<Int>) -> Int {
    drafts.append(draft)
    dependencies.append(BitSet())
    let cluster = drafts.count - 1
    order(cluster, after: producers)
    return cluster
  }

  func depends(_ cluster: Int, on other: Int) -> Bool { dependencies[cluster].contains(other) }

  /// Records that `cluster` reads what `producers` write.
  mutating func order(_ cluster: Int, after producers: some Sequence<Int>) {
    var added = BitSet()
    for producer in producers where producer != cluster {
      added.insert(producer)
      added.formUnion(dependencies[producer])
    }
    guard !added.isSubset(of: dependencies[cluster]) else { return }
    dependencies[cluster].formUnion(added)
    for other in drafts.indices where dependencies[other].contains(cluster) {
      dependencies[other].formUnion(dependencies[cluster])
    }
  }

  mutating func update(_ cluster: Int, _ change: (inout Draft) -> Void) { change(&drafts[cluster]) }

  /// Whether one kernel can do the work of both: no third cluster stands between them.
  func canMerge(_ a: Int, _ b: Int) -> Bool {
    for other in drafts.indices where drafts[other].isAlive && other != a && other != b {
      if depends(other, on: a) && depends(b, on: other) { return false }
      if depends(other, on: b) && depends(a, on: other) { return false }
    }
    return true
  }

  /// Moves the members of `b` into `a`.
  mutating func merge(_ b: Int, into a: Int) {
    drafts[b].isAlive = false
    drafts[a].members = (drafts[a].members + drafts[b].members).sorted()
    drafts[a].depth.merge(drafts[b].depth) { first, _ in first }
    dependencies[a].formUnion(dependencies[b])
    dependencies[a].remove(a)
    dependencies[a].remove(b)
    for other in drafts.indices where other != a && dependencies[other].contains(b) {
      dependencies[other].remove(b)
      dependencies[other].insert(a)
    }
    for other in drafts.indices where dependencies[other].contains(a) {
      dependencies[other].formUnion(dependencies[a])
    }
    dependencies[b] = BitSet()
  }

  /// Makes some members of a cluster one of their own, which runs before it.
  mutating func split(_ members: [InstructionID], from cluster: Int, kind: FusionPlan.Cluster.Kind) -> Int {
    let draft = Draft(kind: kind, domain: drafts[cluster].domain, members: members)
    drafts[cluster].members.removeAll(where: members.contains)
    drafts.append(draft)
    dependencies.append(dependencies[cluster])
    order(cluster, after: [drafts.count - 1])
    return drafts.count - 1
  }

  /// The living clusters, producers first, otherwise in the order of the program: what is recomputed for one
  /// instruction, or read by it alone, is then in memory for a short time only.
  func executionOrder() -> [Int] {
    let counts = dependencies.map(\.count)
    // A copy has no place of its own in the program.
    let places = drafts.map { $0.members.last?.index ?? Int.max }
    let alive = drafts.indices.filter { drafts[$0].isAlive }.sorted { (places[$0], $0) < (places[$1], $1) }
    var (order, done) = ([Int](), BitSet())
    for cluster in alive where !done.contains(cluster) {
      let missing = alive.filter { dependencies[cluster].contains($0) && !done.contains($0) }
      // A cluster has strictly more dependencies than each of its own.
      for next in missing.sorted(by: { (counts[$0], places[$0]) < (counts[$1], places[$1]) }) + [cluster] {
        order.append(next)
        done.insert(next)
      }
    }
    return order
  }
}

/// A set of small integers.
struct BitSet: Hashable {
  private var words: [UInt64] = []

  func contains(_ member: Int) -> Bool {
    member >> 6 < words.count && words[member >> 6] & (1 << UInt64(member & 63)) != 0
  }
  mutating func insert(_ member: Int) {
    while words.count <= member >> 6 { words.append(0) }
    words[member >> 6] |= 1 << UInt64(member & 63)
  }
  mutating func remove(_ member: Int) {
    if member >> 6 < words.count { words[member >> 6] &= ~(1 << UInt64(member & 63)) }
  }
  mutating func formUnion(_ other: BitSet) {
    while words.count < other.words.count { words.append(0) }
    for (index, word) in other.words.enumerated() { words[index] |= word }
  }
  func isSubset(of other: BitSet) -> Bool {
    for (index, word) in words.enumerated() {
      let held = index < other.words.count ? other.words[index] : 0
      if word & ~held != 0 { return false }
    }
    return true
  }
  var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
}
