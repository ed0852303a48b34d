import KilnIR

/// The numbers of sizes at a call, each form computed once.
struct SizeValues {
  /// The numbers of the names.
  private let sizes: [String: Int]
  private var known: [Dimension: Int] = [:]

  init(_ sizes: [String: Int]) { self.sizes = sizes }

  mutating func number(_ size: Dimension) -> Int {
    if let number = size.size { return number }
    if let number = known[size] { return number }
    let number = size.bound(to: sizes).staticSize
    known[size] = number
    return number
  }

  mutating func type(_ type: TensorType) -> TensorType {
    guard type.shape.isSymbolic else { return type }
    return TensorType(type.dtype, Shape(type.shape.map { number($0) }))
  }

  /// The nodes without launches that write nothing and loops without a turn.
  mutating func withoutIdleNodes(_ nodes: [RegionNode]) -> [RegionNode] {
    var kept: [RegionNode] = []
    for node in nodes {
      switch node {
      case .launch(let launch): if !isIdle(launch) { kept.append(node) }
      case .loop(let loop, let condition, let body, let predicate):
        kept.append(
          .loop(
            number: loop, condition: withoutIdleNodes(condition), body: withoutIdleNodes(body), predicate: predicate))
      case .branch(let regions, let selector):
        kept.append(.branch(regions.map { withoutIdleNodes($0) }, selector: selector))
      case .repeat(let loop, let count, let isReversed, let body):
        if number(count) == 0 { continue }
        kept.append(.repeat(number: loop, count: count, isReversed: isReversed, body: withoutIdleNodes(body)))
      }
    }
    return kept
  }

  private mutating func isIdle(_ launch: RegionLaunch) -> Bool {
    let draft = launch.draft
    return draft.kernel.outer.indices.contains { number(draft.size(of: draft.kernel.outer[$0])) == 0 }
  }
}
