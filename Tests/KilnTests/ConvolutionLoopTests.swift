import Kiln
import KilnIR
import Testing

/// Convolutions and transposed ones against loops. Elements are small whole numbers, so sums are exact and compared
/// exactly, whatever their order.
@Suite("Convolutions against loops")
struct ConvolutionLoopTests {
  /// Images [batch, spatial…, channels] and taps of filters with `features` features.
  struct Row: Sendable {
    let shape: [Int]
    let taps: [Int]
    let features: Int
    var stride: [Int]
    var padding: WindowPadding
    var dilation: [Int]
    var groups: Int

    init(
      _ shape: [Int], _ taps: [Int], features: Int, stride: [Int]? = nil, _ padding: WindowPadding = .valid,
      dilation: [Int]? = nil, groups: Int = 1
    ) {
      (self.shape, self.taps, self.features, self.groups) = (shape, taps, features, groups)
      (self.stride, self.padding) = (stride ?? taps.map { _ in 1 }, padding)
      self.dilation = dilation ?? taps.map { _ in 1 }
    }

    var spatial: [Int] { Array(shape.dropFirst().dropLast()) }
    var channels: Int { shape[shape.count - 1] }
    var axes: [WindowAxis] {
      WindowAxis.axes(spatial, taps: taps, stride: stride, padding: padding, dilation: dilation)
    }

    func convolved<S: TensorNumber>(_ x: Tensor<S>, _ k: Tensor<S>) -> Tensor<S> {
      let (stride, dilation) = (PerAxis(stride), PerAxis(dilation))
      switch taps.count {
      case 1: return conv1d(x, k, stride: stride, padding: padding, dilation: dilation, groups: groups)
      case 2: return conv2d(x, k, stride: stride, padding: padding, dilation: dilation, groups: groups)
      default: return conv3d(x, k, stride: stride, padding: padding, dilation: dilation, groups: groups)
      }
    }
    func transposed<S: TensorNumber>(_ x: Tensor<S>, _ k: Tensor<S>) -> Tensor<S> {
      let (stride, dilation) = (PerAxis(stride), PerAxis(dilation))
      switch taps.count {
      case 1: return convTranspose1d(x, k, stride: stride, padding: padding, dilation: dilation)
      case 2: return convTranspose2d(x, k, stride: stride, padding: padding, dilation: dilation)
      default: return convTranspose3d(x, k, stride: stride, padding: padding, dilation: dilation)
      }
    }

    /// The sum for each position and feature over the taps and the channels that the feature sees.
    func loops(
      _ x: [Double], channelsOf: (Int) -> Range<Int>, weight: (_ tap: [Int], _ channel: Int, _ feature: Int) -> Double
    ) -> (shape: [Int], values: [Double]) {
      let axes = axes
      let result = [shape[0]] + axes.map(\.positions) + [features]
      let values = places(result).map { place in
        let (position, feature) = (Array(place.dropFirst().dropLast()), place[place.count - 1])
        var sum = 0.0
        for tap in places(taps) {
          guard let seen = axes.place(position, tap) else { continue }
          for channel in channelsOf(feature) {
            sum += x[number(of: [place[0]] + seen + [channel], in: shape)] * weight(tap, channel, feature)
          }
        }
        return sum
      }
      return (result, values)
    }
  }

  private func expect<S>(_ found: Tensor<S>, _ expected: (shape: [Int], values: [Double]), _ name: String) {
    #expect(found.dimensions == expected.shape, "\(name)")
    #expect(found.converted(to: Double.self).scalars == expected.values, "\(name)")
  }

  private func expect(
    _ expected: (shape: [Int], values: [Double]), of x: Tensor<Double>, _ k: Tensor<Double>, _ name: String,
    _ f: @escaping @Sendable (Tensor<Double>, Tensor<Double>) -> Tensor<Double>
  ) throws {
    expect(f(x, k), expected, name)
    let compiled = compile { (x: Tensor<Double>, k: Tensor<Double>) in f(x, k) }
    expect(try compiled.run(x, k), expected, "\(name), compiled")
  }

