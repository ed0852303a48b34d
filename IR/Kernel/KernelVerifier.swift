/// Checks that a kernel is well formed, and that a launch of it stays within its buffers.
///
/// - `kernel.C1`: a buffer, scratch row, launch integer, body value or reduced value has no such number here; operands stand
///   before their users, reductions in earlier stages.
/// - `kernel.C2`: dtypes: a primitive takes its operands and gives its dtype; what is stored has the dtype of its place.
/// - `kernel.C3`: an affine index has a stride for every outer and inner axis.
/// - `kernel.C4`: only buffers marked as written are written.
/// - `kernel.C5`: a scratch row is filled before it is read, and the stages that use it have equal inner extents.
/// - `kernel.C6`: the schedule fits the stages, a pointwise or turned kernel does not reduce; a scan or a sort is the only effect
///   of its stage, a sort in the only stage.
/// - `kernel.C7`: every affine access of the launch lies within its buffer; with data for an index, at each valid one.
public struct KernelVerifier {
  private let kernel: Kernel
  private var diagnostics: [Diagnostic] = []

  private init(_ kernel: Kernel) { self.kernel = kernel }

  /// What is wrong with the kernel itself: the first finding, for what follows it cannot be judged.
  public static func diagnostics(for kernel: Kernel) -> [Diagnostic] {
    var verifier = KernelVerifier(kernel)
    do throws(ConstraintFailure) {
      try verifier.requireStages()
      try verifier.requireSchedule()
    } catch { verifier.report(error.label, error.message) }
    return verifier.diagnostics
  }

  /// Everything wrong with the kernel and a launch of it.
  /// - Parameters:
  ///   - integers: the launch arguments.
  ///   - elementCounts: the number of elements in each buffer.
  public static func diagnostics(for kernel: Kernel, integers: [Int], elementCounts: [Int]) -> [Diagnostic] {
    var verifier = KernelVerifier(kernel)
    verifier.diagnostics = Self.diagnostics(for: kernel)
    guard verifier.diagnostics.isEmpty else { return verifier.diagnostics }
    if integers.count != kernel.integerCount || elementCounts.count != kernel.buffers.count {
      verifier.report(
        "kernel.C1",
        "the kernel takes \(kernel.integerCount) integers and \(kernel.buffers.count) buffers, found \(integers.count) and "
          + "\(elementCounts.count)")
      return verifier.diagnostics
    }
    verifier.checkAccesses(integers, elementCounts)
    return verifier.diagnostics
  }

  private mutating func report(_ label: String, _ message: String) {
    diagnostics.append(Diagnostic(label, "in kernel: \(message)"))
  }
}

// MARK: - Form

extension KernelVerifier {
  private func requireStages() throws(ConstraintFailure) {
    var reduced: [DType] = []
    var filledRows: Set<Int> = []
    var rowExtents: [Int: [KernelInteger]] = [:]
    for extent in kernel.outer { try requireInteger(extent) }
    for stage in kernel.stages {
      for extent in stage.inner { try requireInteger(extent) }
      var body: [DType] = []
      for instruction in stage.body {
        body.append(try dtype(of: instruction, stage, body, reduced, filledRows))
      }
      for effect in stage.effects { try checkEffect(effect, stage, body, &reduced, &filledRows) }
      try require(
        stage.effects.count == 1 || !stage.effects.contains(where: \.isOfLines), "kernel.C6",
        "a scan or a sort is the only effect of its stage")
      for row in stage.scratchRows {
        let extents = rowExtents[row, default: stage.inner]
        rowExtents[row] = extents
        try require(extents == stage.inner, "kernel.C5", "stages of different inner extents use scratch row \(row)")
      }
    }
  }

  private func requireInteger(_ integer: KernelInteger) throws(ConstraintFailure) {
    guard case .argument(let index) = integer else { return }
    try require(
      index >= 0 && index < kernel.integerCount, "kernel.C1",
      "there is no launch integer \(index) of \(kernel.integerCount)")
  }

  private func requireIndex(_ index: AffineIndex, _ stage: Kernel.Stage) throws(ConstraintFailure) {
    try requireInteger(index.offset)
    for stride in index.strides { try requireInteger(stride) }
    let axes = kernel.outer.count + stage.inner.count
    try require(
      index.strides.count == axes, "kernel.C3", "an index has \(axes) strides here, found \(index.strides.count)")
  }

  private func bufferDType(_ buffer: Int) throws(ConstraintFailure) -> DType {
    try require(buffer >= 0 && buffer < kernel.buffers.count, "kernel.C1", "there is no buffer \(buffer)")
    return kernel.buffers[buffer].dtype
  }

  private func rowDType(_ row: Int) throws(ConstraintFailure) -> DType {
    try require(row >= 0 && row < kernel.scratchRows.count, "kernel.C1", "there is no scratch row \(row)")
    return kernel.scratchRows[row]
  }

