import KilnIR

/// Assigns arena offsets: requests by falling size, each at the lowest offset where nothing in use at the same time
/// lies (greedy by size; Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
enum MemoryPlanner {
  struct Request {
    var name: String
    var byteCount: Int
    var steps: ClosedRange<Int>
  }

  /// - Returns: the plan, with one allocation per request in the same order.
  static func plan(_ requests: [Request], inPlace: [MemoryPlan.Reuse] = []) -> MemoryPlan {
    let sizes = requests.map { roundUp($0.byteCount) }
    let order = requests.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    var offsets = Array(repeating: 0, count: requests.count)
    var placed: [Int] = []
    var arenaBytes = 0
    for index in order {
      // Neighbours in time, by offset; the first gap that is wide enough wins.
      let neighbours = placed.filter { requests[$0].steps.overlaps(requests[index].steps) }
        .sorted { offsets[$0] < offsets[$1] }
      var offset = 0
      for neighbour in neighbours {
        if offset + sizes[index] <= offsets[neighbour] { break }
        offset = max(offset, offsets[neighbour] + sizes[neighbour])
      }
      offsets[index] = offset
      arenaBytes = max(arenaBytes, offset + sizes[index])
      placed.append(index)
    }
    let allocations = requests.indices.map {
      MemoryPlan.Allocation(
        name: requests[$0].name, offset: offsets[$0], byteCount: sizes[$0], steps: requests[$0].steps)
    }
    return MemoryPlan(
      allocations: allocations, arenaBytes: arenaBytes, lowerBound: lowerBound(requests, sizes), inPlace: inPlace)
  }

  /// The most bytes that are in use at one step.
  private static func lowerBound(_ requests: [Request], _ sizes: [Int]) -> Int {
    var changes: [Int: Int] = [:]
    for (request, size) in zip(requests, sizes) {
      changes[request.steps.lowerBound, default: 0] += size
      changes[request.steps.upperBound + 1, default: 0] -= size
    }
    var (live, most) = (0, 0)
    for step in changes.keys.sorted() {
      live += changes[step, default: 0]
      most = max(most, live)
    }
    return most
  }

  private static func roundUp(_ bytes: Int) -> Int {
    ceilDivide(bytes, MemoryPlan.alignment) * MemoryPlan.alignment
  }
}
