import Kiln

/// Four sums over the elements of an output in float64, by which a run is known to be right.
public struct Checksum: Hashable, Sendable {
  /// Sum, sum of magnitudes, sum of squares, and sum weighted by the noise of seed 12345.
  public let sums: [Double]

  /// The checksum of `elements` less those of `old`, if there are any: updates are checked, not parameters that barely
  /// move.
  public init(_ elements: some Sequence<Double>, minus old: [Float]? = nil) {
    var (sum, magnitudes, squares, weighted) = (0.0, 0.0, 0.0, 0.0)
    for (index, element) in elements.enumerated() {
      let value = element - (old.map { Double($0[index]) } ?? 0)
      sum += value
      magnitudes += value.magnitude
      squares += value * value
      weighted += value * Double(Noise.unit(index, seed: 12345))
    }
    sums = [sum, magnitudes, squares, weighted]
  }

  /// The checksum of a tensor; NaN unless its elements are of one of the types that files of workloads have.
  init(_ tensor: AnyTensor) {
    func reals<Scalar: TensorElement & BinaryFloatingPoint>(_ type: Scalar.Type) -> Checksum? {
      tensor.scalars(as: type).map { Checksum($0.lazy.map { Double($0) }) }
    }
    func integers<Scalar: TensorInteger>(_ type: Scalar.Type) -> Checksum? {
      tensor.scalars(as: type).map { Checksum($0.lazy.map { Double($0) }) }
    }
    self = reals(Float.self) ?? reals(Float16.self) ?? integers(Int32.self) ?? integers(Int8.self) ?? Checksum([.nan])
  }

  /// The largest relative difference of `sums` from `expected`. The weighted sum, which notices misplaced elements, is
  /// relative to the 2-norm.
  static func error(of sums: [Double], expected: [Double]) -> Double {
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
