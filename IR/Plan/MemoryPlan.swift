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

  /// A value that is written over an operand that is not read again.
  public struct Reuse: Hashable, Sendable {
    public var name: String
    public var operand: String
    public var step: Int
    /// The ops that the step computes.
    public var label: String

    public init(name: String, operand: String, step: Int, label: String) {
      self.name = name
      self.operand = operand
      self.step = step
      self.label = label
    }
  }

  /// In the order of their offsets, where lowering made the plan.
  public var allocations: [Allocation]
  public var arenaBytes: Int
  /// The maximum over time of the bytes in use: no arena can be smaller.
  public var lowerBound: Int
  public var inPlace: [Reuse]
  /// Bytes if nothing were reused.
  public var totalBytes: Int { allocations.reduce(0) { $0 + $1.byteCount } }

  public init(allocations: [Allocation], arenaBytes: Int, lowerBound: Int, inPlace: [Reuse]) {
    self.allocations = allocations
    self.arenaBytes = arenaBytes
    self.lowerBound = lowerBound
    self.inPlace = inPlace
  }

  public static let empty = MemoryPlan(allocations: [], arenaBytes: 0, lowerBound: 0, inPlace: [])

  /// Checks that allocations in use at the same time do not overlap and lie in the arena: `memory.C1`, `memory.C2`.
  public func verify() throws(ConstraintFailure) {
    try require(
      (0..<TensorType.byteLimit).contains(arenaBytes), "memory.C1",
      "an arena has fewer than 2^48 bytes, found \(arenaBytes)")
    for (index, a) in allocations.enumerated() {
      try require(
        a.offset >= 0 && a.offset % Self.alignment == 0 && a.byteCount >= 0 && a.offset <= arenaBytes - a.byteCount,
        "memory.C1",
        "\(a.name) at \(a.offset) with \(a.byteCount) bytes is not an aligned part of the arena of \(arenaBytes) bytes")
      for b in allocations[..<index] where a.steps.overlaps(b.steps) {
        try require(
          a.offset + a.byteCount <= b.offset || b.offset + b.byteCount <= a.offset, "memory.C2",
          "\(a.name) and \(b.name) are in use at one time and share bytes")
      }
    }
  }
}
