import Foundation
import Kiln
import KilnIR
import Testing

/// S1: a draw is a function of its key, with the same bits from eager operations and programs, on every device.
@Suite("Random numbers on every device")
struct RandomAgreementTests {
  struct Draw: CustomTestStringConvertible, Sendable {
    let name: String
    let draw: @Sendable (RandomKey) -> AnyTensor
    var testDescription: String { name }

    init<Scalar>(_ name: String, _ draw: @escaping @Sendable (RandomKey) -> Tensor<Scalar>) {
      self.name = name
      self.draw = { AnyTensor(draw($0)) }
    }
  }

  /// More elements than eager operations leave to the interpreter.
  static let large = [37, 31]
  static let logits = spread([4, 5, 3], scale: 3)
  static let image = spread([6, 7], scale: 2)

  static let draws: [Draw] = [
    Draw("uniform f32", { Tensor<Float>.randomUniform(large, key: $0) }),
    Draw("uniform f64 in a range", { Tensor<Double>.randomUniform([3, 5], in: -2..<7, key: $0) }),
    Draw("normal f32", { Tensor<Float>.randomNormal(large, mean: 1, standardDeviation: 3, key: $0) }),
    Draw("normal f64", { Tensor<Double>.randomNormal([5, 11], key: $0) }),
    Draw("truncated normal f32", { Tensor<Float>.randomTruncatedNormal(large, in: -0.5...3, key: $0) }),
    Draw("truncated normal f64", { Tensor<Double>.randomTruncatedNormal([40], key: $0) }),
    Draw("Bernoulli", { Tensor<Bool>.randomBernoulli([9, 9], probability: 0.3, key: $0) }),
    Draw("integers i32", { Tensor<Int32>.randomIntegers(large, in: -5..<1_000_000, key: $0) }),
    Draw("integers u8", { Tensor<UInt8>.randomIntegers([70], in: 3..<255, key: $0) }),
    Draw("integers i64", { Tensor<Int64>.randomIntegers([31], in: (.min)..<(.max), key: $0) }),
    Draw("categorical f64", { randomCategorical(logits, key: $0) }),
    Draw("categorical f32 along axis 1", { randomCategorical(logits.converted(to: Float.self), axis: 1, key: $0) }),
    Draw("permutation", { Tensor<Int32>.randomPermutation(53, key: $0) }),
    Draw("shuffled f64", { image.shuffled(axis: 1, key: $0) }),
    Draw("dropout f32", { dropout(image.converted(to: Float.self), rate: 0.4, key: $0) }),
    Draw("dropout f64", { dropout(image, rate: 0.1, key: $0) }),
  ]

  static let openCL = Result {
    try Device.opencl(ProcessInfo.processInfo.environment["KILN_TEST_OPENCL"] ?? "")
  }

