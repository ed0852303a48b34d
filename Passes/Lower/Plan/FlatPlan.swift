import KilnIR

/// The tree of launches as steps in a row, and when each buffer is in use.
struct FlatPlan {
  enum Step {
    case launch(RegionLaunch)
    case loop(condition: Range<Int>, body: Range<Int>, predicate: BufferID)
    case branch([Range<Int>], selector: BufferID)
    case `repeat`(count: Dimension, isReversed: Bool, body: Range<Int>)
  }

  private(set) var steps: [Step] = []
  /// The loops around each step.
  private(set) var loops: [[Int]] = []
  /// The step of each loop, and the step behind it and its regions.
  private(set) var stepOfLoop: [Int: Int] = [:]
  private var endOfLoop: [Int: Int] = [:]
  /// From the first to the last step at which a buffer that is not an element is in use, as a whole or in parts.
  private(set) var lifetimes: EntityTable<BufferID, ClosedRange<Int>?>

  private let buffers: EntityTable<BufferID, PlanBuffer>

  /// - Parameter replaced: buffers that others stand for.
  init(_ nodes: [RegionNode], _ buffers: EntityTable<BufferID, PlanBuffer>) {
    self.buffers = buffers
    lifetimes = EntityTable(repeating: nil, count: buffers.count)
    append(nodes, [])
    for (step, element) in steps.enumerated() {
      switch element {
      case .launch(let launch): for buffer in launch.buffers { use(buffer, at: step, loops[step]) }
      case .loop(let condition, _, let predicate):
        // The host reads it when the condition is done, in every turn.
        let last = max(step, condition.upperBound - 1)
        use(predicate, at: last, loops[last])
      case .branch(_, let selector): use(selector, at: step, loops[step])
      case .repeat: break
      }
    }
  }

  private mutating func append(_ nodes: [RegionNode], _ around: [Int]) {
    for node in nodes {
      let step = steps.count
      loops.append(around)
      switch node {
      case .launch(let launch): steps.append(.launch(launch))
      case .loop(let number, let condition, let body, let predicate):
        steps.append(.loop(condition: 0..<0, body: 0..<0, predicate: predicate))
        stepOfLoop[number] = step
        append(condition, around + [number])
        let middle = steps.count
        append(body, around + [number])
        steps[step] = .loop(condition: step + 1..<middle, body: middle..<steps.count, predicate: predicate)
        endOfLoop[number] = steps.count
      case .branch(let regions, let selector):
        steps.append(.branch([], selector: selector))
        var ranges: [Range<Int>] = []
        for region in regions {
          let start = steps.count
          append(region, around)
          ranges.append(start..<steps.count)
        }
        steps[step] = .branch(ranges, selector: selector)
      case .repeat(let number, let count, let isReversed, let body):
        steps.append(.repeat(count: count, isReversed: isReversed, body: 0..<0))
        stepOfLoop[number] = step
        append(body, around + [number])
        steps[step] = .repeat(count: count, isReversed: isReversed, body: step + 1..<steps.count)
        endOfLoop[number] = steps.count
      }
    }
  }

  /// Launches that follow one another in one region.
  var launchRuns: [Range<Int>] {
    var runs: [Range<Int>] = []
    func walk(_ range: Range<Int>) {
      var (step, start) = (range.lowerBound, range.lowerBound)
      while step < range.upperBound {
        let regions: [Range<Int>]
        switch steps[step] {
        case .launch:
          step += 1
          continue
        case .loop(let condition, let body, _): regions = [condition, body]
        case .branch(let choices, _): regions = choices
        case .repeat(_, _, let body): regions = [body]
        }
        if start < step { runs.append(start..<step) }
        for region in regions { walk(region) }
        step = regions.last?.upperBound ?? step + 1
        start = step
      }
      if start < step { runs.append(start..<step) }
    }
    walk(0..<steps.count)
    return runs
  }

  /// What a chain touches is in use as long as it runs, but for what lies in its blocks.
  mutating func extendLifetimes(over chain: ChainChoice.Chain) {
    for buffer in chain.others {
      guard let known = lifetimes[buffer] else { continue }
      lifetimes[buffer] =
        min(known.lowerBound, chain.chain.steps.lowerBound)...max(known.upperBound, chain.chain.steps.upperBound - 1)
    }
  }

  /// The buffer that an element is a part of; itself for others.
  func whole(_ buffer: BufferID) -> BufferID {
    var buffer = buffer
    while case .element(let whole, _) = buffers[buffer].place { buffer = whole }
    return buffer
  }

  private mutating func use(_ buffer: BufferID, at step: Int, _ around: [Int]) {
    let whole = whole(buffer)
    var range = step...step
    let depth = buffers[whole].loops.count
    // What one turn leaves to the next, or all turns read, lives as long as the loop.
    if around.count > depth, let first = stepOfLoop[around[depth]], let end = endOfLoop[around[depth]] {
      range = first...end - 1
    }
    let known = lifetimes[whole] ?? range
    lifetimes[whole] = min(known.lowerBound, range.lowerBound)...max(known.upperBound, range.upperBound)
  }
}

// MARK: - Moves

extension FlatPlan {
  /// Buffers that can be one with the buffer to which a move brings their value: nothing uses the one after the move,
  /// nor the other before it.
  func replacedBuffers(keeping kept: Set<BufferID>) -> [BufferID: BufferID] {
    var replaced: [BufferID: BufferID] = [:]
    for (step, element) in steps.enumerated() {
      guard case .launch(let launch) = element, launch.isMove else { continue }
      let (source, target) = (launch.buffers[0], launch.buffers[1])
      guard case .local = buffers[source].place, buffers[source].loops == loops[step],
        buffers[target].loops == loops[step], !kept.contains(target), replaced[source] == nil,
        lifetimes[source]?.upperBound == step, lifetimes[target]?.lowerBound == step
      else { continue }
      switch buffers[target].place {
      case .local, .result: replaced[source] = target
      case .parameter, .constant, .element: continue
      }
    }
    return replaced
  }
}

extension [RegionNode] {
  /// Whether there is a move, and so perhaps a buffer that another can stand for.
  var haveMoves: Bool {
    contains { node in
      switch node {
      case .launch(let launch): launch.isMove
      case .loop(_, let condition, let body, _): condition.haveMoves || body.haveMoves
      case .branch(let regions, _): regions.contains { $0.haveMoves }
      case .repeat(_, _, _, let body): body.haveMoves
      }
    }
  }

  /// The nodes with some buffers replaced, and without the moves that this makes idle.
  func replacing(_ replaced: [BufferID: BufferID]) -> [RegionNode] {
    func new(_ buffer: BufferID) -> BufferID {
      var buffer = buffer
      while let other = replaced[buffer] { buffer = other }
      return buffer
    }
    return compactMap { node in
      switch node {
      case .launch(var launch):
        launch.buffers = launch.buffers.map(new)
        return launch.isMove && launch.buffers[0] == launch.buffers[1] ? nil : .launch(launch)
      case .loop(let number, let condition, let body, let predicate):
        return .loop(
          number: number, condition: condition.replacing(replaced), body: body.replacing(replaced),
          predicate: new(predicate))
      case .branch(let regions, let selector):
        return .branch(regions.map { $0.replacing(replaced) }, selector: new(selector))
      case .repeat(let number, let count, let isReversed, let body):
        return .repeat(number: number, count: count, isReversed: isReversed, body: body.replacing(replaced))
      }
    }
  }
}