  private func dtype(of value: BodyID, _ body: [DType]) throws(ConstraintFailure) -> DType {
    try require(value.index < body.count, "kernel.C1", "value \(value.index) is not defined before its use")
    return body[value.index]
  }

  private func requireIndices(_ indices: [DataIndex], _ body: [DType]) throws(ConstraintFailure) {
    for index in indices {
      let dtype = try dtype(of: index.value, body)
      try require(dtype.isInteger, "kernel.C2", "an index is an integer, found \(dtype)")
      try requireInteger(index.stride)
      try requireInteger(index.extent)
    }
  }

  private func dtype(
    of instruction: BodyInstruction, _ stage: Kernel.Stage, _ body: [DType], _ reduced: [DType], _ filledRows: Set<Int>
  ) throws(ConstraintFailure) -> DType {
    switch instruction {
    case .constant(let scalar): return scalar.dtype
    case .operation(let primitive, let operands, let dtype):
      var operandTypes: [DType] = []
      for operand in operands { operandTypes.append(try self.dtype(of: operand, body)) }
      let inferred = try primitive.resultDType(operands: operandTypes, target: dtype)
      try require(inferred == dtype, "kernel.C2", "\(primitive.spelling) gives \(inferred), not \(dtype)")
      return dtype
    case .index(let index, let dtype):
      try requireIndex(index, stage)
      try require(dtype == .i32 || dtype == .i64, "kernel.C2", "an index is i32 or i64, not \(dtype)")
      return dtype
    case .load(let buffer, let index):
      try requireIndex(index, stage)
      return try bufferDType(buffer)
    case .gather(let buffer, let base, let indices, _):
      try requireIndex(base, stage)
      try requireIndices(indices, body)
      return try bufferDType(buffer)
    case .loadScratch(let row):
      let dtype = try rowDType(row)
      try require(filledRows.contains(row), "kernel.C5", "scratch row \(row) is read before a stage fills it")
      return dtype
    case .reduced(let number):
      try require(
        number >= 0 && number < reduced.count, "kernel.C1", "no earlier stage defines reduced value \(number)")
      return reduced[number]
    }
  }

  private func checkEffect(
    _ effect: Effect, _ stage: Kernel.Stage, _ body: [DType], _ reduced: inout [DType], _ filledRows: inout Set<Int>
  ) throws(ConstraintFailure) {
    switch effect {
    case .store(let buffer, let index, let value):
      try requireIndex(index, stage)
      try requireStore(buffer, try dtype(of: value, body))
    case .storeScratch(let row, let value):
      let (expected, found) = (try rowDType(row), try dtype(of: value, body))
      try require(expected == found, "kernel.C2", "scratch row \(row) holds \(expected), found \(found)")
      filledRows.insert(row)
    case .reduce(let kind, let value):
      let dtype = try dtype(of: value, body)
      reduced.append(try kind.primitive.resultDType(operands: [dtype, dtype]))
    case .argReduce(_, let value):
      let dtype = try dtype(of: value, body)
      _ = try Primitive.less.resultDType(operands: [dtype, dtype])
      reduced.append(.i32)
    case .dot(let lhs, let rhs):
      let dtypes = [try dtype(of: lhs, body), try dtype(of: rhs, body)]
      reduced.append(try Primitive.multiply.resultDType(operands: dtypes))
    case .scatter(let buffer, let base, let indices, let combiner, _, let value):
      try requireIndex(base, stage)
      try requireIndices(indices, body)
      let dtype = try dtype(of: value, body)
      try requireStore(buffer, dtype)
      if let primitive = combiner.primitive { _ = try primitive.resultDType(operands: [dtype, dtype]) }
    case .scanReduce(let kind, let value, let buffer, let index):
      try requireIndex(index, stage)
      let dtype = try dtype(of: value, body)
      _ = try kind.primitive.resultDType(operands: [dtype, dtype])
      try requireStore(buffer, dtype)
    case .argSort(let key, let buffer, let index):
      try requireIndex(index, stage)
      let dtype = try dtype(of: key, body)
      try require(dtype == .u32 || dtype == .u64, "kernel.C2", "a sort key is u32 or u64, found \(dtype)")
      try requireStore(buffer, .i32)
    }
  }

  private func requireStore(_ buffer: Int, _ dtype: DType) throws(ConstraintFailure) {
    let expected = try bufferDType(buffer)
    try require(expected == dtype, "kernel.C2", "buffer \(buffer) holds \(expected), found \(dtype)")
    try require(kernel.buffers[buffer].isWritten, "kernel.C4", "buffer \(buffer) is written and not marked so")
  }
}

// MARK: - Schedule

