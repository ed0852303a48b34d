import KilnIR

/// What decides which work mappings a launch may have, and which of them are worth a try.
struct MappingFacts {
  let kernel: Kernel
  let integers: [Int]
  let limits: MappingLimits
  /// Points of the last outer axis, of the others together, and of all.
  let columns: Int
  let rows: Int
  var points: Int { columns * rows }
  /// Elements along the inner axes of stage 0.
  let inner: Int

  init(_ kernel: Kernel, _ integers: [Int], _ limits: MappingLimits) {
    self.kernel = kernel
    self.integers = integers
    self.limits = limits
    (columns, rows) = kernel.pointGrid(integers)
    inner = kernel.stages[0].innerCount(integers)
  }

  /// The second dimension of a grid has at most 65,535 groups on some devices.
  var needsStrides: Bool {
    !kernel.scratchRows.isEmpty || rows > (limits.isProcessor ? 1 << 20 : 1 << 15)
  }

  var sortsLines: Bool { kernel.sortKey != nil && !kernel.stages[0].inner.isEmpty }

  // MARK: - Reductions

  /// A launch whose elements work items of a group may share.
  struct Reduction {
    /// Blocks of R2 in stage 0.
    var blocks: Int
    /// Whether neighbours in memory lie along the last outer axis.
    var isColumn: Bool
    /// Whether block values may come from a phase of their own.
    var canSplit: Bool
    var canShareColumns: Bool
    var canShareRows: Bool
  }

  var reduction: Reduction? {
    let reduces = kernel.reductionCount > 0 || !kernel.scratchRows.isEmpty
    guard reduces, kernel.stages.allSatisfy(\.suitsGroups), limits.maximumWorkGroupSize >= 256 else { return nil }
    let blocks = (inner + Kernel.reductionBlock - 1) / Kernel.reductionBlock
    let isOneStage =
      kernel.scratchRows.isEmpty && kernel.stages[0].inner.count == 1
      && kernel.stages.dropFirst().allSatisfy { $0.inner.isEmpty }
    let isColumn = isOneStage && kernel.walksColumns(integers)
    let isFold = kernel.stages[0].effects.allSatisfy { if case .argReduce = $0 { false } else { true } }
    return Reduction(
      blocks: blocks, isColumn: isColumn,
      canSplit: isOneStage && isFold && blocks > 1 && points * blocks <= 1 << 15
        && (isColumn ? rows * blocks < 1 << 15 : points < 1 << 15),
      canShareColumns: isColumn && inner >= 8,
      canShareRows: !isColumn && inner >= 16 && kernel.stages.contains { !$0.inner.isEmpty })
  }

  // MARK: - Contractions

  /// A launch of one dot.
  struct Contraction {
    var batches: Int
    var rows: Int
    var columns: Int
    /// Blocks of D1, and the levels of Tree16 that they need.
    var blocks: Int
    var levels: Int
    var canTileRegisters: Bool
    /// The sizes of tiles through local memory, N outputs by N for each work item.
    var tileSizes: [Int]
    var canSplit: Bool
  }

  var contraction: Contraction? {
    guard kernel.stages[0].effects.count == 1, case .dot(let lhs, let rhs) = kernel.stages[0].effects[0],
      kernel.stages.dropFirst().allSatisfy({ $0.inner.isEmpty }), kernel.scratchRows.isEmpty
    else { return nil }
    let blocks = (inner + Kernel.contractionBlock - 1) / Kernel.contractionBlock
    var levels = 0
    var count = blocks
    while count > 1 {
      levels += 1
      count = (count + 15) / 16
    }
    let isFlat = kernel.stages[0].inner.count == 1
    var found = Contraction(
      batches: 1, rows: rows, columns: columns, blocks: blocks, levels: levels, canTileRegisters: false, tileSizes: [],
      canSplit: isFlat && blocks > 1 && rows * blocks < 1 << 15)
    let body = kernel.stages[0].body
    let readsMemory = [lhs, rhs].allSatisfy { if case .load = body[$0.index] { true } else { false } }
    guard case .contraction(let schedule) = kernel.schedule, readsMemory, !kernel.stages[0].inner.isEmpty,
      schedule.rowAxes == 1, levels <= 3,
      kernel.outer.count == schedule.batchAxes + schedule.rowAxes + 1
    else { return found }
    let shape = kernel.contractionShape(schedule, integers)
    (found.batches, found.rows, found.columns) = (shape.batches, shape.rows, shape.columns)
    found.canTileRegisters = shape.rows >= 2 && shape.columns >= 16 && kernel.readsRightRows
    if shape.rows >= 16, shape.columns >= 16, limits.maximumWorkGroupSize >= 256, limits.localMemoryBytes >= 24 << 10 {
      let isDouble = kernel.dtype(of: lhs, in: body) == .f64
      found.tileSizes = !isDouble && levels <= 1 ? [8, 4, 2] : [4, 2]
    }
    return found
  }
}

extension Kernel.Stage {
  /// Whether work items of a group may share the elements: no element waits for another, and none is a term of a dot.
  fileprivate var suitsGroups: Bool {
    effects.allSatisfy { effect in
      switch effect {
      case .dot, .scatter, .scanReduce, .argSort: false
      case .reduce, .argReduce: !inner.isEmpty
      case .store, .storeScratch: true
      }
    }
  }
}

extension Kernel {
  /// The dtype of the keys by which the kernel sorts lines.
  var sortKey: DType? {
    guard case .argSort(let key, _, _)? = stages.first?.effects.first else { return nil }
    return self.dtype(of: key, in: stages[0].body)
  }

  /// Whether neighbours along the columns are neighbours in memory in the right operand.
  fileprivate var readsRightRows: Bool {
    guard case .dot(_, let rhs)? = stages[0].effects.first, case .load(_, let index) = stages[0].body[rhs.index],
      let last = outer.indices.last
    else { return false }
    return index.strides[last] == .constant(1)
  }

  /// Whether neighbours along the last outer axis are neighbours in memory, and neighbours along the inner axis are not.
  fileprivate func walksColumns(_ integers: [Int]) -> Bool {
    guard let last = outer.indices.last else { return false }
    var (alongOuter, alongInner) = (0, 0)
    for case .load(_, let index) in stages[0].body {
      if index.strides[last].value(integers) == 1 { alongOuter += 1 }
      if index.strides.count > outer.count && index.strides[outer.count].value(integers) == 1 { alongInner += 1 }
    }
    return alongOuter > alongInner
  }
}
