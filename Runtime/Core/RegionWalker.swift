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

  /// Calls `launch` with the number of each launch that runs.
  package func run(_ memory: PlanMemory, launch: (Int) -> Void) { run(0..<plan.steps.count, memory, launch) }

  private func run(_ range: Range<Int>, _ memory: PlanMemory, _ launch: (Int) -> Void) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch:
        launch(launchNumbers[step])
        step += 1
      case .loop(let condition, let body, let predicate):
        let flag = memory.address(plan.slots[predicate])
        run(condition, memory, launch)
        while flag?.load(as: UInt8.self) == 1 {
          run(body, memory, launch)
          run(condition, memory, launch)
        }
        step = max(condition.upperBound, body.upperBound)
      case .branch(let regions, let selector):
        let chosen = memory.address(plan.slots[selector]).map { Int($0.load(as: Int32.self)) } ?? 0
        run(regions.indices.contains(chosen) ? regions[chosen] : regions[regions.count - 1], memory, launch)
        step = regions.map(\.upperBound).max() ?? step + 1
      }
    }
  }
}
