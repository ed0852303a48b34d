import Kiln
import KilnNN
import Testing

@Suite("Initialisers")
struct InitializerTests {
  private let key = RandomKey(seed: 1)

  /// Mean and standard deviation.
  private func moments(_ x: Tensor<Double>) -> (mean: Double, deviation: Double) {
    (x.mean().item, x.standardDeviation().item)
  }

  @Test("the spread follows from the fans")
  func scaled() {
    // [taps, inputs, outputs]: 2 · 30 inputs of an output, 2 · 60 outputs of an input.
    let shape = [2, 30, 60]
    let rows: [(Initializer, variance: Double, bound: Double?)] = [
      (.glorotUniform, 2.0 / 180, 3.0.squareRoot()), (.glorotNormal, 2.0 / 180, nil),
      (.glorotTruncatedNormal, 2.0 / 180, 2 / 0.8796256610342398), (.heUniform, 2.0 / 60, 3.0.squareRoot()),
      (.heNormal, 2.0 / 60, nil), (.heTruncatedNormal, 2.0 / 60, 2 / 0.8796256610342398),
      (.leCunUniform, 1.0 / 60, 3.0.squareRoot()), (.leCunNormal, 1.0 / 60, nil),
      (.leCunTruncatedNormal, 1.0 / 60, 2 / 0.8796256610342398),
    ]
    for (initializer, variance, bound) in rows {
      let x: Tensor<Double> = initializer(shape, key: key)
      let (mean, deviation) = moments(x)
      let expected = variance.squareRoot()
      // 3,600 draws: four standard errors of the mean and of the deviation.
      #expect(abs(mean) < 4 * expected / 60 && abs(deviation / expected - 1) < 0.05, "\(initializer)")
      let greatest = abs(x).max().item
      if let bound {
        #expect(greatest <= bound * expected && greatest > 0.98 * bound * expected, "\(initializer)")
      } else {
        #expect(greatest > 2.9 * expected, "\(initializer)")
      }
    }
    #expect(Initializer.Fans(ofShape: shape) == Initializer.Fans(inputs: 60, outputs: 120))
    #expect(Initializer.Fans(ofShape: [3, 4]) == Initializer.Fans(inputs: 3, outputs: 4))
    #expect(Initializer.Fans(ofShape: [5]) == Initializer.Fans(inputs: 5, outputs: 5))
    let narrow: Tensor<Double> = Initializer.heNormal(shape, fans: Initializer.Fans(inputs: 2, outputs: 1), key: key)
    #expect(abs(moments(narrow).deviation - 1) < 0.05)
  }

  @Test("constants and plain distributions")
  func plain() {
    let zeros: Tensor<Float> = Initializer.zeros([2], key: key)
    let constant: Tensor<Float> = Initializer.constant(0.5)([2], key: key)
    #expect(zeros.scalars == [0, 0] && constant.scalars == [0.5, 0.5])
    #expect(Initializer.ones([2], of: Float.self, key: key).scalars == [1, 1])
    let uniform: Tensor<Double> = Initializer.uniform(1..<3)([1000], key: key)
    #expect(uniform.min().item >= 1 && uniform.max().item < 3 && abs(uniform.mean().item - 2) < 0.1)
    let normal = moments(Initializer.normal(mean: 1, standardDeviation: 2)([1000], key: key))
    #expect(abs(normal.mean - 1) < 0.3 && abs(normal.deviation - 2) < 0.2)
    let cut: Tensor<Double> = Initializer.truncatedNormal(mean: 1, standardDeviation: 2)([1000], key: key)
    #expect(cut.min().item >= -3 && cut.max().item <= 5 && abs(moments(cut).deviation - 1.76) < 0.2)
  }

  @Test("orthogonal matrices are, whichever side is longer", arguments: [[7, 4], [4, 7], [2, 3, 5], [5, 5]])
  func orthogonal(shape: [Int]) {
    let x: Tensor<Double> = Initializer.orthogonal(gain: 2)(shape, key: key)
    #expect(x.dimensions == shape)
    let matrix = x.reshaped(to: [-1, shape[shape.count - 1]])
    let (rows, columns) = (matrix.dimensions[0], matrix.dimensions[1])
    let turned = matrix.swappingAxes(0, 1)
    let gram = rows >= columns ? matmul(turned, matrix) : matmul(matrix, turned)
    #expect(gram.isClose(to: 4 * .identity(min(rows, columns)), absoluteTolerance: 1e-13))
    let other: Tensor<Double> = Initializer.orthogonal()(shape, key: RandomKey(seed: 2))
    #expect(other.scalars != x.scalars)
  }

  @Test("layers draw weight and bias from different keys, and the same from the same key")
  func keys() {
    let wide = Initializer.normal(standardDeviation: 1)
    let layer = Dense(inputs: 1, outputs: 5, weight: wide, bias: wide, key: key)
    #expect(layer.weight.scalars != layer.bias?.scalars)
    #expect(layer.weight.scalars == Dense(inputs: 1, outputs: 5, weight: wide, bias: wide, key: key).weight.scalars)
    #expect(Dense(inputs: 1, outputs: 5, key: key).bias?.scalars == [0, 0, 0, 0, 0])
  }
}