extension KernelVerifier {
  private func requireSchedule() throws(ConstraintFailure) {
    try require(
      !kernel.sorts || kernel.stages.count == 1 && kernel.scratchRows.isEmpty, "kernel.C6",
      "a kernel that sorts has one stage and no scratch rows")
    switch kernel.schedule {
    case .serial: break
    case .rows:
      try require(
        !kernel.stages.contains { $0.effects.contains(where: \.isOfLines) }, "kernel.C6",
        "a row kernel neither scans nor sorts")
    case .pointwise(let lanes, let unroll, let grain, _):
      try require(
        lanes > 0 && unroll > 0 && grain > 0, "kernel.C6", "lanes, unroll and grain of a pointwise kernel are positive")
      try require(
        kernel.stages.allSatisfy(\.inner.isEmpty), "kernel.C6", "a pointwise kernel has no inner axes")
      try require(kernel.reductionCount == 0, "kernel.C6", "a pointwise kernel does not reduce")
    case .turned(let axis, let lanes, let grain):
      try require(lanes > 0 && grain > 0, "kernel.C6", "lanes and grain of a turned kernel are positive")
      try require(
        axis >= 0 && axis < kernel.outer.count - 1, "kernel.C6",
        "a turned kernel has an outer axis \(axis) that is not the last")
      try require(
        kernel.stages.count == 1 && kernel.stages[0].inner.isEmpty && kernel.reductionCount == 0, "kernel.C6",
        "a turned kernel has one stage, without inner axes and reductions")
    case .columns(let strip):
      try require(!kernel.sorts, "kernel.C6", "a column kernel does not sort")
      try require(strip > 0, "kernel.C6", "the strip of a column kernel is positive")
      try require(!kernel.outer.isEmpty, "kernel.C6", "a column kernel has an outer axis")
    case .splitRows:
      try requireOneReduction("a kernel of split rows")
    case .contraction(let schedule):
      try requireOneReduction("a contraction")
      let rest = kernel.outer.count - schedule.batchAxes - schedule.rowAxes
      try require(
        schedule.batchAxes >= 0 && (0...1).contains(schedule.rowAxes) && (0...1).contains(rest)
          && schedule.tileRows > 0 && schedule.tileColumns > 0, "kernel.C6",
        "a contraction has batch axes, then at most one row axis and one column axis, and a tile")
      guard case .dot? = kernel.stages[0].effects.first else {
        throw ConstraintFailure("kernel.C6", "stage 0 of a contraction has a dot")
      }
    }
  }

  /// Stage 0 reduces once and does nothing else; the others have no inner axes.
  private func requireOneReduction(_ name: String) throws(ConstraintFailure) {
    try require(
      kernel.stages.first.map { $0.effects.count == 1 && $0.reductionCount == 1 } ?? false, "kernel.C6",
      "stage 0 of \(name) has one effect, a reduction")
    try require(
      kernel.stages.dropFirst().allSatisfy(\.inner.isEmpty), "kernel.C6", "only stage 0 of \(name) has inner axes")
  }
}

// MARK: - Accesses

extension KernelVerifier {
  private mutating func checkAccesses(_ integers: [Int], _ elementCounts: [Int]) {
    let outer = kernel.outer.map { $0.value(integers) }
    for stage in kernel.stages {
      let extents = outer + stage.inner.map { $0.value(integers) }
      if let negative = extents.first(where: { $0 < 0 }) {
        report("kernel.C7", "an extent is \(negative)")
        return
      }
      if extents.contains(0) { continue }
      for access in stage.accesses {
        var terms = zip(extents, access.index.strides).map { (last: $0 - 1, stride: $1.value(integers)) }
        let sizes = access.data.map { $0.extent.value(integers) }
        // Without a valid index nothing is accessed.
        if sizes.contains(where: { $0 <= 0 }) { continue }
        terms += zip(sizes, access.data).map { ($0 - 1, $1.stride.value(integers)) }
        let count = elementCounts[access.buffer]
        guard let range = Self.range(access.index.offset.value(integers), terms) else {
          report("kernel.C7", "an index of buffer \(access.buffer) overflows")
          continue
        }
        if range.lowerBound < 0 || range.upperBound >= count {
          report("kernel.C7", "buffer \(access.buffer) has \(count) elements and is accessed at \(range)")
        }
      }
    }
  }

  /// The least and the greatest value of an affine form; nil if they overflow.
  private static func range(_ offset: Int, _ terms: [(last: Int, stride: Int)]) -> ClosedRange<Int>? {
    var (low, high) = (offset, offset)
    for (last, stride) in terms {
      let (reach, overflow) = last.multipliedReportingOverflow(by: stride)
      let (sum, sumOverflow) = (reach < 0 ? low : high).addingReportingOverflow(reach)
      if overflow || sumOverflow { return nil }
      if reach < 0 { low = sum } else { high = sum }
    }
    return low...high
  }
}
