package import KilnIR

/// Walks the steps of a plan in the order in which they run, regions included.
package struct RegionWalker {
  private let plan: ExecutionPlan
  /// The number of the launch at each step.
  private let launchNumbers: [Int]

  package init(_ plan: ExecutionPlan) {
    self.plan = plan
    var next = 0
    launchNumbers = plan.steps.map { step in
      guard case .launch = step else { return -1 }
      next += 1
      return next - 1
    }
  }

  /// Whether the plan is a straight line of launches.
  package var isStraight: Bool { !launchNumbers.contains(-1) }

  /// Calls `launch` with the number of each launch that runs, until one returns false.
  package func run(_ memory: PlanMemory, launch: (Int) -> Bool) { _ = run(0..<plan.steps.count, memory, launch) }

  private func run(_ range: Range<Int>, _ memory: PlanMemory, _ launch: (Int) -> Bool) -> Bool {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch:
        guard launch(launchNumbers[step]) else { return false }
      case .loop(let condition, let body, let predicate):
        let flag = memory.address(predicate)
        guard run(condition, memory, launch) else { return false }
        while flag.load(as: UInt8.self) == 1 {
          guard run(body, memory, launch), run(condition, memory, launch) else { return false }
        }
      case .branch(let regions, let selector):
        let chosen = plan.region(chosenBy: selector, of: regions.count, at: memory.address(selector))
        guard run(regions[chosen], memory, launch) else { return false }
      case .repeat(let count, let isReversed, let body):
        for done in 0..<count {
          memory.begin(part: ExecutionPlan.part(after: done, of: count, isReversed: isReversed), ofStep: step)
          guard run(body, memory, launch) else { return false }
        }
      }
      step = plan.end(ofStep: step)
    }
    return true
  }
}
