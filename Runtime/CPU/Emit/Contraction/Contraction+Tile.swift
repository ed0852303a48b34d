import KilnIR
import KilnRuntime

/// The register tile (Numerics.md D1): for each block of 512 terms, rows × columns chains of fused multiply-adds in
/// registers, then the streaming form of Tree16 in scratch.
extension KernelEmitter {
  /// A function that computes `rows` rows of a tile and runs the epilogue on them.
  ///
  /// Its parameters: begin is the number of the first row within the row block, end the first column, then the record
  /// of the row block and the pointer to the right operand's column panel.
  func tile(
    _ c: TiledContraction, rows: Int, tree: TreeFunctions, stream: LLVMFunction?, epilogue: LLVMFunction
  ) throws(RuntimeError) -> LLVMFunction {
    try subfunction("tile\(rows)", [module.pointer, module.pointer]) { () throws(RuntimeError) in
      let record = function.parameters[6]
      let right = function.parameters[7]
      let rowBytes = c.schedule.packsLeft ? module.index(c.elementBytes) : bytes(c.left.row, c.left.dtype)
      let left = moved(module.load(module.pointer, record, alignment: 8), multiply(begin, rowBytes))
      let masks = rightMasks(c)
      let terms = product(of: c.inner)
      let sumBlocks: () throws(RuntimeError) -> Void = { () throws(RuntimeError) in
        try self.sumBlocks(
          c, rows: rows, terms: terms, left: left, rowBytes: rowBytes, right: right, masks: masks, tree, stream: stream)
      }
      if let known = c.knownTerms, known > 0 {
        try sumBlocks()
      } else {
        try either(module.compare(.sgt, terms, module.index(0)), sumBlocks) {
          storeTile(
            c, [LLVMValue](repeating: module.zero(registerType(c.dtype, c.lanes)), count: rows * c.columnVectors),
            at: scratch)
        }
      }
      callSubfunction(epilogue, begin: begin, end: end, [record, module.index(rows)])
    }
  }

  /// One block of terms after the other; the sum ends up in level 0.
  private func sumBlocks(
    _ c: TiledContraction, rows: Int, terms: LLVMValue, left: LLVMValue, rowBytes: LLVMValue, right: LLVMValue,
    masks: [LLVMValue]?, _ tree: TreeFunctions, stream: LLVMFunction?
  ) throws(RuntimeError) {
    let blockTerms = module.index(KernelDefinition.contractionBlock)
    let blocks = ceilDivide(terms, KernelDefinition.contractionBlock)
    let zero = module.zero(registerType(c.dtype, c.lanes))
    let isFlat = c.schedule.packsLeft && c.schedule.packsRight
    _ = try loop(from: module.index(0), to: blocks) { block, _ throws(RuntimeError) in
      let first = multiply(block, blockTerms)
      let count = smaller(blockTerms, difference(terms, first))
      let zeros = [LLVMValue](repeating: zero, count: rows * c.columnVectors)
      let sums = try forRuns(c.inner, from: first, count: count, isFlat: isFlat, carrying: zeros) {
        term, coordinates, count, sums throws(RuntimeError) in
        let l = moved(
          left,
          c.schedule.packsLeft
            ? multiply(term, module.index(c.tileRows * c.elementBytes)) : termBytes(c.left, coordinates))
        let r = moved(
          right,
          c.schedule.packsRight
            ? multiply(term, module.index(c.tileColumns * c.elementBytes)) : termBytes(c.right, coordinates))
        guard let stream else {
          return multiplyAdd(c, rows: rows, left: l, rowBytes: rowBytes, right: r, masks: masks, count: count, sums)
        }
        return try multiplyAddStreamed(c, rows: rows, left: l, rowBytes: rowBytes, right: r, count: count, sums, stream)
      }
      try push(c, sums, block: block, tree)
      return []
    }
    if let fold = tree.fold {
      _ = try branch(if: module.compare(.sgt, blocks, module.index(16))) { () throws(RuntimeError) in
        callSubfunction(fold, begin: module.index(0), end: blocks, [])
        return []
      }
    }
  }

