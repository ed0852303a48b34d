extension Convolution {
  static let spelling = "convolution"

  /// Dilations of 1, no batch and the plain order of the result are not written.
  var attributes: [NamedAttribute] {
    var attributes: [NamedAttribute] = []
    if !batch.isEmpty { attributes.append(NamedAttribute("batch", .pairs(batch))) }
    attributes += [
      NamedAttribute("contract", .pairs(contract)), NamedAttribute("windows", .pairs(windows.map(\.axes))),
      NamedAttribute("strides", .integers(windows.map(\.stride))),
      NamedAttribute("low", .dimensions(windows.map(\.low))),
      NamedAttribute("high", .dimensions(windows.map(\.high))),
    ]
    let (lhsDilation, rhsDilation) = (windows.map(\.lhsDilation), windows.map(\.rhsDilation))
    if lhsDilation.contains(where: { $0 != 1 }) {
      attributes.append(NamedAttribute("lhsDilation", .integers(lhsDilation)))
    }
    if rhsDilation.contains(where: { $0 != 1 }) {
      attributes.append(NamedAttribute("rhsDilation", .integers(rhsDilation)))
    }
    if !result.isEmpty { attributes.append(NamedAttribute("result", .integers(result))) }
    return attributes
  }

  init(_ reader: AttributeReader) throws(ConstraintFailure) {
    try reader.allow("batch", "contract", "windows", "strides", "low", "high", "lhsDilation", "rhsDilation", "result")
    let axes = try reader.pairs("windows")
    func perWindow<Value>(_ name: String, _ values: [Value]) throws(ConstraintFailure) -> [Value] {
      try require(
        values.count == axes.count, "convolution.C6",
        "'\(name)' has one entry per window, \(axes.count) of them, found \(values.count)")
      return values
    }
    func dilations(_ name: String) throws(ConstraintFailure) -> [Int] {
      reader[name] == nil ? axes.map { _ in 1 } : try perWindow(name, try reader.integers(name))
    }
    let strides = try perWindow("strides", try reader.integers("strides"))
    let low = try perWindow("low", try reader.dimensions("low"))
    let high = try perWindow("high", try reader.dimensions("high"))
    let (lhsDilation, rhsDilation) = (try dilations("lhsDilation"), try dilations("rhsDilation"))
    self.init(
      batch: reader["batch"] == nil ? [] : try reader.pairs("batch"), contract: try reader.pairs("contract"),
      windows: axes.indices.map {
        Window(
          axes[$0], stride: strides[$0], low: low[$0], high: high[$0], lhsDilation: lhsDilation[$0],
          rhsDilation: rhsDilation[$0])
      },
      result: reader["result"] == nil ? [] : try reader.integers("result"))
  }

  func infer(
    _ lhs: TensorType, _ rhs: TensorType, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> TensorType {
    try require(
      lhs.dtype == rhs.dtype, "convolution.C1", "operands have one dtype, found \(lhs.dtype) and \(rhs.dtype)")
    try require(
      lhs.dtype.isInteger || lhs.dtype == .f32 || lhs.dtype == .f64, "convolution.C2",
      "convolution takes integers, f32 or f64, found \(lhs.dtype); convert first")
    try requireAxes(pairs.map(\.lhs), of: lhs, "convolution.C3")
    try requireAxes(pairs.map(\.rhs), of: rhs, "convolution.C4")
    for pair in batch + contract {
      try sizes.require(
        lhs.shape[pair.lhs], .equal, rhs.shape[pair.rhs], "convolution.C5",
        "axis \(pair.lhs) of \(lhs) has \(lhs.shape[pair.lhs]) elements, axis \(pair.rhs) of \(rhs) has \(rhs.shape[pair.rhs])"
      )
    }
    try require(!windows.isEmpty, "convolution.C6", "convolution has at least one window; without one it is a dot")
    for window in windows { try requireWindow(window, lhs, rhs, &sizes) }
    let axes = Convolution(batch: batch, contract: contract, windows: windows)
      .resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank)
    try require(
      result.isEmpty || result.sorted() == Array(axes.indices), "convolution.C9",
      "result \(result) must name each of the axes 0..<\(axes.count) once")
    let extents = resultAxes(lhsRank: lhs.rank, rhsRank: rhs.rank).map { axis -> Dimension in
      switch axis {
      case .batch(let pair): return lhs.shape[pair.lhs]
      case .lhs(let axis): return lhs.shape[axis]
      case .rhs(let axis): return rhs.shape[axis]
      case .positions(let number):
        let window = windows[number]
        return window.positions(elements: lhs.shape[window.axes.lhs], taps: rhs.shape[window.axes.rhs])
      }
    }
    return TensorType(lhs.dtype, Shape(extents))
  }

  private func requireWindow(
    _ window: Window, _ lhs: TensorType, _ rhs: TensorType, _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) {
    let limit = 1 << 40
    try require(
      [window.stride, window.lhsDilation, window.rhsDilation].allSatisfy { (1...limit).contains($0) }, "convolution.C7",
      "strides and dilations are positive, found \(window.stride), \(window.lhsDilation), \(window.rhsDilation)")
    try require(
      [window.low, window.high].allSatisfy { (-limit...limit).contains($0.size ?? 0) }, "convolution.C7",
      "padding \(window.low), \(window.high) is too large")
    let (elements, taps) = (lhs.shape[window.axes.lhs], rhs.shape[window.axes.rhs])
    try sizes.require(
      taps, .atLeast, 1, "convolution.C8", "a window has at least one tap, axis \(window.axes.rhs) of \(rhs) has none")
    for (count, dilation) in [(elements, window.lhsDilation), (taps, window.rhsDilation)] {
      let places = ((count.size ?? 1) - 1).saturatingProduct(dilation)
      try require(
        places < TensorType.byteLimit, "convolution.C7",
        "a dilation of \(dilation) makes an axis of \(count) elements too large")
    }
  }
}
