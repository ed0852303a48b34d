import KilnIR

/// The arguments of a kernel beside its buffers.
struct KernelSignature: Hashable {
  var readsIntegers: Bool
  var hasScratch: Bool
  var hasStatus: Bool
  var hasZero: Bool

  init(_ kernel: KernelDefinition, _ mapping: WorkMapping, _ style: CLStyle) {
    readsIntegers = style.readsIntegers && kernel.integerCount > 0
    hasZero = style.correctsProducts
    hasStatus = kernel.checksBounds
    switch mapping {
    case .points, .rowGroups: hasScratch = !kernel.scratchRows.isEmpty
    case .split, .splitDot, .sortGroups: hasScratch = true
    case .columnGroups, .tiles, .registerTiles: hasScratch = false
    }
  }

  /// Bytes of all arguments if the integers are arguments.
  static func byteCount(_ kernel: KernelDefinition, isWide: Bool) -> Int {
    kernel.buffers.count * 16 + kernel.integerCount * (isWide ? 8 : 4) + 24
  }

  /// The most buffers whose arguments fit `parameterBytes` when the integers are read from a buffer of their own.
  static func maximumBuffers(parameterBytes: Int) -> Int { (parameterBytes - 24) / 16 - 1 }
}

extension KernelDefinition {
  /// Whether every element index and count fits 32 bits with room for rounding up.
  func fits32Bits(_ integers: [Int]) -> Bool {
    let limit = 1 << 30
    let extents = outer.map { $0.value(integers) }
    guard extents.reduce(1, *) < limit else { return false }
    func reach(_ index: AffineIndex, _ extents: [Int]) -> Int {
      zip(index.strides, extents).reduce(abs(index.offset.value(integers))) {
        $0 + abs($1.0.value(integers)) * max($1.1 - 1, 0)
      }
    }
    for stage in stages {
      let inner = stage.inner.map { $0.value(integers) }
      guard inner.reduce(1, *) < limit else { return false }
      for index in stage.affineIndices where reach(index, extents + inner) >= limit { return false }
      for access in stage.accesses {
        let more = access.data.reduce(0) { $0 + abs($1.stride.value(integers)) * $1.extent.value(integers) }
        if reach(access.index, extents + inner) + more >= limit { return false }
      }
    }
    return true
  }
}

extension WorkMapping {
  /// The attribute by which a compiler keeps to the registers that a group of this size may have.
  func requiredGroup(phase: Int) -> String {
    let size: (Int, Int)
    switch self {
    case .columnGroups: size = (32, 8)
    case .split: size = phase == 0 ? (32, 8) : (0, 0)
    case .tiles(let tile): size = (tile.groupColumns, tile.groupRows)
    case .points, .rowGroups, .sortGroups, .splitDot, .registerTiles: size = (0, 0)
    }
    return size.0 == 0 ? "" : "__attribute__((reqd_work_group_size(\(size.0), \(size.1), 1))) "
  }
}
