import KilnIR

/// One convolution with a dilated left operand as several without, one for each phase of the positions.
///
/// With no more than 512 terms there is one block, and leaving holes out changes nothing: each phase takes its own
/// taps. With more terms the blocks must count the holes (Numerics.md D3): the operand is spread with holes of -0, each
/// phase has all taps with +0 instead of those it does not use, and a hole's product (-0)(+0) = -0 adds exactly.
struct DilatedConvolution {
  private let convolution: Convolution
  private let operands: [ValueID]
  private let lhs: TensorType
  private let rhs: TensorType
  private let keepsHoles: Bool
  /// One for each window.
  private let axes: [WindowPhases]

  /// The most phases that are written out: a convolution each.
  private static let mostPhases = 4096

  /// Nil where there is nothing to compute.
  init?(_ convolution: Convolution, _ operands: [ValueID], in rewriter: Rewriter) {
    self.convolution = convolution
    self.operands = operands
    lhs = rewriter.type(of: operands[0])
    rhs = rewriter.type(of: operands[1])
    keepsHoles =
      lhs.dtype.isReal && convolution.termExtents(lhs, rhs).reduce(1, *).staticSize > KernelDefinition.contractionBlock
    let (left, right) = (lhs.shape, rhs.shape)
    axes = convolution.windows.map {
      WindowPhases($0, elements: left[$0.axes.lhs].staticSize, taps: right[$0.axes.rhs].staticSize)
    }
    if axes.contains(where: { $0.positions == 0 }) { return nil }
  }

  /// - Throws: `convolution.R1` for too many phases.
  func emit(_ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    var phases = 1
    for axis in axes {
      let (product, overflow) = phases.multipliedReportingOverflow(by: axis.count)
      guard !overflow, product <= Self.mostPhases else {
        throw KilnError(
          "convolution.R1",
          "a convolution with elements \(convolution.windows.map(\.lhsDilation)) apart has more than \(Self.mostPhases) phases; "
            + "only the reference computes it", at: rewriter.location)
      }
      phases = product
    }
    return try interleaved([], source(&rewriter), &rewriter)
  }

  /// The left operand with +0 around its elements as far as the windows reach; with holes kept, -0 wherever there is
  /// one.
  private func source(_ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    let none = [Int](repeating: 0, count: lhs.rank)
    var (low, high, holesLow, holesHigh, interior) = (none, none, none, none, none)
    for phases in axes {
      let axis = phases.window.axes.lhs
      (low[axis], high[axis]) = phases.padding
      (holesLow[axis], holesHigh[axis]) = phases.outerHoles
      interior[axis] = phases.window.lhsDilation - 1
    }
    let padded = try rewriter.pad(
      operands[0], low: low, high: high, interior: none, with: Scalar(lhs.dtype, bits: 0))
    if !keepsHoles { return padded }
    return try rewriter.pad(
      padded, low: holesLow, high: holesHigh, interior: interior, with: Scalar(lhs.dtype, -0.0))
  }

  /// The results of the phases that begin with `chosen`, one for each window so far, put between each other.
  private func interleaved(
    _ chosen: [Int], _ source: ValueID, _ rewriter: inout Rewriter
  ) throws(KilnError) -> ValueID {
    let number = chosen.count
    guard number < axes.count else { return try phase(chosen, source, &rewriter) }
    let phases = axes[number]
    var parts: [ValueID] = []
    for phase in 0..<phases.count { parts.append(try interleaved(chosen + [phase], source, &rewriter)) }
    let roles = convolution.resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank)
    guard let axis = roles.firstIndex(of: .positions(number)), parts.count > 1 else { return parts[0] }
    let shape = rewriter.type(of: parts[0]).shape
    var (apart, merged) = (Array(shape), shape)
    apart.insert(1, at: axis + 1)
    merged[axis] = Dimension(phases.positionsPerPhase * phases.count)
    for index in parts.indices { parts[index] = try rewriter.reshape(parts[index], Shape(apart)) }
    let joined = try rewriter.concatenate(parts, axis: axis + 1)
    let all = try rewriter.reshape(joined, merged)
    if merged[axis].size == phases.positions { return all }
    return try rewriter.slice(all, axis: axis, from: 0, to: Dimension(phases.positions))
  }

  /// The results of one phase of every window.
  private func phase(_ chosen: [Int], _ source: ValueID, _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    let taps = zip(axes, chosen).map { $0.taps(ofPhase: $1) }
    var windows: [Convolution.Window] = []
    for ((phases, phase), taps) in zip(zip(axes, chosen), taps) {
      windows.append(keepsHoles ? phases.spreadWindow(phase) : phases.denseWindow(phase, taps))
    }
    let part = Op.contraction(
      .convolution(
        Convolution(
          batch: convolution.batch, contract: convolution.contract, windows: windows, result: convolution.result)))
    if taps.contains(where: { $0.count == 0 }) { return try rewriter.zero(zeroType(rewriter)) }
    return try rewriter.emitOne(part, [source, filter(taps, &rewriter)])
  }

  /// The type of a phase's results.
  private func zeroType(_ rewriter: Rewriter) throws(KilnError) -> TensorType {
    let op = Op.contraction(.convolution(convolution))
    var type: TensorType
    do { type = try op.infer([lhs, rhs], in: Module())[0] } catch { throw KilnError(error, at: rewriter.location) }
    for (axis, role) in convolution.resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank).enumerated() {
      if case .positions(let number) = role { type.shape[axis] = Dimension(axes[number].positionsPerPhase) }
    }
    return type
  }

  /// The taps of a phase; with holes kept all taps, those of other phases being +0.
  private func filter(_ taps: [TapRun], _ rewriter: inout Rewriter) throws(KilnError) -> ValueID {
    let none = [Int](repeating: 0, count: rhs.rank)
    var (start, limit, stride) = (none, Array(rhs.shape), [Int](repeating: 1, count: rhs.rank))
    var (low, high, interior) = (none, none, none)
    for (run, phases) in zip(taps, axes) {
      let axis = phases.window.axes.rhs
      start[axis] = run.first
      stride[axis] = run.step
      let end = run.first + (run.count - 1) * run.step + 1
      limit[axis] = Dimension(end)
      low[axis] = run.first
      high[axis] = phases.taps - end
      interior[axis] = run.step - 1
    }
    let own = try rewriter.move(.slice(start: start.extents, limit: limit, stride: stride), operands[1])
    if !keepsHoles { return own }
    return try rewriter.pad(own, low: low, high: high, interior: interior, with: Scalar(rhs.dtype, bits: 0))
  }
}
