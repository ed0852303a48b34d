import Kiln
import KilnIR
import Testing

/// conv, pooling, padding and interpolation against loops written out here.
@Suite("Convolution, pooling, padding and interpolation")
struct ConvolutionFunctionTests {
  private func numbers(_ shape: [Int], seed: UInt64 = 1) -> Tensor<Double> {
    var generator = SplitMix(state: seed)
    return Tensor<Double>.randomUniform(shape, in: -1..<1, using: &generator)
  }

  /// Whether all elements are equal up to a few units in the last place of their sums.
  private func isClose(_ a: Tensor<Double>, _ b: [Double]) -> Bool {
    a.scalars.count == b.count && zip(a.scalars, b).allSatisfy { abs($0 - $1) < 1e-12 * max(1, abs($1)) }
  }

  @Test("conv2d: stride, padding, dilation and groups", arguments: [1, 2])
  func conv2dAgainstLoops(groups: Int) {
    let (x, k) = (numbers([2, 7, 6, 4]), numbers([3, 2, 4 / groups, 6], seed: 2))
    let y = conv2d(x, k, stride: [2, 1], padding: .explicit([(1, 0), (2, 1)]), dilation: [1, 2], groups: groups)
    let (height, width) = (3, 7)
    #expect(y.dimensions == [2, height, width, 6])
    let (a, b) = (x.scalars, k.scalars)
    var expected: [Double] = []
    for n in 0..<2 {
      for oh in 0..<height {
        for ow in 0..<width {
          for feature in 0..<6 {
            var sum = 0.0
            let channels = 4 / groups
            let group = feature / (6 / groups)
            for kh in 0..<3 {
              for kw in 0..<2 {
                let (h, w) = (2 * oh + kh - 1, ow + 2 * kw - 2)
                guard (0..<7).contains(h), (0..<6).contains(w) else { continue }
                for c in 0..<channels {
                  sum +=
                    a[((n * 7 + h) * 6 + w) * 4 + group * channels + c]
                    * b[((kh * 2 + kw) * channels + c) * 6 + feature]
                }
              }
            }
            expected.append(sum)
          }
        }
      }
    }
    #expect(isClose(y, expected))
  }

  @Test("same padding gives ceil(size / stride) positions, the odd place behind")
  func samePadding() {
    let x = Tensor<Float>([1, 2, 3, 4, 5]).reshaped(to: [1, 5, 1])
    let k = Tensor<Float>([1, 10, 100]).reshaped(to: [3, 1, 1])
    #expect(conv1d(x, k, padding: .same).scalars == [210, 321, 432, 543, 54])
    #expect(conv1d(x, k, stride: 2, padding: .same).scalars == [210, 432, 54])
    #expect(conv1d(x, k[0..<2, ...], padding: .same).scalars == [21, 32, 43, 54, 5])
  }

  @Test("conv3d and depthwiseConv2d")
  func otherConvolutions() {
    let x = numbers([1, 3, 4, 2, 2])
    let k = numbers([3, 4, 2, 2, 3], seed: 3)
    // One position: a plain product.
    #expect(isClose(conv3d(x, k).flattened(), matmul(x.reshaped(to: [1, 48]), k.reshaped(to: [48, 3])).scalars))
    let image = numbers([1, 4, 4, 3])
    let filters = numbers([2, 2, 3, 2], seed: 4)
    let all = depthwiseConv2d(image, filters)
    for channel in 0..<3 {
      let one = conv2d(image[..., channel..<channel + 1], filters[..., channel..<channel + 1, 0..<2])
      #expect(isClose(all[..., 2 * channel..<2 * channel + 2], one.scalars))
    }
  }

  @Test("convTranspose2d adds the filter for every element, and is the gradient of conv2d")
  func transposed() {
    let (x, k) = (numbers([1, 3, 2, 2]), numbers([3, 2, 2, 3], seed: 5))
    let y = convTranspose2d(x, k, stride: [2, 3])
    #expect(y.dimensions == [1, 7, 5, 3])
    var expected = [Double](repeating: 0, count: 7 * 5 * 3)
    for h in 0..<3 {
      for w in 0..<2 {
        for kh in 0..<3 {
          for kw in 0..<2 {
            for c in 0..<2 {
              for f in 0..<3 {
                expected[((2 * h + kh) * 5 + 3 * w + kw) * 3 + f] +=
                  x.scalars[(h * 2 + w) * 2 + c] * k.scalars[((kh * 2 + kw) * 2 + c) * 3 + f]
              }
            }
          }
        }
      }
    }
    #expect(isClose(y, expected))
    #expect(convTranspose2d(x, k, stride: 2, padding: .same).dimensions == [1, 6, 4, 3])
    let image = numbers([1, 7, 5, 3], seed: 6)
    let filter = k.swappingAxes(2, 3)
    let gradient = gradient(at: image) { (conv2d($0, filter, stride: [2, 3]) * x).sum() }
    #expect(isClose(gradient, y.scalars))
  }