  /// Without a device its tests are skipped and say why, but for CI, where they fail.
  static let hasOpenCL: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    if case .failure(let error) = openCL {
      print("random numbers on OpenCL are not tested: \(error)")
      return false
    }
    return true
  }()

  private let key = RandomKey(seed: 0xFEDC_BA98_0000_0017)

  @Test("eager and compiled, on the processor and both interpreters", arguments: draws)
  func agreement(_ test: Draw) throws {
    let expected = withDevice(.reference) { test.draw(key) }
    #expect(Set(expected.bytes).count > 1)
    #expect(withDevice(.cpu) { test.draw(key).bytes } == expected.bytes, "eager, cpu")
    for device in [Device.cpu, .reference, .kernelReference] {
      let draw = compile(options: CompileOptions(device: device)) { (key: RandomKey) in test.draw(key) }
      let found = try draw.run(key)
      #expect(found.type == expected.type && found.bytes == expected.bytes, "compiled, \(device)")
    }
    // A key that the closure captures is a constant of the program.
    let constant = compile { [key] (x: Tensor<Float>) in (test.draw(key), x) }
    #expect(try constant.run(Tensor(0)).0.bytes == expected.bytes, "captured")
    #expect(withDevice(.reference) { test.draw(RandomKey(seed: 18)).bytes } != expected.bytes, "another key")
  }

  @Test("on OpenCL, all in one program", .enabled(if: hasOpenCL))
  func agreementOnOpenCL() throws {
    let device = try Self.openCL.get()
    let options = CompileOptions(device: device)
    // A device may lack f64.
    let hasDouble = (try? compile(options: options) { (x: Tensor<Double>) in x + x }.run(Tensor(1))) != nil
    let draws = Self.draws.filter { hasDouble || !$0.name.contains("f64") }
    let draw = compile(options: options) { (key: RandomKey) in draws.map { $0.draw(key) } }
    for (test, found) in zip(draws, try draw.run(key)) {
      let expected = withDevice(.reference) { test.draw(key) }
      #expect(found.type == expected.type && found.bytes == expected.bytes, "\(test.name)")
    }
  }

  @Test("keys made in loops, in batches and in programs are the keys of eager code")
  func keys() throws {
    @Sendable func number(_ key: RandomKey) -> Tensor<Float> { .randomUniform([2], key: key) }
    var state = key
    let drawn = (0..<3).flatMap { _ in number(state.next()).scalars }
    let (end, scanned) = scan(key, length: 3) { key in
      var key = key
      let next = key.next()
      return (key, number(next))
    }
    #expect(scanned.scalars == drawn && end.words.scalars == state.words.scalars)
    let folded = (0..<3).map { number(key.folding(in: UInt32($0))) }
    let sum = fori(0..<3, Tensor<Float>([0, 0])) { i, sum in
      sum + number(key.folding(in: i.converted(to: UInt32.self)))
    }
    #expect(sum.scalars == (Tensor<Float>([0, 0]) + folded[0] + folded[1] + folded[2]).scalars)
    let keys = key.split(3)
    let words = stacked(keys.map(\.words))
    let batch = try vmap { (words: Tensor<UInt32>) in number(RandomKey(words: words)) }.run(words)
    #expect(batch.scalars == keys.flatMap { number($0).scalars })
    let split = compile { (key: RandomKey) in key.split(3) }
    #expect(try split.run(key).map(\.words.scalars) == keys.map(\.words.scalars))
  }

  // MARK: - The algorithms written out

  /// The two words of the first `count` elements.
  private func words(_ count: Int) -> [(UInt32, UInt32)] {
    let parts = key.words.scalars.map { Tensor<UInt32>($0) }
    let (x, y) = Threefry.words(key: (parts[0], parts[1]), counter: (Tensor(0), .range(count)))
    return Array(zip(x.scalars, y.scalars))
  }

  /// The numbers in the middles of steps of 2^-23.
  private func singles(_ count: Int) -> [Float] {
    words(count).map { (Float(($0.0 ^ $0.1) >> 9) + 0.5) * 0x1p-23 }
  }

  /// The numbers in the middles of steps of 2^-52.
  private func doubles(_ count: Int) -> [Double] {
    words(count).map { (Double((UInt64($0.0) << 32 | UInt64($0.1)) >> 12) + 0.5) * 0x1p-52 }
  }

  @Test("the truncated normal distribution: √2 erfInverse(a + u (b - a)) held between the bounds")
  func truncated() {
    func written<Scalar: TensorReal & BinaryFloatingPoint>(
      _ u: [Scalar], _ bounds: ClosedRange<Scalar>
    ) -> [Scalar] {
      let root = Scalar(2).squareRoot()
      let a = erf(Tensor(bounds.lowerBound / root)).item
      let b = erf(Tensor(bounds.upperBound / root)).item
      return erfInverse(Tensor(u.map { a + $0 * (b - a) })).scalars.map {
        min(max(root * $0, bounds.lowerBound), bounds.upperBound)
      }
    }
    let (u, v) = (singles(200), doubles(200))
    for bounds: ClosedRange<Float> in [-2...2, 0.25...0.5, -1...30, 2...3] {
      #expect(Tensor.randomTruncatedNormal([10, 20], in: bounds, key: key).scalars == written(u, bounds), "\(bounds)")
    }
    for bounds: ClosedRange<Double> in [-2...2, -9...(-1)] {
      #expect(Tensor.randomTruncatedNormal([200], in: bounds, key: key).scalars == written(v, bounds), "\(bounds)")
    }
  }

  @Test("the categorical distribution: the index of the greatest of logits - log(-log u)")
  func categorical() {
    func greatest<Scalar: TensorReal>(_ logits: Tensor<Scalar>, _ u: [Scalar], _ places: [Int]) -> Int32 {
      let noise = log(-log(Tensor(u))).scalars
      let sums: [Scalar] = places.map { logits.scalars[$0] - noise[$0] }
      return Int32(sums.indices.reduce(0) { sums[$1] > sums[$0] ? $1 : $0 })
    }
    let last = (0..<20).map { row in greatest(Self.logits, doubles(60), (0..<3).map { row * 3 + $0 }) }
    #expect(randomCategorical(Self.logits, key: key).scalars == last)
    let single = Self.logits.converted(to: Float.self)
    let middle = (0..<12).map { place in
      let first = place / 3 * 15 + place % 3
      return greatest(single, singles(60), (0..<5).map { first + $0 * 3 })
    }
    #expect(randomCategorical(single, axis: 1, key: key).scalars == middle)
    // What has no probability is never drawn, and what has all of it always.
    let certain = Tensor<Float>([-.infinity, 0, -.infinity]).broadcast(to: [100, 3])
    #expect(Set(randomCategorical(certain, key: key).scalars) == [1])
  }

  @Test("dropout: the elements whose u is below 1 - rate, divided by that; in f64 too u is that of f32")
  func dropouts() {
    let u = words(42).map { Float(($0.0 ^ $0.1) >> 8) * 0x1p-24 }
    let expected = zip(Self.image.scalars, u).map { $1 < 1 - Float(0.1) ? $0 / Double(1 - Float(0.1)) : 0 }
    #expect(dropout(Self.image, rate: 0.1, key: key).scalars == expected)
  }
}
