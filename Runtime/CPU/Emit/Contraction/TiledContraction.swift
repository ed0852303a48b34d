import KilnIR
import KilnRuntime

/// An operand of a dot: its index taken apart by the roles of the axes.
struct ContractionOperand {
  let buffer: Int
  /// The element type in memory; the dot converts it on the way.
  let dtype: DType
  let offset: KernelInteger
  let batch: [KernelInteger]
  let row: KernelInteger
  let column: KernelInteger
  let inner: [KernelInteger]
}

/// What the functions of one contraction share: the operands and the shape of the register tile.
struct TiledContraction {
  let schedule: ContractionSchedule
  let roles: ContractionRoles
  /// Where the parts of the scratch lie.
  let scratch: ContractionSchedule.Scratch
  let left: ContractionOperand
  let right: ContractionOperand
  /// The element type of products and sums.
  let dtype: DType
  /// Elements of a vector register; a row of the tile is `columnVectors` of them.
  let lanes: Int
  let inner: [KernelInteger]
  /// The axes of the output; nil where the kernel has none.
  let rowAxis: Int?
  let columnAxis: Int?
  /// Whether every batch has a right operand of its own.
  let rightVaries: Bool

  var tileRows: Int { schedule.tileRows }
  var tileColumns: Int { schedule.tileColumns }
  var columnVectors: Int { tileColumns / lanes }
  var elementBytes: Int { dtype.byteCount }
  /// Whether the tile reads the right operand in the form that packing gives it.
  var readsPackedRight: Bool { schedule.packsRight || schedule.streamsRight }

  /// The number of terms if it is part of the code.
  var knownTerms: Int? {
    inner.reduce(1) { product, extent in
      guard let product, case .constant(let size) = extent else { return nil }
      return product * size
    }
  }

  var mayExceedOneBlock: Bool { knownTerms.map { $0 > KernelDefinition.contractionBlock } ?? true }
  /// Whether there can be more than the 16 blocks of one group.
  var mayExceedOneLevel: Bool { knownTerms.map { $0 > 16 * KernelDefinition.contractionBlock } ?? true }

  init(_ contraction: Contraction, _ kernel: KernelDefinition, _ schedule: ContractionSchedule, vectorBytes: Int) {
    self.schedule = schedule
    roles = contraction.roles
    scratch = schedule.scratch(batchAxes: roles.batchAxes)
    left = ContractionOperand(contraction.left, kernel, roles)
    right = ContractionOperand(contraction.right, kernel, roles)
    dtype = contraction.dtype
    inner = contraction.terms
    rowAxis = roles.rowAxes > 0 ? roles.batchAxes : nil
    columnAxis = roles.columnAxis < kernel.outer.count ? roles.columnAxis : nil
    rightVaries = !contraction.sharesRight
    var lanes = max(1, vectorBytes / dtype.byteCount)
    while !schedule.tileColumns.isMultiple(of: lanes) { lanes /= 2 }
    self.lanes = lanes
  }
}

extension ContractionOperand {
  init(_ access: BufferAccess, _ kernel: KernelDefinition, _ roles: ContractionRoles) {
    let strides = access.index.strides
    buffer = access.buffer
    dtype = kernel.buffers[access.buffer].dtype
    offset = access.index.offset
    batch = Array(strides[..<roles.batchAxes])
    row = roles.rowAxes > 0 ? strides[roles.batchAxes] : .constant(0)
    column = roles.columnAxis < kernel.outer.count ? strides[roles.columnAxis] : .constant(0)
    inner = Array(strides[kernel.outer.count...])
  }
}

extension KernelEmitter {
  /// Emits a phase of a contraction into the function under construction: the packing of the right operand, or the
  /// tiles.
  func emitContraction(_ schedule: ContractionSchedule, phase: Int) throws(RuntimeError) {
    guard let found = Contraction(kernel) else { throw unsupported("a contraction without roles") }
    let contraction = TiledContraction(
      found, kernel, schedule, vectorBytes: compiler.features.vectorClass.rawValue / 8)
    if schedule.packsRight && phase == 0 {
      try emitRightPanels(contraction)
    } else {
      try emitTiles(contraction)
    }
  }

  /// The first element of `operand` at these batches (empty: batch 0), as a pointer.
  func base(of operand: ContractionOperand, batches: [LLVMValue]) -> LLVMValue {
    var index = value(operand.offset)
    for (coordinate, stride) in zip(batches, operand.batch) {
      if let term = product(coordinate, stride) { index = add(index, term) }
    }
    return module.offset(context.buffers[operand.buffer], index, of: memoryType(operand.dtype))
  }

  func bytes(_ stride: KernelInteger, _ dtype: DType) -> LLVMValue {
    multiply(value(stride), module.index(dtype.byteCount))
  }

  /// `pointer` moved by bytes.
  func moved(_ pointer: LLVMValue, _ bytes: LLVMValue) -> LLVMValue { module.offset(pointer, bytes, of: module.int8) }

  func difference(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.binary(.sub, a, b) }

  func larger(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.select(module.compare(.slt, a, b), b, a) }

