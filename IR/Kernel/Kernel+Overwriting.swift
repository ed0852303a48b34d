extension Kernel {
  /// Whether a written buffer may share the memory of a read one in a launch with these integers: both have elements of one
  /// size, and every point reads its own element of it, no later than the stage that stores the result there.
  ///
  /// A launch may have the memory that it reads at several buffers; then this must hold for each of them.
  public func canOverwrite(read: Int, written: Int, _ integers: [Int]) -> Bool {
    guard buffers[read].dtype.byteCount == buffers[written].dtype.byteCount else { return false }
    var stored: (stage: Int, place: [Int])?
    for (number, stage) in stages.enumerated() {
      for effect in stage.effects {
        guard let access = effect.access, access.buffer == written else { continue }
        guard stored == nil, effect.storesInOrder else { return false }
        stored = (number, access.index.values(integers))
      }
    }
    guard let stored else { return false }
    for (number, stage) in stages.enumerated() {
      for access in stage.body.compactMap(\.access) where access.buffer == read {
        guard access.data.isEmpty, number <= stored.stage, access.index.values(integers) == stored.place else {
          return false
        }
      }
    }
    return true
  }
}

extension Effect {
  /// Whether each point stores the element of its own place, when it has read what it reads there.
  fileprivate var storesInOrder: Bool {
    switch self {
    case .store, .scanReduce: true
    case .scatter, .argSort, .storeScratch, .reduce, .argReduce, .dot: false
    }
  }
}

extension AffineIndex {
  /// The offset and the strides of a launch.
  fileprivate func values(_ integers: [Int]) -> [Int] { ([offset] + strides).map { $0.value(integers) } }
}
