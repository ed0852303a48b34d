import Kiln
import KilnIR
import Testing

@Suite("Norms, normalisation and attention")
struct NormalizationTests {
  private func isClose(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-12) -> Bool {
    a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
  }

  @Test("norms of every order, along axes, of numbers whose squares overflow")
  func norms() {
    let x = Tensor<Double>([[3, -4], [0, 0]])
    #expect(x.norm().item == 5)
    #expect(x.norm(axes: [1]).scalars == [5, 0])
    #expect(x.norm(axes: [1], keepDims: true).dimensions == [2, 1])
    #expect(x.norm(1).item == 7 && x.norm(.infinity).item == 4 && x.norm(-.infinity).item == 0 && x.norm(0).item == 2)
    #expect(isClose([x.norm(3).item], [4.497941445275415]))
    #expect(Tensor<Float>([3e30, 4e30]).norm().item == 5e30)
    #expect(Tensor<Float>([.infinity, 1]).norm().item == .infinity && Tensor<Float>([.nan, 1]).norm().item.isNaN)
    #expect(stacked([x, 2 * x]).frobeniusNorm().scalars == [5, 10])
    #expect(Tensor<Float>.zeros([0]).norm(1).item == 0)
  }

  @Test("norms have gradients, 0 where the norm is 0")
  func normGradients() {
    let x = spread([2, 3])
    for p in [1, 2, 3, 1.5, Double.infinity] { expectGradient("norm \(p)", at: x) { $0.norm(p, axes: [1]) } }
    expectGradient("standardDeviation", at: x) { $0.standardDeviation(axes: [0]) }
    #expect(gradient(at: Tensor<Double>([0, 0])) { $0.norm() }.scalars == [0, 0])
    #expect(gradient(at: Tensor<Double>([0, 0])) { $0.norm(3) }.scalars == [0, 0])
    #expect(gradient(at: Tensor<Double>([2, 2])) { $0.standardDeviation() }.scalars == [0, 0])
    #expect(isClose(gradient(at: Tensor<Double>([3e200, 4e200])) { $0.norm() }.scalars, [0.6, 0.8]))
  }

  @Test("standardDeviation is the root of the variance")
  func deviation() {
    #expect(Tensor<Double>([1, 3]).standardDeviation().item == 1)
    #expect(Tensor<Double>([.nan, 3]).standardDeviation().item.isNaN)
    #expect(spread([3, 4]).standardDeviation(axes: [1], keepDims: true).dimensions == [3, 1])
  }

  @Test("rmsNorm, batchNorm and groupNorm agree with loops")
  func normalisations() {
    let x = spread([2, 3, 4], scale: 2)
    let (scale, offset) = (spread([4], from: 50), spread([4], from: 60))
    func at(_ i: Int, _ j: Int, _ k: Int) -> Double { x.scalars[(i * 3 + j) * 4 + k] }
    let (s, o) = (scale.scalars, offset.scalars)
    var (rms, batch, group) = ([Double](), [Double](), [Double]())
    for i in 0..<2 {
      for j in 0..<3 {
        for k in 0..<4 {
          let squares = (0..<4).map { at(i, j, $0) * at(i, j, $0) }.reduce(0, +)
          rms.append(at(i, j, k) / (squares / 4 + 1e-6).squareRoot() * s[k])
          func normal(_ members: [Double]) -> Double {
            let mean = members.reduce(0, +) / Double(members.count)
            let variance = members.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(members.count)
            return (at(i, j, k) - mean) / (variance + 1e-5).squareRoot() * s[k] + o[k]
          }
          batch.append(normal((0..<2).flatMap { i in (0..<3).map { at(i, $0, k) } }))
          group.append(normal((0..<3).flatMap { j in [at(i, j, k / 2 * 2), at(i, j, k / 2 * 2 + 1)] }))
        }
      }
    }
    #expect(isClose(rmsNorm(x, scale: scale).scalars, rms))
    #expect(isClose(batchNorm(x, scale: scale, offset: offset).scalars, batch))
    #expect(isClose(groupNorm(x, groups: 2, scale: scale, offset: offset).scalars, group))
    let moved = batchNorm(x.transposed(0, 2, 1), scale: scale, offset: offset, axis: 1).transposed(0, 2, 1)
    #expect(isClose(moved.scalars, batch))
    let (mean, variance) = batchStatistics(x)
    #expect(mean.dimensions == [4] && variance.dimensions == [4])
  }

