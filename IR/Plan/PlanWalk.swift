/// What runs the launches of a plan: an interpreter, a processor, the queue of a device.
package protocol PlanMachine {
  associatedtype Failure: Error

  /// Runs a launch, by its number among the launches.
  mutating func launch(_ number: Int) throws(Failure)
  /// The `bool` in a slot, on which a loop depends.
  mutating func readPredicate(_ slot: Int) throws(Failure) -> Bool
  /// The `bool` or `i32` in a slot, which chooses a region.
  mutating func readSelector(_ slot: Int) throws(Failure) -> Int
  /// Elements of the repeat at `step` are its part number `part` from now on.
  mutating func begin(part: Int, ofStep step: Int) throws(Failure)
}

/// Walks the steps of a plan in the order in which they run, regions included.
package struct PlanWalk: Sendable {
  /// A step without what its launch alone needs: nothing is counted or copied between two launches.
  @usableFromInline
  enum Instruction: Sendable {
    case launch(Int)
    case loop(condition: Range<Int>, body: Range<Int>, predicate: Int)
    /// Which of `PlanWalk.regions`.
    case branch(Range<Int>, selector: Int)
    case `repeat`(count: Int, isReversed: Bool, body: Range<Int>)
  }

  /// By step, like the step behind each and its regions.
  @usableFromInline let instructions: [Instruction]
  @usableFromInline let ends: [Int]
  /// The regions of all branches.
  @usableFromInline let regions: [Range<Int>]
  /// Whether the plan is a straight line of launches.
  package let isStraight: Bool

  package init(_ plan: ExecutionPlan) {
    var (launches, regions) = (0, [Range<Int>]())
    instructions = plan.steps.map { step in
      switch step {
      case .launch:
        launches += 1
        return .launch(launches - 1)
      case .loop(let condition, let body, let predicate):
        return .loop(condition: condition, body: body, predicate: predicate)
      case .branch(let chosen, let selector):
        regions += chosen
        return .branch(regions.count - chosen.count..<regions.count, selector: selector)
      case .repeat(let count, let isReversed, let body):
        return .repeat(count: count, isReversed: isReversed, body: body)
      }
    }
    ends = plan.steps.indices.map { plan.end(ofStep: $0) }
    self.regions = regions
    isStraight = launches == plan.steps.count
  }

  /// Runs all steps on a machine. Inlinable, so that a back end's launches are called directly.
  @inlinable
  package func run<Machine: PlanMachine>(_ machine: inout Machine) throws(Machine.Failure) {
    try run(0..<instructions.count, &machine)
  }

  @inlinable
  func run<Machine: PlanMachine>(_ range: Range<Int>, _ machine: inout Machine) throws(Machine.Failure) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch instructions[step] {
      case .launch(let number):
        try machine.launch(number)
      case .loop(let condition, let body, let predicate):
        try run(condition, &machine)
        while try machine.readPredicate(predicate) {
          try run(body, &machine)
          try run(condition, &machine)
        }
      case .branch(let choices, let selector):
        let chosen = try machine.readSelector(selector)
        if !choices.isEmpty {
          let number = chosen >= 0 && chosen < choices.count ? chosen : choices.count - 1
          try run(regions[choices.lowerBound + number], &machine)
        }
      case .repeat(let count, let isReversed, let body):
        for done in 0..<count {
          try machine.begin(part: isReversed ? count - 1 - done : done, ofStep: step)
          try run(body, &machine)
        }
      }
      step = ends[step]
    }
  }
}

/// Where the elements of a plan lie: each repeat has come to one of the equal parts of the slots that it divides.
package struct PlanTurns: Sendable {
  private struct Element {
    var whole: Int
    var step: Int
    var byteCount: Int
  }

  /// By slot; nil for slots that are not elements.
  private let elements: [Element?]
  /// The part that the repeat at each step has come to.
  private var parts: [Int]

  package init(_ plan: ExecutionPlan) {
    elements = plan.slots.map { slot in
      guard case .element(let whole, let step) = slot.place else { return nil }
      return Element(whole: whole, step: step, byteCount: slot.type.byteCount)
    }
    parts = Array(repeating: 0, count: plan.steps.count)
  }

  package mutating func begin(part: Int, ofStep step: Int) { parts[step] = part }

  /// Where a slot begins in its whole (`ExecutionPlan.wholeSlot`), in bytes: an element may be part of another one.
  package func offset(ofSlot slot: Int) -> Int {
    var (slot, offset) = (slot, 0)
    while let element = elements[slot] {
      offset += parts[element.step] * element.byteCount
      slot = element.whole
    }
    return offset
  }
}

extension ExecutionPlan {
  /// The number in a slot of one `bool` or `i32`, at `address`.
  package func choice(inSlot slot: Int, at address: UnsafeRawPointer) -> Int {
    slots[slot].type.dtype == .bool
      ? Int(address.load(as: UInt8.self)) : Int(address.loadUnaligned(as: Int32.self))
  }
}

extension ExecutionPlan.Launch {
  /// What is thrown for the status words that a launch leaves: the number of the site whose index was out of range, and
  /// the index; nil for 0, where every index was in range.
  package func error(site: Int, index: Int64) -> KilnError? {
    sites.indices.contains(site - 1) ? sites[site - 1].error(index: index) : nil
  }
}
