import KilnIR

extension Rewriter {
  /// Each operand's cotangent is a convolution of the cotangent with the other operand. The left one gets the
  /// transposed convolution, the taps in reverse and stride and dilation exchanged; for the right one the left operand
  /// is read at the same places, the cotangent's positions being the taps.
  mutating func convolutionPullback(_ convolution: Convolution, _ use: Use) throws(KilnError) -> [ValueID?] {
    let (lhs, rhs) = (type(of: use.operands[0]), type(of: use.operands[1]))
    let result = type(of: use.result)
    if [lhs, rhs, result].contains(where: { $0.shape.size == 0 }) {
      return [try zero(lhs), try zero(rhs)]
    }
    let transposed = ConvolutionTranspose(convolution, lhs, rhs, result)
    var (lhsPart, rhsPart): (ValueID?, ValueID?)
    if use.needed[0] {
      let reversed = try move(.reverse(axes: convolution.windows.map(\.axes.rhs)), use.operands[1])
      lhsPart = try emitOne(.contraction(.convolution(transposed.forLeft)), [use.cotangent, reversed])
    }
    if use.needed[1] {
      rhsPart = try emitOne(.contraction(.convolution(transposed.forRight)), [use.operands[0], use.cotangent])
    }
    return [lhsPart, rhsPart]
  }
}

/// The convolutions that a convolution's pullback consists of.
private struct ConvolutionTranspose {
  let convolution: Convolution
  let lhs: TensorType
  let rhs: TensorType
  let result: TensorType
  /// What the axes of the cotangent are.
  let roles: [Convolution.ResultAxis]

  init(_ convolution: Convolution, _ lhs: TensorType, _ rhs: TensorType, _ result: TensorType) {
    self.convolution = convolution
    self.lhs = lhs
    self.rhs = rhs
    self.result = result
    roles = convolution.resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank)
  }

  private func axis(_ role: Convolution.ResultAxis) -> Int { roles.firstIndex(of: role) ?? 0 }

  /// Of the cotangent and the reversed right operand, for the left one.
  var forLeft: Convolution {
    let windows = convolution.windows.enumerated().map { number, window in
      let (elements, taps) = sizes(window)
      let axis = axis(.positions(number))
      var transposed = Convolution.Window(
        AxisPair(axis, window.axes.rhs), stride: window.lhsDilation, low: window.reach(taps: taps) - 1 - window.low,
        lhsDilation: window.stride, rhsDilation: window.rhsDilation)
      let last = (elements - 1) * Dimension(window.lhsDilation)
      transposed.high =
        last + window.reach(taps: taps) - transposed.low
        - transposed.extent(elements: result.shape[axis])
      return transposed
    }
    let free = roles.compactMap { role -> AxisPair? in
      if case .rhs(let axis) = role { AxisPair(self.axis(role), axis) } else { nil }
    }
    let plain = Convolution(
      batch: convolution.batch.map { AxisPair(axis(.batch($0)), $0.rhs) }, contract: free, windows: windows)
    return ordered(plain, lhs.rank, plain.resultAxes(lhsRank: result.rank, rhsRank: rhs.rank)) { role in
      switch role {
      case .batch(let pair): return roles[pair.lhs].batch?.lhs ?? 0
      case .positions(let number): return convolution.windows[number].axes.lhs
      case .lhs(let axis):
        if case .lhs(let free) = roles[axis] { return free }
      case .rhs(let axis): return convolution.contract.first { $0.rhs == axis }?.lhs ?? 0
      }
      return 0
    }
  }

  /// Of the left operand and the cotangent, for the right operand.
  var forRight: Convolution {
    let windows = convolution.windows.enumerated().map { number, window in
      let (elements, taps) = sizes(window)
      let axis = axis(.positions(number))
      var slid = window
      slid.axes = AxisPair(window.axes.lhs, axis)
      (slid.stride, slid.rhsDilation) = (window.rhsDilation, window.stride)
      let last = (taps - 1) * Dimension(slid.stride)
      slid.high =
        slid.reach(taps: result.shape[axis]) + last - slid.low
        - slid.extent(elements: elements)
      return slid
    }
    let free = roles.compactMap { role -> AxisPair? in
      if case .lhs(let axis) = role { AxisPair(axis, self.axis(role)) } else { nil }
    }
    let plain = Convolution(
      batch: convolution.batch.map { AxisPair($0.lhs, axis(.batch($0))) }, contract: free, windows: windows)
    return ordered(plain, rhs.rank, plain.resultAxes(lhsRank: lhs.rank, rhsRank: result.rank)) { role in
      switch role {
      case .batch(let pair): return roles[pair.rhs].batch?.rhs ?? 0
      case .positions(let number): return convolution.windows[number].axes.rhs
      case .lhs(let axis): return convolution.contract.first { $0.lhs == axis }?.rhs ?? 0
      case .rhs(let axis):
        if case .rhs(let free) = roles[axis] { return free }
      }
      return 0
    }
  }

  private func sizes(_ window: Convolution.Window) -> (elements: Dimension, taps: Dimension) {
    (lhs.shape[window.axes.lhs], rhs.shape[window.axes.rhs])
  }

  /// `plain` with its axes, which have these roles, where `place` says.
  private func ordered(
    _ plain: Convolution, _ rank: Int, _ roles: [Convolution.ResultAxis], _ place: (Convolution.ResultAxis) -> Int
  ) -> Convolution {
    var order = [Int](repeating: 0, count: rank)
    for (axis, role) in roles.enumerated() { order[place(role)] = axis }
    return Convolution(batch: plain.batch, contract: plain.contract, windows: plain.windows, result: order)
  }
}

extension Convolution.ResultAxis {
  fileprivate var batch: AxisPair? {
    if case .batch(let pair) = self { pair } else { nil }
  }
}