  @Test("normalisations have gradients of every argument")
  func normalisationGradients() {
    let x = spread([2, 3, 4], scale: 2)
    let (scale, offset) = (spread([4], from: 50), spread([4], from: 60))
    expectGradient("rmsNorm", at: x) { rmsNorm($0, scale: scale) }
    expectGradient("rmsNorm scale", at: scale) { rmsNorm(x, scale: $0) }
    expectGradient("batchNorm", at: x) { batchNorm($0, scale: scale, offset: offset) }
    expectGradient("batchNorm scale", at: scale) { batchNorm(x, scale: $0, offset: offset) }
    expectGradient("batchNorm offset", at: offset) { batchNorm(x, scale: scale, offset: $0) }
    expectGradient("groupNorm", at: x) { groupNorm($0, groups: 2, scale: scale, offset: offset) }
    expectGradient("layerNorm", at: x) { layerNorm($0, scale: scale, offset: offset) }
  }

  /// Attention written out: the queries, keys and values of one head.
  private func loops(
    _ q: Tensor<Double>, _ k: Tensor<Double>, _ v: Tensor<Double>, _ isAllowed: (Int, Int) -> Bool
  ) -> [Double] {
    let (m, n, d, e) = (q.dimensions[0], k.dimensions[0], q.dimensions[1], v.dimensions[1])
    var result: [Double] = []
    for i in 0..<m {
      let keys = (0..<n).filter { isAllowed(i, $0) }
      let scores = keys.map { j in
        (0..<d).map { q.scalars[i * d + $0] * k.scalars[j * d + $0] }.reduce(0, +) / Double(d).squareRoot()
      }
      let weights = scores.map { exp($0 - (scores.max() ?? 0)) }
      let sum = weights.reduce(0, +)
      for c in 0..<e {
        let terms = zip(keys, weights).map { v.scalars[$0 * e + c] * $1 }
        result.append(keys.isEmpty ? 0 : terms.reduce(0, +) / sum)
      }
    }
    return result
  }

  private func exp(_ x: Double) -> Double { Kiln.exp(Tensor<Double>(x)).item }

  @Test("D5: attention agrees with loops: plain, causal, masked, and with a query that sees nothing")
  func attentions() {
    let (q, k, v) = (spread([4, 3], scale: 2), spread([5, 3], scale: 2, from: 40), spread([5, 2], from: 80))
    #expect(isClose(attention(q, k, v).scalars, loops(q, k, v) { _, _ in true }))
    #expect(isClose(attention(q, k, v, isCausal: true).scalars, loops(q, k, v) { $1 <= $0 + 1 }))
    let mask = Tensor<Bool>((0..<20).map { $0 / 5 != 2 && $0 % 3 != 0 }, shape: [4, 5])
    let expected = loops(q, k, v) { i, j in i != 2 && (i * 5 + j) % 3 != 0 }
    #expect(isClose(attention(q, k, v, mask: mask).scalars, expected))
    let heads = attention(stacked([q, 2 * q]), stacked([k, k]), stacked([v, v]), isCausal: true)
    #expect(isClose(heads[1].scalars, loops(2 * q, k, v) { $1 <= $0 + 1 }))
    #expect(isClose(attention(q, k, v, scale: 1 / 3.0.squareRoot()).scalars, attention(q, k, v).scalars))
  }

  @Test("attention has gradients of queries, keys and values, also where a query sees nothing")
  func attentionGradients() {
    let (q, k, v) = (spread([3, 2]), spread([4, 2], from: 40), spread([4, 2], from: 80))
    let mask = Tensor<Bool>((0..<12).map { $0 / 4 != 1 && $0 % 3 != 0 }, shape: [3, 4])
    expectGradient("attention q", at: q) { attention($0, k, v, mask: mask) }
    expectGradient("attention k", at: k) { attention(q, $0, v, isCausal: true) }
    expectGradient("attention v", at: v) { attention(q, k, $0) }
  }

  @Test("labels of wrong arguments")
  func labels() {
    let x = spread([2, 4])
    let rows: [(String, () -> Void)] = [
      ("rmsNorm.C1", { _ = rmsNorm(x, scale: Tensor(1)) }),
      ("batchNorm.C1", { _ = batchNorm(x, scale: spread([3]), offset: spread([4])) }),
      ("batchNorm.C1", { _ = batchNorm(x, scale: spread([4]), offset: spread([4]), axis: 7) }),
      ("groupNorm.C1", { _ = groupNorm(x, groups: 3, scale: spread([4]), offset: spread([4])) }),
      ("groupNorm.C2", { _ = groupNorm(x, groups: 2, scale: spread([3]), offset: spread([4])) }),
      ("attention.C1", { _ = attention(x, spread([2, 3]), x) }),
      ("norm.C1", { _ = x.norm(-2) }),
    ]
    for (label, body) in rows {
      let error = #expect(throws: KilnError.self) { try withDiagnostics(body) }
      #expect(error?.diagnostics.first?.label == label)
    }
  }
}
