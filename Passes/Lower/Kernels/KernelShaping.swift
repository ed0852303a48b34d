import KilnIR

/// Rewrites of a kernel that is being written which change neither what it computes nor in which order.
extension KernelDraft {
  /// Drops axes of one element and joins neighbours that every access walks as one.
  mutating func collapseAxes() {
    dropUnitAxes()
    collapseOuter()
    collapseInner()
  }

  private mutating func dropUnitAxes() {
    let keptOuter = kernel.outer.indices.filter { kernel.outer[$0] != .constant(1) }
    let outerCount = kernel.outer.count
    for stage in kernel.stages.indices {
      let inner = kernel.stages[stage].inner
      let keptInner = inner.indices.filter { inner[$0] != .constant(1) }
      // A stage with inner axes keeps one: its reductions are over elements, if only one of them.
      let kept = keptInner.isEmpty && !inner.isEmpty ? [inner.count - 1] : keptInner
      kernel.stages[stage].inner = kept.map { inner[$0] }
      kernel.stages[stage].mapStrides { strides in
        keptOuter.map { strides[$0] } + (strides.count > outerCount ? kept.map { strides[outerCount + $0] } : [])
      }
    }
    kernel.outer = keptOuter.map { kernel.outer[$0] }
  }

  private mutating func collapseOuter() {
    var axis = kernel.outer.count - 2
    while axis >= 0 {
      let size = kernel.outer[axis + 1].size
      if kernel.stages.allSatisfy({ $0.walksAsOne(axis, size) }) {
        for stage in kernel.stages.indices {
          kernel.stages[stage].mapStrides { strides in Self.removing(axis, strides) }
        }
        kernel.outer[axis + 1] = KernelInteger(kernel.outer[axis].size * size)
        kernel.outer.remove(at: axis)
      }
      axis -= 1
    }
  }

  /// Scratch rows are shared by stages, so these collapse together or not at all.
  private mutating func collapseInner() {
    let outerCount = kernel.outer.count
    let groups =
      kernel.scratchRows.isEmpty
      ? kernel.stages.indices.map { [$0] } : [kernel.stages.indices.filter { !kernel.stages[$0].inner.isEmpty }]
    for group in groups where !group.isEmpty {
      var axis = kernel.stages[group[0]].inner.count - 2
      while axis >= 0 {
        let size = kernel.stages[group[0]].inner[axis + 1].size
        if group.allSatisfy({ kernel.stages[$0].walksAsOne(outerCount + axis, size) }) {
          for stage in group {
            kernel.stages[stage].mapStrides { strides in Self.removing(outerCount + axis, strides) }
            let joined = kernel.stages[stage].inner[axis].size * size
            kernel.stages[stage].inner[axis + 1] = KernelInteger(joined)
            kernel.stages[stage].inner.remove(at: axis)
          }
        }
        axis -= 1
      }
    }
  }

  private static func removing(_ axis: Int, _ strides: [KernelInteger]) -> [KernelInteger] {
    var strides = strides
    strides.remove(at: axis)
    return strides
  }

  /// Puts the outer axes of a matrix product in the order of their roles, by the operand that moves along them. Where
  /// each channel is a product of its own, vectors run along the channels instead.
  mutating func orderContractionAxes() {
    guard var (lhs, rhs) = kernel.plainDot, !kernel.isChannelwiseDot else { return }
    func moves(_ access: BufferAccess, _ axis: Int) -> Bool { access.index.strides[axis] != .constant(0) }
    let outer = Array(kernel.outer.indices)
    if !outer.contains(where: { moves(rhs, $0) && !moves(lhs, $0) }) {
      // No columns: the rows take their place. Products commute.
      if let (left, right) = kernel.stages[0].effects[0].dot { kernel.stages[0].effects = [.reduce(.dot(left), right)] }
      swap(&lhs, &rhs)
    }
    let columns = outer.filter { moves(rhs, $0) && !moves(lhs, $0) }
    if columns.isEmpty { return }
    let rows = outer.filter { moves(lhs, $0) && !moves(rhs, $0) }
    let shared = outer.filter { !columns.contains($0) && !rows.contains($0) }
    permuteOuter(shared + rows.dropLast() + columns.dropLast() + rows.suffix(1) + columns.suffix(1))
    kernel.contraction = ContractionRoles(
      batchAxes: outer.count - min(rows.count, 1) - 1, rowAxes: min(rows.count, 1))
  }

  /// The outer axes in another order; `order[i]` is the old number of axis i.
  private mutating func permuteOuter(_ order: [Int]) {
    let count = kernel.outer.count
    kernel.outer = order.map { kernel.outer[$0] }
    for stage in kernel.stages.indices {
      kernel.stages[stage].mapStrides { strides in order.map { strides[$0] } + strides[count...] }
    }
  }
}

extension KernelDefinition.Stage {
  /// Whether every access makes one step along `axis` where the next axis, of `size` elements, makes `size` steps.
  func walksAsOne(_ axis: Int, _ size: Dimension) -> Bool {
    // An access without inner axes (in a stage that has none) still has all outer strides.
    affineIndices.filter { $0.strides.count > axis }.allSatisfy { index in
      index.strides.count > axis + 1
        && index.strides[axis].size == index.strides[axis + 1].size * size
    }
  }

  mutating func mapStrides(_ change: ([KernelInteger]) -> [KernelInteger]) {
    mapAccesses(
      affine: { AffineIndex(offset: $0.offset, strides: change($0.strides)) }, stride: { $0 }, extent: { $0 })
  }

  /// Rewrites every affine index, and the stride and extent of every access by data, in order.
  mutating func mapAccesses(
    affine: (AffineIndex) -> AffineIndex, stride: (KernelInteger) -> KernelInteger,
    extent: (KernelInteger) -> KernelInteger
  ) {
    func changed(_ data: DataIndex) -> DataIndex {
      DataIndex(data.value, stride: stride(data.stride), extent: extent(data.extent), site: data.site)
    }
    body = body.map { $0.rewritingIndices(affine: affine, data: changed) }
    effects = effects.map { $0.rewritingIndices(affine: affine, data: changed) }
  }
}
