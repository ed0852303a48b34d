/// Four sums over the elements of an output in float64, by which a run is known to be right.
public struct Checksum: Hashable, Sendable {
  /// Sum, sum of magnitudes, sum of squares, and sum weighted by the noise of seed 12345.
  public let sums: [Double]

  /// The checksum of `elements` less those of `old`, if there are any: updates are checked, not parameters that barely
  /// move.
  public init(_ elements: [Float], minus old: [Float]? = nil) {
    var (sum, magnitudes, squares, weighted) = (0.0, 0.0, 0.0, 0.0)
    for (index, element) in elements.enumerated() {
      let value = Double(element) - (old.map { Double($0[index]) } ?? 0)
      sum += value
      magnitudes += value.magnitude
      squares += value * value
      weighted += value * Double(Noise.unit(index, seed: 12345))
    }
    sums = [sum, magnitudes, squares, weighted]
  }

  /// The largest relative difference from `expected`. The weighted sum, which notices misplaced elements, is relative
  /// to the 2-norm.
  public func error(expected: [Double]) -> Double {
    let scales = [expected[1], expected[1], 2 * expected[2], expected[2].squareRoot()]
    var largest = 0.0
    for (index, scale) in scales.enumerated() {
      let error = (sums[index] - expected[index]).magnitude / max(scale, 1e-30)
      // A NaN must not hide behind a comparison.
      largest = error.isNaN ? .infinity : max(largest, error)
    }
    return largest
  }

  /// The largest error of a right run.
  public static let tolerance = 1e-4
}