  // MARK: - Functions and loops

  /// Emits an internal function with the parameters of a phase, then `more`, and returns to the function before.
  func subfunction(
    _ name: String, _ more: [LLVMType], _ body: () throws(RuntimeError) -> Void
  ) throws(RuntimeError) -> LLVMFunction {
    let saved = context
    let block = module.currentBlock
    beginFunction(name, more: more, isInternal: true)
    try body()
    module.returnVoid()
    let result = function
    context = saved
    module.position(at: block)
    return result
  }

  /// Calls a function made by `subfunction`.
  func callSubfunction(
    _ callee: LLVMFunction, begin: LLVMValue, end: LLVMValue, _ more: [LLVMValue]
  ) {
    let parameters = function.parameters
    _ = module.call(callee, [parameters[0], parameters[1], begin, end, parameters[4], parameters[5]] + more)
  }

  /// `body`, `count` times with the test at the end of the turn, the shape of innermost loops. The count is at least 1.
  func countedLoop(
    _ count: LLVMValue, carrying initial: [LLVMValue], _ body: ([LLVMValue]) -> [LLVMValue]
  ) -> [LLVMValue] {
    let before = module.currentBlock
    let turn = module.block("count", in: function)
    let after = module.block("counted", in: function)
    module.branch(to: turn)
    module.position(at: turn)
    let left = module.phi(module.int64)
    let carried = initial.map { module.phi(module.type(of: $0)) }
    let next = body(carried)
    let fewer = difference(left, module.index(1))
    let last = module.currentBlock
    module.branch(if: module.compare(.sgt, fewer, module.index(0)), to: turn, else: after)
    module.addIncoming(count, from: before, to: left)
    module.addIncoming(fewer, from: last, to: left)
    for (phi, (first, following)) in zip(carried, zip(initial, next)) {
      module.addIncoming(first, from: before, to: phi)
      module.addIncoming(following, from: last, to: phi)
    }
    module.position(at: after)
    return next
  }

  /// `body` while the first carried value is below `limit`.
  func whileBelow(
    _ limit: LLVMValue, carrying initial: [LLVMValue], _ body: ([LLVMValue]) throws(RuntimeError) -> [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    let before = module.currentBlock
    let head = module.block("while", in: function)
    let turn = module.block("do", in: function)
    let after = module.block("done", in: function)
    module.branch(to: head)
    module.position(at: head)
    let carried = initial.map { module.phi(module.type(of: $0)) }
    module.branch(if: module.compare(.slt, carried[0], limit), to: turn, else: after)
    module.position(at: turn)
    let next = try body(carried)
    let last = module.currentBlock
    module.branch(to: head)
    for (phi, (first, following)) in zip(carried, zip(initial, next)) {
      module.addIncoming(first, from: before, to: phi)
      module.addIncoming(following, from: last, to: phi)
    }
    module.position(at: after)
    return carried
  }

  /// Emits one of two bodies, both without results.
  func either(
    _ condition: LLVMValue, _ first: () throws(RuntimeError) -> Void, else second: () throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    let yes = module.block("yes", in: function)
    let no = module.block("no", in: function)
    let after = module.block("after", in: function)
    module.branch(if: condition, to: yes, else: no)
    module.position(at: yes)
    try first()
    module.branch(to: after)
    module.position(at: no)
    try second()
    module.branch(to: after)
    module.position(at: after)
  }

  // MARK: - Terms

  /// Visits the terms `first ..< first + count` in runs along the innermost contracted axis: `body` gets the number of
  /// the run's first term, its coordinates (nil: one axis only, and the number is the coordinate), how long it is, and
  /// the carried values.
  func forRuns(
    _ inner: [KernelInteger], from first: LLVMValue, count: LLVMValue, isFlat: Bool, carrying initial: [LLVMValue],
    _ body: (
      _ term: LLVMValue, _ coordinates: [LLVMValue], _ count: LLVMValue, _ carried: [LLVMValue]
    ) throws(RuntimeError) -> [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    if isFlat || inner.count <= 1 {
      return try body(
        first, inner.isEmpty ? [] : inner.dropLast().map { _ in module.index(0) } + [first], count, initial)
    }
    let extents = inner.map(value)
    let end = add(first, count)
    let results = try whileBelow(end, carrying: [first] + initial) { carried throws(RuntimeError) in
      let coordinates = coordinates(of: carried[0], in: extents)
      let rest = difference(extents.last!, coordinates.last!)
      let length = smaller(rest, difference(end, carried[0]))
      let next = try body(carried[0], coordinates, length, Array(carried.dropFirst()))
      return [add(carried[0], length)] + next
    }
    return Array(results.dropFirst())
  }

  /// The bytes from an operand's term 0 to the term at these coordinates.
  func termBytes(_ operand: ContractionOperand, _ coordinates: [LLVMValue]) -> LLVMValue {
    var index = module.index(0)
    for (coordinate, stride) in zip(coordinates, operand.inner) {
      if let term = product(coordinate, stride) { index = add(index, term) }
    }
    return multiply(index, module.index(operand.dtype.byteCount))
  }
}