  /// `multiplyAdd` part by part, each packed in scratch before it is used.
  private func multiplyAddStreamed(
    _ c: TiledContraction, rows: Int, left: LLVMValue, rowBytes: LLVMValue, right: LLVMValue, count: LLVMValue,
    _ sums: [LLVMValue], _ stream: LLVMFunction
  ) throws(RuntimeError) -> [LLVMValue] {
    let columns = c.columnAxis.map { value(kernel.outer[$0]) } ?? module.index(1)
    let present = smaller(module.index(c.tileColumns), difference(columns, end))
    let part = moved(scratch, module.index(c.scratch.streamOffset))
    let rightBytes = bytes(c.right.inner.last ?? .constant(0), c.right.dtype)
    return try loop(
      from: module.index(0), to: count, step: c.schedule.streamedTerms, carrying: sums
    ) { first, sums in
      let length = smaller(module.index(c.schedule.streamedTerms), difference(count, first))
      callSubfunction(stream, begin: present, end: length, [moved(right, multiply(first, rightBytes)), part])
      let l = moved(left, multiply(first, leftStep(c)))
      return multiplyAdd(c, rows: rows, left: l, rowBytes: rowBytes, right: part, masks: nil, count: length, sums)
    }
  }

  /// Bytes from term to term of the left operand.
  private func leftStep(_ c: TiledContraction) -> LLVMValue {
    c.schedule.packsLeft
      ? module.index(c.tileRows * c.elementBytes) : bytes(c.left.inner.last ?? .constant(0), c.left.dtype)
  }

  /// The innermost loop: `count` terms, each a broadcast element of every row times a row of the right operand.
  private func multiplyAdd(
    _ c: TiledContraction, rows: Int, left: LLVMValue, rowBytes: LLVMValue, right: LLVMValue, masks: [LLVMValue]?,
    count: LLVMValue, _ sums: [LLVMValue]
  ) -> [LLVMValue] {
    let step = leftStep(c)
    let rightStep =
      c.readsPackedRight
      ? module.index(c.tileColumns * c.elementBytes) : bytes(c.right.inner.last ?? .constant(0), c.right.dtype)
    // Three rows share a pointer: addresses then take one register each and the row stride once or twice.
    let isFixed = c.schedule.packsLeft || c.left.row.isConstant
    let rowsPerPointer = isFixed ? rows : 3
    let twice = add(rowBytes, rowBytes)
    let pointers = stride(from: 0, to: rows, by: rowsPerPointer).map {
      moved(left, multiply(rowBytes, module.index($0)))
    }
    let type = c.schedule.packsLeft ? c.dtype : c.left.dtype
    let results = countedLoop(count, carrying: sums + pointers + [right]) { carried in
      let rightPointer = carried[carried.count - 1]
      let columns = (0..<c.columnVectors).map { rightVector(c, rightPointer, $0, masks) }
      var next: [LLVMValue] = []
      for row in 0..<rows {
        var pointer = carried[sums.count + row / rowsPerPointer]
        if isFixed {
          pointer = moved(pointer, multiply(rowBytes, module.index(row)))
        } else if row % 3 > 0 {
          pointer = moved(pointer, row % 3 == 1 ? rowBytes : twice)
        }
        let element = module.load(memoryType(type), pointer, alignment: type.byteCount)
        let spread = module.broadcast(convert(element, from: type, to: c.dtype, 1), c.lanes)
        for column in 0..<c.columnVectors {
          next.append(multiplyAdd(c, spread, columns[column], carried[row * c.columnVectors + column]))
        }
      }
      return next + pointers.indices.map { moved(carried[sums.count + $0], step) } + [moved(rightPointer, rightStep)]
    }
    return Array(results[..<sums.count])
  }

