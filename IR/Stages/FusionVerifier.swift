extension FusionPlan {
  /// Checks the grouping:
  ///
  /// - `fusion.C1`: what a cluster names is in its function: its members in order, each in no other cluster.
  /// - `fusion.C2`: the kind and the domain of a cluster fit its members.
  /// - `fusion.C3`: a cluster writes what it computes, each value once.
  /// - `fusion.C4`: what a cluster reads is a parameter, written by an earlier cluster, or computed where it is read:
  ///   by an earlier member or by an instruction that belongs to no cluster.
  /// - `fusion.C5`: the function's results have buffers.
  /// - `fusion.C6`: the functions that control ops run are grouped, each once.
  public func verify() throws(ConstraintFailure) {
    let groups = [self] + callees
    var grouped: Set<String> = []
    for group in groups {
      let name = group.function.name
      try require(grouped.insert(name).inserted, "fusion.C6", "@\(name) is grouped twice")
      var verifier = FusionVerifier(group.function)
      for (number, cluster) in group.clusters.enumerated() { try verifier.check(cluster, number) }
      try verifier.checkResults()
    }
    let run = groups.flatMap { group in
      group.clusters.flatMap { $0.members.flatMap { group.function.instructions[$0].op.callees } }
    }
    let missing = Set(run).symmetricDifference(grouped.subtracting([function.name])).sorted()
    try require(missing.isEmpty, "fusion.C6", "@\(missing.first ?? "") is either run or grouped, but not both")
  }
}

/// The clusters of one function, in order.
private struct FusionVerifier {
  private let function: Function
  private let definitions: EntityTable<ValueID, InstructionID?>
  private var clusterOf: [InstructionID: Int] = [:]
  /// Values with a buffer.
  private var written: Set<ValueID> = []

  init(_ function: Function) {
    self.function = function
    definitions = function.definitions()
  }

  mutating func check(_ cluster: FusionPlan.Cluster, _ number: Int) throws(ConstraintFailure) {
    try require(
      zip(cluster.members, cluster.members.dropFirst()).allSatisfy { $0 < $1 }
        && cluster.members.allSatisfy { $0.index < function.instructions.count }, "fusion.C1",
      "the members of cluster \(number) of @\(function.name) are not instructions in ascending order")
    for member in cluster.members {
      try require(
        clusterOf.updateValue(number, forKey: member) == nil, "fusion.C1",
        "instruction \(member.index) of @\(function.name) is in two clusters")
    }
    try require(fits(cluster), "fusion.C2", "cluster \(number) of @\(function.name) does not fit its kind and domain")
    var computed = cluster.members.flatMap { Array(function.instructions[$0].results) }
    for member in cluster.members {
      for operand in function.instructions[member].operands { try requireReadable(operand, number) }
    }
    if case .copy(let value) = cluster.kind {
      try require(value.index < function.valueTypes.count, "fusion.C1", "there is no value \(value.index)")
      try requireReadable(value, number)
      computed = [value]
    }
    for output in cluster.outputs {
      try require(
        computed.contains(output) && written.insert(output).inserted, "fusion.C3",
        "cluster \(number) of @\(function.name) cannot write value \(output.index)")
    }
  }

  /// Whether the members are of the kind that the cluster is, and as large as its domain.
  private func fits(_ cluster: FusionPlan.Cluster) -> Bool {
    let classes = cluster.members.map { function.instructions[$0].op.fusionClass }
    let heads = classes.filter { !$0.isPointwise }
    let domain = cluster.domain
    func shapes(_ isChosen: (FusionClass) -> Bool) -> [Shape] {
      zip(cluster.members, classes).filter { isChosen($1) }.map { member, _ in
        function.valueTypes[function.instructions[member].firstResult].shape
      }
    }
    switch cluster.kind {
    case .pointwise: return heads.isEmpty && !classes.isEmpty && shapes { _ in true }.allSatisfy { $0 == domain }
    case .reduction(let axes):
      let operands = zip(cluster.members, classes).filter { !$1.isPointwise }.map { member, _ in
        function.valueTypes[function.instructions[member].operands[0]].shape
      }
      let kept = Shape(domain.dimensions.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
      return !heads.isEmpty && heads.allSatisfy { $0 == .reduction(axes: axes) } && operands.allSatisfy { $0 == domain }
        && shapes(\.isPointwise).allSatisfy { $0 == domain || $0 == kept }
    case .contraction:
      guard heads.count == 1, case .contraction = heads[0], let head = classes.firstIndex(of: heads[0])
      else { return false }
      // Conversions of its operands come before it.
      let others = cluster.members.enumerated().filter { number, member in
        if number < head, case .type(.convert) = function.instructions[member].op { false } else { true }
      }
      return others.allSatisfy { function.valueTypes[function.instructions[$1].firstResult].shape == domain }
    case .scatter: return classes == [.scatter] && shapes { _ in true } == [domain]
    case .line(let axis):
      // Of a sort, the first numbers may be fewer than the elements.
      return classes == [.line(axis: axis)]
        && function.valueTypes[function.instructions[cluster.members[0]].operands[0]].shape == domain
    case .assembly: return heads == [.assembly]
    case .control: return classes == [.control] && domain.isEmpty
    case .copy(let value): return classes.isEmpty && function.valueTypes[value].shape == domain
    }
  }

  /// Walks back from a value that cluster `number` reads to what has a buffer, or is computed in the cluster.
  private func requireReadable(_ value: ValueID, _ number: Int) throws(ConstraintFailure) {
    struct Read: Hashable {
      let value: ValueID
      /// A barrier waits for its other operands, which need not be computed at all if nothing else reads them.
      let waitsOnly: Bool
    }
    var (open, seen): ([Read], Set<Read>) = ([Read(value: value, waitsOnly: false)], [])
    while let read = open.popLast() {
      let value = read.value
      guard !function.isParameter(value), !written.contains(value), seen.insert(read).inserted,
        let id = definitions[value]
      else { continue }
      let op = function.instructions[id].op
      if clusterOf[id] == number || read.waitsOnly && clusterOf[id] == nil && !op.isReadInPlace { continue }
      try require(
        clusterOf[id] == nil && op.isReadInPlace, "fusion.C4",
        "cluster \(number) of @\(function.name) reads \(function.name(of: value)), which no earlier cluster writes")
      for (place, operand) in function.instructions[id].operands.enumerated() {
        let waits = place > 0 && op == .control(.barrier)
        open.append(Read(value: operand, waitsOnly: read.waitsOnly || waits))
      }
    }
  }

  func checkResults() throws(ConstraintFailure) {
    for result in function.results {
      var root = result
      while !written.contains(root), let id = definitions[root], function.instructions[id].op.keepsBytes {
        root = function.instructions[id].operands[0]
      }
      try require(
        function.isParameter(root) || written.contains(root), "fusion.C5",
        "the result \(function.name(of: result)) of @\(function.name) has no buffer")
    }
  }
}

extension FusionClass {
  fileprivate var isPointwise: Bool {
    switch self {
    case .pointwise, .gather: true
    case .source, .view, .reduction, .contraction, .scatter, .line, .assembly, .control: false
    }
  }
}

extension Op {
  /// Whether an instruction that belongs to no cluster is computed by those that read it.
  fileprivate var isReadInPlace: Bool {
    switch fusionClass {
    case .source, .view: true
    case .pointwise, .gather, .reduction, .contraction, .scatter, .line, .assembly, .control: false
    }
  }
}
