import Kiln
import Testing

/// Pooling in any number of spatial axes, eager and compiled, against loops that gather each window's elements.
@Suite("Pooling against loops")
struct PoolingLoopTests {
  struct Row: Sendable {
    let name: String
    let shape: [Int]
    let window: [Int]
    var stride: [Int]?
    var padding = WindowPadding.valid
    var dilation: [Int]?

    init(
      _ name: String, _ shape: [Int], _ window: [Int], stride: [Int]? = nil, _ padding: WindowPadding = .valid,
      dilation: [Int]? = nil
    ) {
      (self.name, self.shape, self.window, self.stride) = (name, shape, window, stride)
      (self.padding, self.dilation) = (padding, dilation)
    }

    var dilations: PerAxis { PerAxis(dilation ?? window.map { _ in 1 }) }
    func maxPool(_ x: Tensor<Double>) -> Tensor<Double> {
      Kiln.maxPool(
        x, window: PerAxis(window), stride: stride.map { PerAxis($0) }, padding: padding, dilation: dilations)
    }
    func averagePool(_ x: Tensor<Double>) -> Tensor<Double> {
      Kiln.averagePool(
        x, window: PerAxis(window), stride: stride.map { PerAxis($0) }, padding: padding, dilation: dilations)
    }
  }

  static let rows: [Row] = [
    Row("1-D", [2, 7, 3], [3]),
    Row("1-D, overlapping", [2, 7, 3], [3], stride: [1]),
    Row("1-D, gaps between windows", [1, 11, 2], [2], stride: [4]),
    Row("1-D, same", [2, 8, 2], [3], stride: [2], .same),
    Row("1-D, same, an even window", [1, 5, 2], [4], stride: [1], .same),
    Row("1-D, same, dilated", [1, 9, 2], [3], stride: [2], .same, dilation: [3]),
    Row("1-D, same, strides beyond the window", [1, 7, 1], [2], stride: [3], .same),
    Row("1-D, explicit", [2, 5, 2], [3], stride: [2], .explicit([(0, 2)])),
    // The first windows see nothing: -inf, and 0 / 0.
    Row("1-D, windows in the padding", [1, 5, 2], [2], stride: [1], .explicit([(4, 1)]), dilation: [2]),
    Row("1-D, no window fits", [1, 3, 2], [5]),
    Row("1-D, no example", [0, 6, 2], [2]),
    Row("1-D, no element", [1, 0, 2], [2], stride: [1], .explicit([(2, 1)])),
    Row("2-D", [2, 5, 6, 3], [2, 3]),
    Row("2-D, strides", [2, 5, 6, 3], [2, 3], stride: [1, 2]),
    Row("2-D, same", [2, 5, 7, 2], [3, 2], stride: [2, 3], .same),
    Row("2-D, same, dilated", [1, 6, 5, 2], [2, 3], stride: [1, 2], .same, dilation: [3, 1]),
    Row("2-D, explicit", [1, 4, 5, 3], [3, 2], stride: [1, 2], .explicit([(2, 0), (1, 1)])),
    Row("2-D, dilated", [2, 7, 6, 1], [3, 2], stride: [2, 1], dilation: [2, 4]),
    Row("3-D", [2, 4, 3, 5, 2], [2, 1, 3]),
    Row("3-D, same", [1, 4, 3, 5, 2], [2, 2, 3], stride: [1, 2, 2], .same),
    Row("3-D, explicit", [1, 3, 2, 4, 3], [2, 2, 2], stride: [2, 1, 3], .explicit([(1, 0), (0, 1), (1, 2)])),
    Row("3-D, dilated", [1, 4, 5, 3, 2], [2, 3, 2], stride: [1, 1, 1], dilation: [3, 1, 2]),
    Row("4-D", [1, 3, 2, 3, 2, 2], [2, 1, 2, 2], stride: [1, 1, 1, 1]),
  ]

  /// What `reduce` makes of the elements of each window, which leave out the padding.
  private func loops(_ row: Row, _ x: Tensor<Double>, _ reduce: ([Double]) -> Double) -> ([Int], [Double]) {
    let axes = WindowAxis.axes(
      Array(row.shape.dropFirst().dropLast()), taps: row.window, stride: row.stride ?? row.window,
      padding: row.padding, dilation: row.dilation ?? row.window.map { _ in 1 })
    let elements = x.scalars
    let shape = [row.shape[0]] + axes.map(\.positions) + [row.shape[row.shape.count - 1]]
    let values = places(shape).map { place in
      let (example, channel) = (place[0], place[place.count - 1])
      let position = Array(place.dropFirst().dropLast())
      let seen = places(row.window).compactMap { axes.place(position, $0) }
      return reduce(seen.map { elements[number(of: [example] + $0 + [channel], in: row.shape)] })
    }
    return (shape, values)
  }

  private func expect(_ found: Tensor<Double>, _ expected: (shape: [Int], values: [Double]), _ name: String) {
    #expect(found.dimensions == expected.shape, "\(name)")
    guard found.dimensions == expected.shape else { return }
    for (place, (a, b)) in zip(places(expected.shape), zip(found.scalars, expected.values)) {
      #expect(a == b || a.isNaN && b.isNaN, "\(name) at \(place): \(a), not \(b)")
    }
  }

