/// Blocks of memory that wait for their next use, by size class, and which of them to give up.
///
/// A block is given up where the lists pass their limit, those of the size that was used least recently first; and
/// where in thousands of returns there never was a need for it.
package struct FreeLists<Block: Sendable>: Sendable {
  private struct List: Sendable {
    /// The last one that came back is taken first; the first ones are the least needed.
    var blocks: [Block] = []
    var capacity = 0
    /// The fewest blocks that were in the list since the last sweep: so many were not needed.
    var surplus = 0
    var lastUse = 0

    // One access to the list for each block: every one of them asks whether its array is shared.
    mutating func take() -> Block? {
      guard let block = blocks.popLast() else { return nil }
      if blocks.count < surplus { surplus = blocks.count }
      return block
    }

    mutating func give(back block: Block, _ sizeClass: SizeClass, at time: Int) {
      blocks.append(block)
      capacity = sizeClass.capacity
      lastUse = time
    }
  }

  /// How many blocks come back between two sweeps.
  private static var sweepInterval: Int { 4096 }

  /// The most bytes kept.
  package private(set) var limit: Int
  package private(set) var byteCount = 0
  private var lists = [List](repeating: List(), count: SizeClass.count)
  private var clock = 0

  package init(limit: Int) { self.limit = limit }

  package mutating func take(_ sizeClass: SizeClass) -> Block? {
    guard let block = lists[sizeClass.index].take() else { return nil }
    byteCount -= sizeClass.capacity
    return block
  }

  /// Takes a block back.
  /// - Returns: the blocks to be returned to the system in exchange; this one may be among them.
  package mutating func give(back block: Block, _ sizeClass: SizeClass) -> [Block] {
    clock += 1
    lists[sizeClass.index].give(back: block, sizeClass, at: clock)
    byteCount += sizeClass.capacity
    if byteCount > limit { return shrink() }
    return clock % Self.sweepInterval == 0 ? sweep() : []
  }

  /// Lets the lists keep so many bytes more, or fewer if negative.
  /// - Returns: the blocks that are to be returned to the system.
  package mutating func raiseLimit(by byteCount: Int) -> [Block] {
    limit += byteCount
    return shrink()
  }

  /// Gives up every block.
  package mutating func removeAll() -> [Block] {
    let blocks = lists.flatMap(\.blocks)
    lists = Array(repeating: List(), count: SizeClass.count)
    byteCount = 0
    return blocks
  }

  private mutating func shrink() -> [Block] {
    var dropped: [Block] = []
    while byteCount > limit,
      let oldest = lists.indices.filter({ !lists[$0].blocks.isEmpty }).min(by: { lists[$0].lastUse < lists[$1].lastUse }
      )
    {
      let excess = (byteCount - limit + lists[oldest].capacity - 1) / lists[oldest].capacity
      dropped += drop(min(excess, lists[oldest].blocks.count), from: oldest)
    }
    return dropped
  }

  private mutating func sweep() -> [Block] {
    var dropped: [Block] = []
    for index in lists.indices {
      dropped += drop(lists[index].surplus, from: index)
      lists[index].surplus = lists[index].blocks.count
    }
    return dropped
  }

  private mutating func drop(_ count: Int, from index: Int) -> [Block] {
    if count == 0 { return [] }
    let dropped = Array(lists[index].blocks.prefix(count))
    lists[index].blocks.removeFirst(count)
    lists[index].surplus = min(lists[index].surplus, lists[index].blocks.count)
    byteCount -= count * lists[index].capacity
    return dropped
  }
}