  private func multiplyAdd(_ c: TiledContraction, _ a: LLVMValue, _ b: LLVMValue, _ sum: LLVMValue) -> LLVMValue {
    guard c.dtype.isReal else { return add(sum, multiply(a, b)) }
    return module.intrinsic("llvm.fma", [module.type(of: sum)], [a, b, sum])
  }

  // MARK: - The right operand

  /// The columns that exist, for each vector of a row; nil if the right operand may be read beyond them.
  private func rightMasks(_ c: TiledContraction) -> [LLVMValue]? {
    if c.readsPackedRight { return nil }
    guard let axis = c.columnAxis else {
      return (0..<c.columnVectors).map { mask(count: module.index($0 == 0 ? 1 : 0), c.lanes) }
    }
    if case .constant(let columns) = kernel.outer[axis], columns.isMultiple(of: c.tileColumns) { return nil }
    let rest = smaller(difference(value(kernel.outer[axis]), end), module.index(c.tileColumns))
    return (0..<c.columnVectors).map { mask(count: difference(rest, module.index($0 * c.lanes)), c.lanes) }
  }

  private func rightVector(_ c: TiledContraction, _ pointer: LLVMValue, _ number: Int, _ masks: [LLVMValue]?)
    -> LLVMValue
  {
    let first = number * c.lanes
    if c.readsPackedRight {
      let at = module.offset(pointer, module.index(first), of: registerType(c.dtype))
      return module.load(registerType(c.dtype, c.lanes), at, alignment: c.elementBytes)
    }
    var place = LanePlace(lanes: .consecutive)
    if c.right.column == .constant(1) {
      place.displacement = first
    } else {
      let numbers = module.binary(.add, iota(module.int64, c.lanes), module.splat(module.index(first), c.lanes))
      place.lanes = .scattered(multiply(numbers, module.broadcast(value(c.right.column), c.lanes)))
    }
    let at = module.offset(pointer, module.index(place.displacement), of: memoryType(c.right.dtype))
    let loaded = load(c.right.dtype, at, place, c.lanes, mask: masks?[number])
    return convert(loaded, from: c.right.dtype, to: c.dtype, c.lanes)
  }

  // MARK: - Tree16

  /// Adds a block's values to the running sums of the current group of 16 blocks (Numerics.md R1), which are level 0.
  private func push(_ c: TiledContraction, _ sums: [LLVMValue], block: LLVMValue, _ tree: TreeFunctions)
    throws(RuntimeError)
  {
    guard let accumulate = tree.accumulate else { return storeTile(c, sums, at: scratch) }
    let fifteen = module.index(15)
    let number = module.binary(.and, block, fifteen)
    let isFirst = module.compare(.eq, number, module.index(0))
    storeTile(c, sums, at: module.select(isFirst, scratch, level(c, module.index(ContractionSchedule.levels))))
    let after = add(block, module.index(1))
    _ = try branch(if: module.compare(.ne, number, module.index(0))) { () throws(RuntimeError) in
      callSubfunction(accumulate, begin: module.index(0), end: after, [])
      return []
    }
    guard let carry = tree.carry else { return }
    _ = try branch(if: module.compare(.eq, number, fifteen)) { () throws(RuntimeError) in
      callSubfunction(carry, begin: module.index(0), end: after, [])
      return []
    }
  }

  private func storeTile(_ c: TiledContraction, _ values: [LLVMValue], at start: LLVMValue) {
    for (index, value) in values.enumerated() {
      let place = module.offset(start, module.index(index * c.lanes), of: registerType(c.dtype))
      module.store(value, place, alignment: c.elementBytes)
    }
  }
}

/// The functions of Tree16 that the tiles of all heights call; nil where there are too few terms for them.
struct TreeFunctions {
  let accumulate: LLVMFunction?
  let carry: LLVMFunction?
  let fold: LLVMFunction?
}

extension KernelInteger {
  var isConstant: Bool {
    switch self {
    case .constant: true
    case .argument: false
    }
  }
}