  static let rows: [Row] = [
    Row([2, 7, 3], [3], features: 2),
    Row([1, 9, 2], [4], features: 3, stride: [2], .same),
    Row([1, 8, 2], [3], features: 1, stride: [3], .same, dilation: [2]),
    Row([2, 6, 2], [2], features: 2, stride: [5], .same),
    Row([1, 6, 4], [3], features: 6, stride: [2], .explicit([(3, 1)]), dilation: [2], groups: 2),
    Row([1, 6, 2], [3], features: 2, .explicit([(-2, 1)])),
    Row([1, 2, 2], [4], features: 3),
    Row([1, 0, 2], [2], features: 2, .explicit([(2, 1)])),
    Row([0, 5, 2], [2], features: 2),
    Row([1, 5, 0], [2], features: 2),
    Row([2, 5, 6, 3], [2, 3], features: 4),
    Row([1, 6, 5, 4], [3, 2], features: 2, stride: [2, 1], .same, groups: 2),
    Row([1, 7, 8, 3], [2, 3], features: 6, stride: [1, 3], .same, dilation: [3, 2], groups: 3),
    Row([2, 4, 5, 2], [3, 4], features: 3, stride: [2, 2], .explicit([(0, 2), (3, 0)]), dilation: [1, 2]),
    Row([2, 3, 4, 3, 2], [2, 3, 1], features: 3),
    Row([1, 4, 3, 5, 2], [3, 2, 2], features: 2, stride: [2, 1, 3], .same),
    Row([1, 3, 4, 5, 4], [2, 2, 3], features: 4, stride: [1, 2, 1], .explicit([(1, 0), (0, 1), (2, 1)]), groups: 4),
    Row(
      [1, 5, 3, 4, 4], [2, 2, 2], features: 6, .explicit([(0, 1), (1, 0), (1, 1)]), dilation: [3, 1, 2], groups: 2),
  ]

  @Test("conv1d, conv2d and conv3d, eager, compiled and of integers", arguments: rows.indices)
  func convolutions(_ index: Int) throws {
    let row = Self.rows[index]
    let (channels, features) = (row.channels / row.groups, row.features / row.groups)
    let shape = row.taps + [channels, row.features]
    let (x, k) = (wholeNumbers(row.shape, seed: index), wholeNumbers(shape, seed: index + 50))
    let weights = k.scalars
    let expected = row.loops(x.scalars) { feature in
      feature / features * channels..<(feature / features + 1) * channels
    } weight: { tap, channel, feature in
      weights[number(of: tap + [channel % channels, feature], in: shape)]
    }
    try expect(expected, of: x, k, "row \(index)") { row.convolved($0, $1) }
    let integers = row.convolved(x.converted(to: Int32.self), k.converted(to: Int32.self))
    expect(integers, expected, "row \(index), integers")
  }

  static let depthwiseRows: [(row: Row, multiplier: Int)] = [
    (Row([2, 4, 5, 3], [2, 3], features: 3), 1),
    (Row([1, 6, 5, 3], [3, 2], features: 6, stride: [2, 1], .same), 2),
    (Row([2, 5, 4, 2], [2, 2], features: 6, .explicit([(1, 0), (0, 2)]), dilation: [2, 1]), 3),
    (Row([1, 4, 4, 1], [3, 3], features: 4, stride: [1, 2], .same), 4),
  ]

  @Test("depthwiseConv2d: every channel has filters of its own", arguments: depthwiseRows.indices)
  func depthwise(_ index: Int) throws {
    let (row, multiplier) = Self.depthwiseRows[index]
    let shape = row.taps + [row.channels, multiplier]
    let (x, k) = (wholeNumbers(row.shape, seed: index), wholeNumbers(shape, seed: index + 70))
    let weights = k.scalars
    let expected = row.loops(x.scalars) { feature in
      feature / multiplier..<feature / multiplier + 1
    } weight: { tap, channel, feature in
      weights[number(of: tap + [channel, feature % multiplier], in: shape)]
    }
    try expect(expected, of: x, k, "row \(index)") { x, k in
      depthwiseConv2d(x, k, stride: PerAxis(row.stride), padding: row.padding, dilation: PerAxis(row.dilation))
    }
  }

