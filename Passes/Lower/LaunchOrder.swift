import KilnIR

/// The order of launches, and which results may be written over a parameter.
struct LaunchOrder {
  private(set) var drafts: [KernelDraft]
  /// The wished donations that hold.
  private(set) var donations: [ExecutionPlan.Donation] = []

  /// - Parameter wishes: a parameter and the value that shall be written over it, for each donation.
  init(_ drafts: [KernelDraft], wishes: [(donation: ExecutionPlan.Donation, parameter: ValueID, result: ValueID)]) {
    self.drafts = drafts
    guard !wishes.isEmpty else { return }
    var before = Self.dependencies(drafts)
    for wish in wishes {
      let writers = drafts.indices.filter { drafts[$0].outputs.contains(wish.result) }
      guard writers.count == 1, let writer = writers.first else { continue }
      let readers = drafts.indices.filter { $0 != writer && drafts[$0].inputs.contains(wish.parameter) }
      if drafts[writer].inputs.contains(wish.parameter)
        && !drafts[writer].canOverwrite(wish.parameter, with: wish.result) {
        continue
      }
      // Whoever else reads the parameter must be able to run before it is overwritten.
      guard !readers.contains(where: { Self.reaches($0, from: writer, before) }) else { continue }
      for reader in readers { before[writer].insert(reader) }
      donations.append(wish.donation)
    }
    self.drafts = Self.sorted(before).map { drafts[$0] }
  }

  /// For each launch the earlier ones it must follow: those that write what it reads or writes.
  private static func dependencies(_ drafts: [KernelDraft]) -> [Set<Int>] {
    var writers: [ValueID: [Int]] = [:]
    var before = Array(repeating: Set<Int>(), count: drafts.count)
    for (number, draft) in drafts.enumerated() {
      for value in draft.inputs + draft.outputs { before[number].formUnion(writers[value] ?? []) }
      for value in draft.outputs { writers[value, default: []].append(number) }
    }
    return before
  }

  /// Whether launch `target` must follow launch `source`.
  private static func reaches(_ target: Int, from source: Int, _ before: [Set<Int>]) -> Bool {
    var (stack, seen) = ([target], Set<Int>())
    while let launch = stack.popLast() {
      if launch == source { return true }
      if seen.insert(launch).inserted { stack.append(contentsOf: before[launch]) }
    }
    return false
  }

  /// A topological order that keeps to the given one where it can.
  private static func sorted(_ before: [Set<Int>]) -> [Int] {
    var (order, done) = ([Int](), Array(repeating: false, count: before.count))
    while order.count < before.count {
      guard let next = before.indices.first(where: { !done[$0] && before[$0].allSatisfy { done[$0] } }) else {
        preconditionFailure("donation edges close no cycle")
      }
      done[next] = true
      order.append(next)
    }
    return order
  }
}

extension KernelDraft {
  /// Whether `result` may share the memory of `operand`: every point reads its own element of the operand, no later than
  /// the stage that stores the result there.
  func canOverwrite(_ operand: ValueID, with result: ValueID) -> Bool {
    guard let read = bindings.firstIndex(of: .value(operand)), let written = bindings.firstIndex(of: .value(result)),
      kernel.buffers[read].dtype.byteCount == kernel.buffers[written].dtype.byteCount
    else { return false }
    var stored: (stage: Int, index: AffineIndex)?
    for (number, stage) in kernel.stages.enumerated() {
      for effect in stage.effects {
        switch effect {
        case .store(let buffer, let index, _) where buffer == written:
          guard stored == nil else { return false }
          stored = (number, index)
        case .scatter(let buffer, _, _, _, _, _, _, _, _) where buffer == written: return false
        case .store, .scatter, .storeScratch, .reduce, .argReduce, .dot: break
        }
      }
    }
    guard let stored else { return false }
    for (number, stage) in kernel.stages.enumerated() {
      for instruction in stage.body {
        switch instruction {
        case .load(let buffer, let index) where buffer == read:
          guard number <= stored.stage, index == stored.index else { return false }
        case .gather(let buffer, _, _, _, _, _, _) where buffer == read: return false
        case .load, .gather, .constant, .operation, .index, .loadScratch, .reduced: break
        }
      }
    }
    return true
  }
}
