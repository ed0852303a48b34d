/// Where the intermediate values of a plan lie in one arena.
public struct MemoryPlan: Hashable, Sendable {
  /// Every allocation starts at a multiple of this, so that no two share a cache line.
  public static let alignment = 64

  /// A stretch of the arena in use from the first to the last of these steps.
  public struct Allocation: Hashable, Sendable {
    public var name: String
    public var offset: Int
    public var byteCount: Int
    public var steps: ClosedRange<Int>

    public init(name: String, offset: Int, byteCount: Int, steps: ClosedRange<Int>) {
      self.name = name
      self.offset = offset
      self.byteCount = byteCount
      self.steps = steps
    }
  }

  public var allocations: [Allocation]
  public var arenaBytes: Int
  /// The maximum over time of the bytes in use: no arena can be smaller.
  public var lowerBound: Int
  /// What is written over an operand that nobody reads again.
  public var inPlace: [String]
  /// Bytes if nothing were reused.
  public var totalBytes: Int { allocations.reduce(0) { $0 + $1.byteCount } }

  public init(allocations: [Allocation], arenaBytes: Int, lowerBound: Int, inPlace: [String]) {
    self.allocations = allocations
    self.arenaBytes = arenaBytes
    self.lowerBound = lowerBound
    self.inPlace = inPlace
  }

  public static let empty = MemoryPlan(allocations: [], arenaBytes: 0, lowerBound: 0, inPlace: [])

  /// Checks that allocations in use at the same time do not overlap and lie in the arena.
  public func verify() throws(ConstraintFailure) {
    for (index, a) in allocations.enumerated() {
      try require(
        a.offset >= 0 && a.offset % Self.alignment == 0 && a.offset + a.byteCount <= arenaBytes, "memory.C1",
        "\(a.name) at \(a.offset) with \(a.byteCount) bytes is not an aligned part of the arena of \(arenaBytes) bytes")
      for b in allocations[..<index] where a.steps.overlaps(b.steps) {
        try require(
          a.offset + a.byteCount <= b.offset || b.offset + b.byteCount <= a.offset, "memory.C2",
          "\(a.name) and \(b.name) are in use at one time and share bytes")
      }
    }
  }
}

extension MemoryPlan: CustomStringConvertible {
  public var description: String {
    var lines = [
      "memory {",
      "  arena \(arenaBytes) bytes, bound \(lowerBound), without reuse \(totalBytes)",
    ]
    for allocation in allocations.sorted(by: { ($0.offset, $0.steps.lowerBound) < ($1.offset, $1.steps.lowerBound) }) {
      lines.append(
        "  \(allocation.name): \(allocation.offset) ..< \(allocation.offset + allocation.byteCount), "
          + "steps \(allocation.steps.lowerBound) ... \(allocation.steps.upperBound)")
    }
    for line in inPlace { lines.append("  in place: \(line)") }
    return (lines + ["}"]).joined(separator: "\n")
  }
}