  static let transposedRows: [Row] = [
    Row([2, 4, 3], [3], features: 2),
    Row([1, 4, 2], [3], features: 3, stride: [2], dilation: [2]),
    Row([1, 5, 2], [4], features: 2, stride: [2], .same),
    Row([2, 3, 2], [2], features: 2, stride: [4], .same),
    Row([1, 4, 2], [3], features: 1, stride: [3], .explicit([(2, 1)])),
    Row([1, 3, 2], [2], features: 2, stride: [3], .explicit([(-1, -2)])),
    Row([2, 3, 4, 2], [2, 3], features: 3, stride: [2, 1]),
    Row([1, 3, 2, 3], [3, 4], features: 2, stride: [2, 3], .same),
    Row([1, 4, 3, 2], [3, 2], features: 2, stride: [1, 2], .explicit([(1, 0), (0, 2)]), dilation: [2, 3]),
    Row([2, 2, 3, 2, 2], [2, 1, 3], features: 2, stride: [1, 2, 2]),
    Row([1, 3, 2, 2, 2], [3, 2, 2], features: 3, stride: [2, 2, 1], .same, dilation: [1, 1, 2]),
    Row([1, 2, 3, 3, 1], [2, 3, 2], features: 2, stride: [2, 1, 3], .explicit([(1, 1), (0, 1), (2, 0)])),
  ]

  @Test("convTranspose1d, 2d and 3d add the filter for every element", arguments: transposedRows.indices)
  func transposedConvolutions(_ index: Int) throws {
    let row = Self.transposedRows[index]
    let filterShape = row.taps + [row.channels, row.features]
    let (x, k) = (wholeNumbers(row.shape, seed: index), wholeNumbers(filterShape, seed: index + 90))
    let (elements, weights) = (x.scalars, k.scalars)
    // `.same` gives size · stride, and is the gradient of `.same` windows over an image of that size.
    let image = WindowAxis.axes(
      zip(row.spatial, row.stride).map { $0 * $1 }, taps: row.taps, stride: row.stride, padding: row.padding,
      dilation: row.dilation)
    let sizes = row.axes.indices.map { axis in
      if case .same = row.padding { return image[axis].size }
      let window = row.axes[axis]
      return (window.size - 1) * window.stride + window.reach - window.before - window.after
    }
    let shape = [row.shape[0]] + sizes + [row.features]
    var values = [Double](repeating: 0, count: shape.reduce(1, *))
    for place in places(row.shape) {
      for tap in places(row.taps) {
        let target = image.indices.map {
          place[$0 + 1] * row.stride[$0] + tap[$0] * row.dilation[$0] - image[$0].before
        }
        guard zip(target, sizes).allSatisfy({ (0..<$1).contains($0) }) else { continue }
        for feature in 0..<row.features {
          values[number(of: [place[0]] + target + [feature], in: shape)] +=
            elements[number(of: place, in: row.shape)]
            * weights[number(of: tap + [place[place.count - 1], feature], in: filterShape)]
        }
      }
    }
    try expect((shape, values), of: x, k, "row \(index)") { row.transposed($0, $1) }
    let integers = row.transposed(x.converted(to: Int32.self), k.converted(to: Int32.self))
    expect(integers, (shape, values), "row \(index), integers")
  }

  @Test("tensors without channels or places")
  func nothing() {
    let (x, k) = (wholeNumbers([1, 0, 1]), wholeNumbers([3, 1, 1]))
    #expect(convTranspose1d(x, k, stride: 2, padding: .same).dimensions == [1, 0, 1])
    #expect(convTranspose1d(x, k, stride: 5, padding: .same).dimensions == [1, 0, 1])
    let error = #expect(throws: KilnError.self) {
      try withDiagnostics { depthwiseConv2d(wholeNumbers([1, 4, 4, 0]), wholeNumbers([2, 2, 0, 3])) }
    }
    #expect(error?.diagnostics.map(\.label) == ["depthwiseConv2d.C2"])
  }
}