  @Test("maxPool and averagePool, eager and compiled", arguments: rows.indices)
  func pools(_ index: Int) throws {
    let row = Self.rows[index]
    // Mostly below 0, so that a padding of 0 would win; whole, so that only the division rounds.
    let x = wholeNumbers(row.shape, seed: index) - 3
    let greatest = loops(row, x) { $0.reduce(-.infinity) { Swift.max($0, $1) } }
    let mean = loops(row, x) { $0.reduce(0, +) / Double($0.count) }
    expect(row.maxPool(x), greatest, "maxPool, \(row.name)")
    expect(row.averagePool(x), mean, "averagePool, \(row.name)")
    let compiled = compile { (x: Tensor<Double>) in (row.maxPool(x), row.averagePool(x)) }
    let (first, second) = try compiled.run(x)
    expect(first, greatest, "maxPool, compiled, \(row.name)")
    expect(second, mean, "averagePool, compiled, \(row.name)")
  }

  @Test("one number stands for all spatial axes; windows follow one another unless strides are given")
  func sharedNumbers() {
    let x = wholeNumbers([1, 6, 5, 2])
    #expect(maxPool(x, window: 2).scalars == maxPool(x, window: [2, 2], stride: [2, 2]).scalars)
    #expect(averagePool(x, window: 2, stride: 1, dilation: 2).dimensions == [1, 4, 3, 2])
    #expect(averagePool(x, window: [2, 1], stride: 2).dimensions == [1, 3, 3, 2])
  }

  @Test("a window with a NaN gives NaN, and only that one")
  func notANumber() {
    let x = Tensor<Double>([1, .nan, -.infinity, 2, .infinity, 3]).reshaped(to: [1, 6, 1])
    let (greatest, mean) = (maxPool(x, window: 2).scalars, averagePool(x, window: 2).scalars)
    #expect(greatest[0].isNaN && greatest[1...] == [2, .infinity])
    #expect(mean[0].isNaN && mean[1...] == [-.infinity, .infinity])
  }

  /// Shapes and sizes of adaptive pooling; most do not divide, and some are greater than the axis.
  static let adaptiveRows: [(shape: [Int], sizes: [Int])] = [
    ([2, 7, 3], [3]), ([2, 10, 2], [4]), ([1, 3, 2], [5]), ([2, 6, 2], [3]), ([2, 5, 1], [1]), ([1, 4, 2], [4]),
    ([2, 5, 7, 2], [3, 4]), ([1, 3, 8, 3], [2, 5]), ([2, 4, 3, 2], [6, 2]), ([1, 6, 4, 2], [2, 2]),
  ]

  @Test("adaptive pooling, eager and compiled", arguments: adaptiveRows.indices)
  func adaptive(_ index: Int) throws {
    let (shape, sizes) = Self.adaptiveRows[index]
    let x = wholeNumbers(shape, seed: index) - 3
    let elements = x.scalars
    let resultShape = [shape[0]] + sizes + [shape[shape.count - 1]]
    // Region i of m along an axis of n elements is floor(i·n/m) ..< ceil((i+1)·n/m).
    let regions: [[Double]] = places(resultShape).map { place in
      let ranges = sizes.indices.map { axis in
        let (i, n, m) = (Double(place[axis + 1]), Double(shape[axis + 1]), Double(sizes[axis]))
        return Int((i * n / m).rounded(.down))..<Int(((i + 1) * n / m).rounded(.up))
      }
      return places(ranges.map(\.count)).map { inner in
        let spatial = zip(ranges, inner).map { $0.lowerBound + $1 }
        return elements[number(of: [place[0]] + spatial + [place[place.count - 1]], in: shape)]
      }
    }
    let compiled = compile { (x: Tensor<Double>) in
      (adaptiveMaxPool(x, to: PerAxis(sizes)), adaptiveAveragePool(x, to: PerAxis(sizes)))
    }
    let eager = (adaptiveMaxPool(x, to: PerAxis(sizes)), adaptiveAveragePool(x, to: PerAxis(sizes)))
    for (greatest, mean) in [eager, try compiled.run(x)] {
      #expect(greatest.dimensions == resultShape && mean.dimensions == resultShape)
      #expect(greatest.scalars == regions.map { $0.max() ?? -.infinity })
      for (a, region) in zip(mean.scalars, regions) {
        let b = region.reduce(0, +) / Double(region.count)
        #expect(abs(a - b) <= 1e-13, "\(shape) to \(sizes): \(a), not \(b)")
      }
    }
  }

  @Test("an infinite element counts in its own regions only")
  func adaptiveInfinity() {
    let x = Tensor<Double>([.infinity, 1, 2, 4]).reshaped(to: [1, 4, 1])
    #expect(adaptiveMaxPool(x, to: 2).scalars == [.infinity, 4])
    #expect(adaptiveAveragePool(x, to: 2).scalars == [.infinity, 3])
    #expect(adaptiveAveragePool(x, to: 3).scalars == [.infinity, 1.5, 3])
  }
}
