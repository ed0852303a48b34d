import KilnIR

/// Convolutions made plain: padding becomes a padded copy of the operand, about as large as the operand itself, and
/// dilation of the left operand becomes one convolution for each phase of the positions (Numerics.md D3).
enum PlainConvolution {
  static let rules: [RewriteRule] = [dilated, padded]

  /// +0 around the left operand wherever the windows leave it.
  static let padded = RewriteRule("convolution of a padded operand") { rewriter, op, operands throws(KilnError) in
    guard case .contraction(.convolution(let convolution)) = op,
      convolution.windows.allSatisfy({ $0.lhsDilation == 1 })
    else { return nil }
    let (lhs, rhs) = (rewriter.type(of: operands[0]), rewriter.type(of: operands[1]))
    let none = [Int](repeating: 0, count: lhs.rank)
    var (low, high) = (none, none)
    var windows = convolution.windows
    for number in windows.indices {
      let window = windows[number]
      let axis = window.axes.lhs
      let (elements, taps) = (lhs.shape[axis].staticSize, rhs.shape[window.axes.rhs].staticSize)
      let positions = window.positions(elements: Dimension(elements), taps: Dimension(taps)).staticSize
      // Without positions nothing is read.
      guard positions > 0 else { return nil }
      let end = (positions - 1) * window.stride + (taps - 1) * window.rhsDilation + 1 - window.low.staticSize
      (low[axis], high[axis]) = (max(0, window.low.staticSize), max(0, end - elements))
      windows[number].low = window.low - Dimension(low[axis])
      windows[number].high = Dimension(end - elements - high[axis])
    }
    guard windows != convolution.windows else { return nil }
    let source = try rewriter.pad(
      operands[0], low: low, high: high, interior: none, with: Scalar(lhs.dtype, bits: 0))
    let plain = Convolution(
      batch: convolution.batch, contract: convolution.contract, windows: windows, result: convolution.result)
    return try rewriter.emitOne(.contraction(.convolution(plain)), [source, operands[1]])
  }

  /// The positions whose places lie equally far from the elements of a dilated operand are a phase: they use the same
  /// taps.
  static let dilated = RewriteRule("convolution of a dilated operand") { rewriter, op, operands throws(KilnError) in
    guard case .contraction(.convolution(let convolution)) = op,
      convolution.windows.contains(where: { $0.lhsDilation > 1 })
    else { return nil }
    return try DilatedConvolution(convolution, operands, in: rewriter)?.emit(&rewriter)
  }
}

extension Rewriter {
  /// `x` itself where nothing is added.
  mutating func pad(
    _ x: ValueID, low: [Int], high: [Int], interior: [Int], with value: Scalar
  ) throws(KilnError) -> ValueID {
    if (low + high + interior).allSatisfy({ $0 == 0 }) { return x }
    let padding = try constant(value)
    return try move(.pad(low: low.extents, high: high.extents, interior: interior), x, padding)
  }
}
