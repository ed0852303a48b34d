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
        switch effect {
        case .store(let buffer, let index, _) where buffer == written,
          .scanReduce(_, _, let buffer, let index) where buffer == written:
          guard stored == nil else { return false }
          stored = (number, index.values(integers))
        case .scatter(let buffer, _, _, _, _, _) where buffer == written: return false
        case .argSort(_, let buffer, _) where buffer == written: return false
        case .store, .scatter, .storeScratch, .reduce, .argReduce, .dot, .scanReduce, .argSort: break
        }
      }
    }
    guard let stored else { return false }
    for (number, stage) in stages.enumerated() {
      for instruction in stage.body {
        switch instruction {
        case .load(let buffer, let index) where buffer == read:
          guard number <= stored.stage, index.values(integers) == stored.place else { return false }
        case .gather(let buffer, _, _, _) where buffer == read: return false
        case .load, .gather, .constant, .operation, .index, .loadScratch, .reduced: break
        }
      }
    }
    return true
  }
}

extension AffineIndex {
  /// The offset and the strides of a launch.
  fileprivate func values(_ integers: [Int]) -> [Int] { ([offset] + strides).map { $0.value(integers) } }
}
