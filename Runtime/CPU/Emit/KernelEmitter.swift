import KilnIR
package import KilnRuntime

/// Emits the LLVM module of one kernel: a function for each phase, with the signature that `CPUSchedule` states; of a
/// contraction it is the epilogue. Or that of one micro kernel, which contractions share.
///
/// What is emitted is explicit to the vector: no pass of LLVM has to find anything, and no rounding step is added or
/// removed (Numerics.md B1). One extension for each schedule builds its loops; they share the evaluation of bodies.
package final class KernelEmitter {
  /// Part of every cache key: changes with any change of the emitted code.
  package static let version = 15

  let kernel: KernelDefinition
  let schedule: CPUSchedule
  let compiler: ObjectCompiler
  let module: LLVMModule
  /// Element types of the reduced values, in the order of their numbers.
  let reducedTypes: [DType]

  /// The function under construction.
  var context: FunctionContext
  /// Functions that several places of the module call.
  var helpers: [String: LLVMFunction] = [:]

  var function: LLVMFunction { context.function }
  var begin: LLVMValue { function.parameters[2] }
  var end: LLVMValue { function.parameters[3] }
  var scratch: LLVMValue { function.parameters[4] }
  var status: LLVMValue { function.parameters[5] }

  private init(_ kernel: KernelDefinition, _ schedule: CPUSchedule, name: String, compiler: ObjectCompiler) {
    self.kernel = kernel
    self.schedule = schedule
    self.compiler = compiler
    module = LLVMModule(library: compiler.library, name: name)
    reducedTypes = kernel.reducedDTypes
    let empty = module.constant(0, module.int1)
    context = FunctionContext(
      function: LLVMFunction(value: empty, type: module.void, parameters: []), zeroSlot: empty, dropSlot: empty)
  }

  /// An emitter that is done.
  ///
  /// - Parameter name: the functions are called `name` + "_" + their number.
  /// - Throws: `RuntimeError` of kind `codeGeneration` for a kernel with the schedule of another device.
  private static func run(_ source: CodeSource, name: String, compiler: ObjectCompiler) throws(RuntimeError)
    -> KernelEmitter
  {
    switch source {
    case .kernel(let kernel):
      guard case .cpu(let schedule) = kernel.schedule else {
        throw RuntimeError(.codeGeneration, "a kernel is scheduled for OpenCL: \(kernel.schedule)")
      }
      let emitter = KernelEmitter(kernel.definition, schedule, name: name, compiler: compiler)
      try emitter.emit(name)
      return emitter
    case .shared(let micro):
      let nothing = KernelDefinition(buffers: [], integerCount: 0, outer: [], stages: [])
      let emitter = KernelEmitter(nothing, .serial, name: name, compiler: compiler)
      try emitter.emit(micro, name)
      return emitter
    }
  }

  /// The object of `source`: its function `n` is called `name` + "_" + `n`.
  package static func object(of source: CodeSource, name: String, compiler: ObjectCompiler) throws(RuntimeError)
    -> [UInt8]
  {
    try compiler.object(from: run(source, name: name, compiler: compiler).module)
  }

  /// The module of `source` as LLVM assembly, or as machine code in words.
  package static func text(of source: CodeSource, compiler: ObjectCompiler, assembly: Bool) throws(RuntimeError)
    -> String
  {
    let emitter = try run(source, name: "kernel", compiler: compiler)
    return assembly ? try compiler.assembly(from: emitter.module) : emitter.module.text
  }

  private func emit(_ name: String) throws(RuntimeError) {
    for number in 0..<Kernel(kernel, .cpu(schedule)).functionCount {
      beginFunction("\(name)_\(number)")
      switch schedule {
      case .serial: try emitSerial()
      case .pointwise(let lanes, let unroll, let grain, let streaming):
        try emitPointwise(lanes: lanes, unroll: unroll, grain: grain, streaming: streaming)
      case .rows: try emitRows()
      case .turned(let axis, let lanes, let grain): try emitTurned(axis: axis, lanes: lanes, grain: grain)
      case .splitRows: try number == 0 ? emitSplitRowsBlocks() : emitSplitRowsResults()
      case .columns(let strip): try emitColumns(strip: strip)
      case .contraction:
        if number == 1, let condition = kernel.dotCondition {
          try emitTest(of: condition)
        } else {
          try emitEpilogue()
        }
      }
      module.returnVoid()
    }
  }

  private func emit(_ micro: MicroKernel, _ name: String) throws(RuntimeError) {
    switch micro {
    case .tile(let key):
      for (number, rows) in key.heights.enumerated() { try emitTile(key, rows: rows, "\(name)_\(number)") }
    case .tree(let dtype, let lanes):
      try emitPush(dtype, lanes, "\(name)_0")
      try emitFold(dtype, lanes, "\(name)_1")
    case .packing(let key): try emitPacking(key, "\(name)_0")
    }
  }

  /// Begins a function of a micro kernel.
  func beginFunction(_ name: String, taking parameters: [LLVMType]) {
    let function = module.function(name, parameters: parameters)
    compiler.addAttributes(to: function, in: module)
    module.position(at: module.block("entry", in: function))
    context = FunctionContext(function: function, zeroSlot: context.zeroSlot, dropSlot: context.dropSlot)
  }

  /// Begins a function with the parameters of a phase, and loads the launch's tables once.
  private func beginFunction(_ name: String) {
    let pointer = module.pointer
    let function = module.function(name, parameters: [pointer, pointer, module.int64, module.int64, pointer, pointer])
    compiler.addAttributes(to: function, in: module)
    module.position(at: module.block("entry", in: function))
    func entry(_ table: Int, _ index: Int, _ type: LLVMType) -> LLVMValue {
      module.load(type, module.offset(function.parameters[table], module.index(index), of: module.int64), alignment: 8)
    }
    let buffers = kernel.buffers.indices.map { entry(0, $0, pointer) }
    let workspace = schedule == .splitRows ? entry(0, kernel.buffers.count, pointer) : nil
    let integers = (0..<kernel.integerCount).map { entry(1, $0, module.int64) }
    let zeroSlot = module.stackSlot(module.int64, 1, alignment: 8)
    module.store(module.index(0), zeroSlot, alignment: 8)
    context = FunctionContext(
      function: function, zeroSlot: zeroSlot, dropSlot: module.stackSlot(module.int64, 1, alignment: 8),
      integers: integers, buffers: buffers, workspace: workspace)
    locateScratchRows()
  }

  /// The layout is that of `CPUSchedule.scratchRowBytes`.
  private func locateScratchRows() {
    var next = scratch
    context.scratchRows = kernel.scratchRows.enumerated().map { row, dtype in
      let start = next
      let inner = kernel.firstStage(withScratchRow: row)?.inner ?? []
      let bytes = multiply(product(of: inner), module.index(dtype.byteCount))
      let padded = module.binary(.and, add(bytes, module.index(63)), module.index(~63))
      next = module.offset(start, add(padded, module.index(128)), of: module.int8)
      return start
    }
  }

  func scratchPointer(_ row: Int, _ point: Point) -> LLVMValue {
    let type = memoryType(kernel.scratchRows[row])
    let start =
      point.innerIndex.map { module.offset(context.scratchRows[row], $0, of: type) } ?? context.scratchRows[row]
    return point.displacement == 0 ? start : module.offset(start, module.index(point.displacement), of: type)
  }

  func reduced(_ number: Int, _ point: Point) -> LLVMValue {
    if let load = context.loadReduced { return load(number, point) }
    return module.broadcast(context.reducedValues[number]!, point.lanes)
  }

  func unsupported(_ what: String) -> RuntimeError {
    RuntimeError(.codeGeneration, "the CPU emitter cannot place \(what)")
  }

  // MARK: - Integers

  func value(_ integer: KernelInteger) -> LLVMValue {
    switch integer {
    case .constant(let value): module.index(value)
    case .argument(let number): context.integers[number]
    }
  }

  func add(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.binary(.add, a, b) }
  func multiply(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.binary(.mul, a, b) }

  /// `a` × `b`, with the multiplication left out where the factor is known to be 0 or 1.
  func product(_ a: LLVMValue, _ b: KernelInteger) -> LLVMValue? {
    switch b {
    case .constant(0): nil
    case .constant(1): a
    case .constant, .argument: multiply(a, value(b))
    }
  }

  func product(of factors: [KernelInteger]) -> LLVMValue {
    factors.dropFirst().reduce(factors.first.map(value) ?? module.index(1)) { multiply($0, value($1)) }
  }

  /// The smaller of two signed integers.
  func smaller(_ a: LLVMValue, _ b: LLVMValue) -> LLVMValue { module.select(module.compare(.slt, a, b), a, b) }

  func ceilDivide(_ a: LLVMValue, _ b: Int) -> LLVMValue {
    module.binary(.udiv, add(a, module.index(b - 1)), module.index(b))
  }

  // MARK: - Loops

  func loop(
    from start: LLVMValue, to end: LLVMValue, step: Int = 1, carrying initial: [LLVMValue] = [],
    _ body: (LLVMValue, [LLVMValue]) throws(RuntimeError) -> [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    var failure: RuntimeError?
    let results = module.loop(
      in: function, from: start, to: end, step: module.index(step), carrying: initial
    ) { index, carried in
      do throws(RuntimeError) {
        return try body(index, carried)
      } catch {
        failure = error
        return carried
      }
    }
    if let failure { throw failure }
    return results
  }

  /// Emits `body` for the case that `condition` holds. The values are those of `body`, or else `otherwise`.
  func branch(
    if condition: LLVMValue, otherwise: [LLVMValue] = [], _ body: () throws(RuntimeError) -> [LLVMValue]
  ) throws(RuntimeError) -> [LLVMValue] {
    let before = module.currentBlock
    let then = module.block("then", in: function)
    let after = module.block("after", in: function)
    module.branch(if: condition, to: then, else: after)
    module.position(at: then)
    let values = try body()
    let last = module.currentBlock
    module.branch(to: after)
    module.position(at: after)
    return zip(values, otherwise).map { value, other in
      let phi = module.phi(module.type(of: value))
      module.addIncoming(value, from: last, to: phi)
      module.addIncoming(other, from: before, to: phi)
      return phi
    }
  }

  /// Runs `body` for the units `begin ..< end`, numbered row-major over `extents`, with their number and coordinates.
  func unitLoop(
    _ extents: [LLVMValue], _ body: (LLVMValue, [LLVMValue]) throws(RuntimeError) -> Void
  ) throws(RuntimeError) {
    let first = coordinates(of: begin, in: extents)
    _ = try loop(from: begin, to: end, carrying: first) { unit, coordinates throws(RuntimeError) in
      try body(unit, coordinates)
      return next(coordinates, in: extents)
    }
  }

  /// The coordinates of point `number` of a row-major domain.
  func coordinates(of number: LLVMValue, in extents: [LLVMValue]) -> [LLVMValue] {
    var rest = number
    var coordinates: [LLVMValue] = []
    for extent in extents.dropFirst().reversed() {
      coordinates.append(module.binary(.urem, rest, extent))
      rest = module.binary(.udiv, rest, extent)
    }
    if !extents.isEmpty { coordinates.append(rest) }
    return coordinates.reversed()
  }

  /// The next point of a row-major domain: counting instead of dividing.
  func next(_ coordinates: [LLVMValue], in extents: [LLVMValue]) -> [LLVMValue] {
    var result = coordinates
    var carries: LLVMValue?
    for axis in coordinates.indices.reversed() {
      let up = add(coordinates[axis], module.index(1))
      guard axis > 0 else {
        result[0] = carries.map { module.select($0, up, coordinates[0]) } ?? up
        break
      }
      let wraps = module.compare(.eq, up, extents[axis])
      let counted = module.select(wraps, module.index(0), up)
      result[axis] = carries.map { module.select($0, counted, coordinates[axis]) } ?? counted
      carries = carries.map { module.binary(.and, $0, wraps) } ?? wraps
    }
    return result
  }
}