  @Test("maxPool and averagePool with padding")
  func pools() {
    let x = Tensor<Float>((0..<16).map { Float($0) }).reshaped(to: [1, 4, 4, 1])
    #expect(maxPool(x, window: 2).scalars == [5, 7, 13, 15])
    #expect(averagePool(x, window: 2).scalars == [2.5, 4.5, 10.5, 12.5])
    #expect(maxPool(-x, window: 3, stride: 2, padding: .same).scalars == [0, -2, -8, -10])
    // Windows of 3 cut off at the end: padding does not count.
    #expect(averagePool(x, window: 3, stride: 2, padding: .same).scalars == [5, 6.5, 11, 12.5])
    #expect(maxPool(Tensor([1, 5, 2]).reshaped(to: [1, 3, 1]), window: 2, stride: 1).scalars == [5, 5])
    let slope = gradient(at: x) { maxPool($0, window: 2).sum() }
    #expect(slope.scalars.enumerated().filter { $1 == 1 }.map(\.offset) == [5, 7, 13, 15])
  }

  @Test("adaptive pooling: regions of unequal size")
  func adaptive() {
    let x = Tensor<Float>([1, 2, 3, 4, 5]).reshaped(to: [1, 5, 1])
    #expect(adaptiveMaxPool(x, to: 3).scalars == [2, 4, 5])
    #expect(adaptiveAveragePool(x, to: 3).scalars == [1.5, 3, 4.5])
    #expect(adaptiveAveragePool(x, to: 1).scalars == [3])
  }

  @Test("padding modes")
  func paddingModes() {
    let x = Tensor<Float>([1, 2, 3])
    #expect(x.padded([(2, 1)], mode: .reflect).scalars == [3, 2, 1, 2, 3, 2])
    #expect(x.padded([(2, 1)], mode: .edge).scalars == [1, 1, 1, 2, 3, 3])
    #expect(x.padded([(2, 1)], mode: .wrap).scalars == [2, 3, 1, 2, 3, 1])
    #expect(gradient(at: x) { $0.padded([(2, 1)], mode: .edge).sum() }.scalars == [3, 1, 2])
  }

  @Test("interpolation: nearest and bilinear")
  func interpolation() {
    let x = Tensor<Float>([0, 10, 20]).reshaped(to: [1, 3, 1])
    #expect(x.resized(to: 6, by: .nearest).scalars == [0, 0, 10, 10, 20, 20])
    #expect(x.resized(to: 2, by: .nearest).scalars == [0, 20])
    #expect(x.resized(to: 6).scalars == [0, 2.5, 7.5, 12.5, 17.5, 20])
    #expect(x.resized(to: 1).scalars == [10])
    #expect(gradient(at: x) { $0.resized(to: 6).sum() }.scalars == [2, 2, 2])
  }

  @Test("bad arguments are labelled, at the user's line")
  func errors() {
    let (x, k) = (Tensor<Float>.zeros([1, 5, 5, 4]), Tensor<Float>.zeros([3, 3, 4, 2]))
    func label(_ body: () -> Tensor<Float>) -> String? {
      do { _ = try withDiagnostics(body) } catch let error as KilnError { return error.diagnostics.first?.label } catch
      {}
      return nil
    }
    #expect(label { conv2d(x[0], k) } == "conv2d.C1")
    #expect(label { conv2d(x, k, groups: 2) } == "conv2d.C2")
    #expect(label { conv2d(x, k, stride: 0) } == "conv2d.C3")
    #expect(label { conv2d(x, k, dilation: [1, 1, 1]) } == "conv2d.C3")
    #expect(label { conv2d(x, k, padding: .explicit([(1, 1)])) } == "conv2d.C4")
    #expect(label { conv2d(x, Tensor<Float>.zeros([0, 3, 4, 2])) } == "conv2d.C3")
    #expect(label { convTranspose2d(x, k.swappingAxes(2, 3)) } == "convTranspose2d.C2")
    #expect(label { depthwiseConv2d(x, k[..., 0..<2, 0..<2]) } == "depthwiseConv2d.C1")
    #expect(label { maxPool(x[0, 0], window: 2) } == "maxPool.C1")
    #expect(label { maxPool(x, window: [2, 0]) } == "maxPool.C3")
    #expect(label { averagePool(x, window: 2, padding: .explicit([(-1, 0), (0, 0)])) } == "averagePool.C4")
    #expect(label { adaptiveMaxPool(x, to: 0) } == "adaptiveMaxPool.C1")
    #expect(label { x.padded([(1, 1)], mode: .edge) } == "padded.C1")
    #expect(label { x.padded([(0, 0), (5, 0), (0, 0), (0, 0)], mode: .reflect) } == "padded.C2")
    #expect(label { x.resized(to: 0) } == "resized.C1")
    #expect(label { x.resized(to: PerAxis(Int.max)) } == "resized.C1")
    #expect(label { maxPool(x, window: PerAxis(1 << 39), dilation: PerAxis(1 << 39)) } == "maxPool.C3")
    #expect(label { conv2d(x, k, padding: .explicit([(Int.min, 0), (0, 0)])) } == "conv2d.C4")
    #expect(label { convTranspose2d(x, k, padding: .explicit([(Int.min, 0), (0, 0)])) } == "convTranspose2d.C4")
    #expect(label { x.padded([(Int.max, 0), (0, 0), (0, 0), (0, 0)], mode: .reflect) } == "padded.C1")
    #expect(label { x.padded([(Int.max, 0), (0, 0), (0, 0), (0, 0)], mode: .edge) } == "padded.C1")
    #expect(label { convTranspose2d(x, k, stride: [5000, 1]) } == "convolution.R1")
  }
}
