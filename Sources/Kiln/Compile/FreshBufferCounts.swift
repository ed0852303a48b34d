import Synchronization

/// Counts why the tensors of an update's state got fresh buffers: an addition for each, without a lock.
// @unchecked: the counters are atomic, and their memory stays where it is.
final class FreshBufferCounts: @unchecked Sendable {
  private static let reasons = CompilationReport.FreshBufferReason.allCases
  private let names: [String]
  let first: UnsafeMutablePointer<Atomic<Int>>

  /// - Parameter names: those of the state's tensors, below `state`.
  init(_ names: ArraySlice<String>) {
    let prefix = "state."
    self.names = names.map { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.utf8.count)) : $0 }
    let count = names.count * Self.reasons.count
    first = .allocate(capacity: max(count, 1))
    for place in 0..<count { (first + place).initialize(to: Atomic(0)) }
  }

  deinit { first.deinitialize(count: names.count * Self.reasons.count).deallocate() }

  static func place(_ tensor: Int, _ reason: CompilationReport.FreshBufferReason) -> Int {
    switch reason {
    case .shared: tensor * 3
    case .view: tensor * 3 + 1
    case .moved: tensor * 3 + 2
    }
  }

  func add(to total: inout CompilationReport.FreshBuffers) {
    for (tensor, name) in names.enumerated() {
      for reason in Self.reasons {
        let count = first[Self.place(tensor, reason)].load(ordering: .relaxed)
        if count > 0 { total[reason, default: [:]][name, default: 0] += count }
      }
    }
  }
}
