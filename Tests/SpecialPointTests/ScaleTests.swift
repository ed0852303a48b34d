import Kiln
import Testing

/// Rows of great and of small numbers are normalised like others, and others as before, in every bit.
@Suite struct ScaleTests {
  private let row = Tensor<Float>([[1, 2, 3, -4], [0.5, 0.25, -1, 7]])
  private let scale = Tensor<Float>([1, 2, -1, 0.5])
  private let offset = Tensor<Float>([0, 1, 2, 3])
  private let plain = Tensor<Float>([0, 0, 0, 0])

  /// Powers of two to scale by: layers have an epsilon, so small rows are not like others.
  private let great: [Float] = [0x1p20, 0x1p49, 0x1p51, 0x1p80, 0x1p100, 0x1p124]

  @Test("layers of great numbers")
  func layers() {
    let layers: [(String, (Tensor<Float>) -> Tensor<Float>)] = [
      ("layerNorm", { layerNorm($0, scale: scale, offset: plain) }), ("rmsNorm", { rmsNorm($0, scale: scale) }),
      ("groupNorm", { groupNorm($0, groups: 2, scale: scale, offset: plain) }),
      ("batchNorm", { batchNorm($0, scale: scale, offset: plain) }),
    ]
    for (name, layer) in layers {
      // Without the part that epsilon has.
      let expected = layer(row * Tensor(0x1p20))
      let slope = gradient(at: row * Tensor(0x1p20)) { (x: Tensor<Float>) in (layer(x) * scale).sum() }
      for factor in great {
        let x = row * Tensor(factor)
        #expect(layer(x).isClose(to: expected), "\(name) of rows times \(factor)")
        let found = gradient(at: x) { (x: Tensor<Float>) in (layer(x) * scale).sum() } * Tensor(factor / 0x1p20)
        #expect(
          found.isClose(to: slope, relativeTolerance: 1e-4),
          "the gradient of \(name) of rows times \(factor): \(found), \(slope)")
      }
      let constant = Tensor<Float>.full([2, 4], 1e30)
      #expect(name == "rmsNorm" || layer(constant).scalars.allSatisfy { $0 == 0 }, "\(name) of equal great numbers")
    }
  }

  @Test("ordinary rows keep their bits")
  func bits() {
    for factor: Float in [1, 1e-3, 1e6, 0.37] {
      let x = row * Tensor(factor)
      let centered = x - x.mean(axes: [1], keepDims: true)
      let deviation = sqrt((centered * centered).mean(axes: [1], keepDims: true) + Tensor(1e-5))
      #expect(layerNorm(x, scale: scale, offset: offset).scalars == (centered / deviation * scale + offset).scalars)
      let root = sqrt((x * x).mean(axes: [1], keepDims: true) + Tensor(1e-6))
      #expect(rmsNorm(x, scale: scale).scalars == (x / root * scale).scalars)
      #expect(x.standardDeviation(axes: [1]).scalars == sqrt(x.variance(axes: [1])).scalars)
    }
  }

  @Test("deviations and norms of great and small numbers")
  func deviations() {
    for factor: Float in [0x1p-120, 0x1p-100, 0x1p-60, 1, 0x1p60, 0x1p100, 0x1p120] {
      let x = row * Tensor(factor)
      let back = Tensor<Float>(1 / factor)
      #expect((x.standardDeviation(axes: [1]) * back).isClose(to: row.standardDeviation(axes: [1])), "times \(factor)")
      #expect((x.norm(axes: [1]) * back).isClose(to: row.norm(axes: [1])), "times \(factor)")
      let slope = gradient(at: x) { (x: Tensor<Float>) in x.standardDeviation(axes: [1]).sum() }
      let expected = gradient(at: row) { (x: Tensor<Float>) in x.standardDeviation(axes: [1]).sum() }
      #expect(slope.isClose(to: expected, relativeTolerance: 1e-4), "the gradient times \(factor)")
    }
  }
}
