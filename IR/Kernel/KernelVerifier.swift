/// Checks that a kernel is well formed, and that a launch of it stays within its buffers.
///
/// - `kernel.C1`: a buffer, scratch row, launch integer, body value or reduced value has no such number here; operands
///   stand before their users, reductions in earlier stages.
/// - `kernel.C2`: dtypes: a primitive takes its operands and gives its dtype; what is stored has the dtype of its
///   place.
/// - `kernel.C3`: an affine index has a stride for every outer and inner axis.
/// - `kernel.C4`: only buffers marked as written are written.
/// - `kernel.C5`: a scratch row is filled before it is read, and the stages that use it have equal inner extents.
/// - `kernel.C6`: the schedule and the roles of a contraction fit the stages; a scan or a sort is the only effect of
///   its stage, a sort in the only stage.
/// - `kernel.C7`: every affine access of the launch lies within its buffer; with data for an index, at each valid one.
public struct KernelVerifier {
  private let kernel: KernelDefinition
  private let schedule: Schedule
  private var diagnostics: [Diagnostic] = []

  private init(_ kernel: Kernel) { (self.kernel, schedule) = (kernel.definition, kernel.schedule) }

  /// What is wrong with the kernel itself: the first finding, for what follows it cannot be judged.
  public static func diagnostics(for kernel: Kernel) -> [Diagnostic] {
    var verifier = KernelVerifier(kernel)
    do throws(ConstraintFailure) {
      try verifier.requireStages()
      try verifier.requireWholeLines()
      try verifier.requireRoles()
      try verifier.schedule.check(verifier.kernel)
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
    let definition = kernel.definition
    if integers.count != definition.integerCount || elementCounts.count != definition.buffers.count {
      verifier.report(
        "kernel.C1",
        "the kernel takes \(definition.integerCount) integers and \(definition.buffers.count) buffers, found "
          + "\(integers.count) and \(elementCounts.count)")
      return verifier.diagnostics
    }
    do throws(ConstraintFailure) {
      try kernel.schedule.check(integers)
    } catch { verifier.report(error.label, error.message) }
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
        stage.effects.count == 1 || !stage.effects.contains { $0.lineOperation != nil }, "kernel.C6",
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

  private func requireIndex(_ index: AffineIndex, _ stage: KernelDefinition.Stage) throws(ConstraintFailure) {
    try requireInteger(index.offset)
    for stride in index.strides { try requireInteger(stride) }
    let axes = kernel.outer.count + stage.inner.count
    try require(
      index.strides.count == axes, "kernel.C3", "an index has \(axes) strides here, found \(index.strides.count)")
  }

  /// - Returns: the dtype of the buffer.
  private func requireAccess(
    _ access: BufferAccess, _ stage: KernelDefinition.Stage, _ body: [DType], takesData: Bool
  ) throws(ConstraintFailure) -> DType {
    try requireIndex(access.index, stage)
    try require(
      takesData || access.data.isEmpty && access.bounds == nil, "kernel.C1",
      "only gathers and scatters have indices that are data")
    for index in access.data {
      let dtype = try dtype(of: index.value, body)
      try require(dtype.isInteger, "kernel.C2", "an index is an integer, found \(dtype)")
      try requireInteger(index.stride)
      try requireInteger(index.extent)
    }
    try require(
      kernel.buffers.indices.contains(access.buffer), "kernel.C1", "there is no buffer \(access.buffer)")
    return kernel.buffers[access.buffer].dtype
  }

  private func rowDType(_ row: Int) throws(ConstraintFailure) -> DType {
    try require(row >= 0 && row < kernel.scratchRows.count, "kernel.C1", "there is no scratch row \(row)")
    return kernel.scratchRows[row]
  }

  private func dtype(of value: BodyID, _ body: [DType]) throws(ConstraintFailure) -> DType {
    try require(value.index < body.count, "kernel.C1", "value \(value.index) is not defined before its use")
    return body[value.index]
  }

  private func dtype(
    of instruction: BodyInstruction, _ stage: KernelDefinition.Stage, _ body: [DType], _ reduced: [DType],
    _ filledRows: Set<Int>
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
    case .load(let access): return try requireAccess(access, stage, body, takesData: true)
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
    _ effect: Effect, _ stage: KernelDefinition.Stage, _ body: [DType], _ reduced: inout [DType],
    _ filledRows: inout Set<Int>
  ) throws(ConstraintFailure) {
    let dtype = try dtype(of: effect.value, body)
    switch effect {
    case .store(_, let access): try requireStore(access, stage, body, takesData: false, dtype)
    case .storeScratch(_, let row):
      let expected = try rowDType(row)
      try require(expected == dtype, "kernel.C2", "scratch row \(row) holds \(expected), found \(dtype)")
      filledRows.insert(row)
    case .reduce(let operation, _):
      switch operation {
      case .reduce(let kind): _ = try kind.primitive.resultDType(operands: [dtype, dtype])
      case .argReduce: _ = try Primitive.less.resultDType(operands: [dtype, dtype])
      case .dot(let rhs):
        _ = try Primitive.multiply.resultDType(operands: [dtype, try self.dtype(of: rhs, body)])
      }
      reduced.append(operation.resultDType(dtype))
    case .line(let operation, _, let access):
      try require(
        operation.resultCount == nil || stage.inner.count <= 1, "kernel.C6",
        "a sort of which the first are wanted has at most one inner axis, found \(stage.inner.count)")
      try requireStore(access, stage, body, takesData: false, try operation.resultDType(dtype))
    case .scatter(let combiner, _, let access):
      try requireStore(access, stage, body, takesData: true, dtype)
      if let primitive = combiner.primitive { _ = try primitive.resultDType(operands: [dtype, dtype]) }
    }
  }

  private func requireStore(
    _ access: BufferAccess, _ stage: KernelDefinition.Stage, _ body: [DType], takesData: Bool, _ dtype: DType
  ) throws(ConstraintFailure) {
    let expected = try requireAccess(access, stage, body, takesData: takesData)
    try require(expected == dtype, "kernel.C2", "buffer \(access.buffer) holds \(expected), found \(dtype)")
    try require(
      kernel.buffers[access.buffer].isWritten, "kernel.C4", "buffer \(access.buffer) is written and not marked so")
  }

  private func requireWholeLines() throws(ConstraintFailure) {
    try require(
      kernel.wholeLine == nil || kernel.stages.count == 1 && kernel.scratchRows.isEmpty, "kernel.C6",
      "a kernel that sorts has one stage and no scratch rows")
  }

  private func requireRoles() throws(ConstraintFailure) {
    guard let roles = kernel.contraction else { return }
    let columns = kernel.outer.count - roles.batchAxes - roles.rowAxes
    try require(
      roles.batchAxes >= 0 && (0...1).contains(roles.rowAxes) && (0...1).contains(columns), "kernel.C6",
      "a contraction has batch axes, then at most one row axis and one column axis")
    try require(
      Contraction(kernel) != nil, "kernel.C6", "stage 0 of a contraction has one effect, a dot of two loads")
    try require(
      kernel.stages.dropFirst().allSatisfy(\.inner.isEmpty), "kernel.C6", "only stage 0 of a contraction has inner axes"
    )
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
      let lines = stage.effects.compactMap { $0.lineOperation?.resultCount == nil ? nil : $0.access }
      for access in stage.accesses {
        var extents = extents
        if lines.contains(access), let first = stage.effects[0].lineOperation?.resultCount {
          if first == 0 { continue }
          if !stage.inner.isEmpty { extents[extents.count - 1] = min(extents[extents.count - 1], first) }
        }
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
