import KilnIR

/// The order of a function's launches and control ops, and which results may be written over a parameter.
struct LaunchOrder {
  /// A result that is to be written over a parameter.
  struct Wish {
    /// Names the wish.
    var number: Int
    var parameter: ValueID
    var result: ValueID
  }

  private(set) var items: [RegionItem]
  /// The numbers of the wishes that hold.
  private(set) var granted: Set<Int> = []

  init(_ items: [RegionItem], wishes: [Wish]) {
    self.items = items
    guard !wishes.isEmpty else { return }
    var before = Self.dependencies(items)
    for wish in wishes {
      let writers = items.indices.filter { items[$0].outputs.contains(wish.result) }
      let both = writers.filter { items[$0].inputs.contains(wish.parameter) }
      // Later writers follow the first: it alone may read what it overwrites.
      guard !writers.isEmpty, both.isEmpty || both == [writers[0]],
        both.allSatisfy({ items[$0].canOverwrite(wish.parameter, with: wish.result) })
      else { continue }
      let readers = items.indices.filter { !writers.contains($0) && items[$0].inputs.contains(wish.parameter) }
      // Whoever else reads the parameter must be able to run before it is overwritten.
      guard !readers.contains(where: { reader in writers.contains { Self.reaches(reader, from: $0, before) } }) else {
        continue
      }
      for writer in writers { before[writer].formUnion(readers) }
      granted.insert(wish.number)
    }
    self.items = Self.sorted(before).map { items[$0] }
  }

  /// For each item the earlier ones it must follow: those that write what it reads or writes.
  private static func dependencies(_ items: [RegionItem]) -> [Set<Int>] {
    var writers: [ValueID: [Int]] = [:]
    var before = Array(repeating: Set<Int>(), count: items.count)
    for (number, item) in items.enumerated() {
      let outputs = item.outputs
      for value in item.inputs + outputs { before[number].formUnion(writers[value] ?? []) }
      for value in outputs { writers[value, default: []].append(number) }
    }
    return before
  }

  /// Whether item `target` must follow item `source`.
  private static func reaches(_ target: Int, from source: Int, _ before: [Set<Int>]) -> Bool {
    var (stack, seen) = ([target], Set<Int>())
    while let item = stack.popLast() {
      if item == source { return true }
      if seen.insert(item).inserted { stack.append(contentsOf: before[item]) }
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
