import Kiln
import KilnIR
import Testing

@Suite("Random numbers from keys")
struct RandomTests {
  /// Threefry-2x32-20 on words, as its authors write it.
  private func threefry(_ key: (UInt32, UInt32), _ counter: (UInt32, UInt32)) -> (UInt32, UInt32) {
    let keys = [key.0, key.1, 0x1BD1_1BDA ^ key.0 ^ key.1]
    let rotations: [UInt32] = [13, 15, 26, 6, 17, 29, 16, 24]
    var (x, y) = (counter.0 &+ keys[0], counter.1 &+ keys[1])
    for round in 0..<20 {
      x = x &+ y
      let r = rotations[round % 8]
      y = (y << r | y >> (32 - r)) ^ x
      if round % 4 == 3 {
        let n = round / 4 + 1
        x = x &+ keys[n % 3]
        y = y &+ keys[(n + 1) % 3] &+ UInt32(n)
      }
    }
    return (x, y)
  }

  @Test(
    "Threefry gives the known answers of its authors",
    arguments: [
      ([0, 0, 0, 0], [0x6B20_0159, 0x99BA_4EFE]),
      ([.max, .max, .max, .max], [0x1CB9_96FC, 0xBB00_2BE7]),
      ([0x1319_8A2E, 0x0370_7344, 0x243F_6A88, 0x85A3_08D3], [0xC492_3A9C, 0x483D_F7A0]),
    ] as [([UInt32], [UInt32])])
  func knownAnswers(_ input: [UInt32], _ expected: [UInt32]) {
    let words = input.map { Tensor<UInt32>($0) }
    let found = Threefry.words(key: (words[0], words[1]), counter: (words[2], words[3]))
    #expect([found.0.item, found.1.item] == expected)
    let plain = threefry((input[0], input[1]), (input[2], input[3]))
    #expect([plain.0, plain.1] == expected)
  }

  @Test("keys: seeds, splits and folds are Threefry of their counters")
  func keys() {
    let key = RandomKey(seed: 0x1234_5678_9ABC_DEF0)
    #expect(key.words.scalars == [0x1234_5678, 0x9ABC_DEF0])
    let pair: (UInt32, UInt32) = (0x1234_5678, 0x9ABC_DEF0)
    for (i, part) in key.split(3).enumerated() {
      let expected = threefry(pair, (1 << 31, UInt32(i)))
      #expect(part.words.scalars == [expected.0, expected.1])
    }
    let folded = threefry(pair, (1 << 31 + 1, 7))
    #expect(key.folding(in: 7).words.scalars == [folded.0, folded.1])
    var state = key
    let drawn = state.next()
    #expect(drawn.words.scalars == key.split()[1].words.scalars && state.words.scalars == key.split()[0].words.scalars)
  }

  @Test("uniform numbers, normal ones and integers are what their algorithms say")
  func algorithms() {
    let key = RandomKey(seed: 42)
    let words = (0..<100).map { threefry((0, 42), (0, UInt32($0))) }
    let single = Tensor<Float>.randomUniform([10, 10], key: key)
    #expect(single.dimensions == [10, 10])
    #expect(single.scalars == words.map { Float(($0.0 ^ $0.1) >> 8) * 0x1p-24 })
    let double = Tensor<Double>.randomUniform([100], key: key)
    #expect(double.scalars == words.map { Double((UInt64($0.0) << 32 | UInt64($0.1)) >> 11) * 0x1p-53 })
    let ranged = Tensor<Float>.randomUniform([100], in: -3..<5, key: key)
    #expect(ranged.scalars == single.scalars.map { -3 + $0 * 8 })
    let normal = Tensor<Float>.randomNormal([100], key: key)
    let v = Tensor<Float>(words.map { Float(($0.0 ^ $0.1) >> 9 * 2 + 1) * 0x1p-23 - 1 })
    #expect(normal.scalars == (Tensor(Float(2).squareRoot()) * erfInverse(v)).scalars)
    let dice = Tensor<Int32>.randomIntegers([100], in: 1..<7, key: key)
    #expect(
      dice.scalars == words.map { 1 + Int32((UInt64($0.0) << 32 | UInt64($0.1)).multipliedFullWidth(by: 6).high) })
    let wide = Tensor<Int64>.randomIntegers([100], in: (.min)..<(.max), key: key)
    #expect(
      wide.scalars
        == words.map {
          .min &+ Int64(bitPattern: (UInt64($0.0) << 32 | UInt64($0.1)).multipliedFullWidth(by: .max).high)
        })
    let coins = Tensor<Bool>.randomBernoulli([100], probability: 0.3, key: key)
    #expect(coins.scalars == single.scalars.map { $0 < 0.3 })
  }

  @Test("mean, variance and bounds of large draws")
  func statistics() throws {
    let count = 40_000
    let keys = RandomKey(seed: 7).split(8)
    func moments(_ x: Tensor<Float>) -> (mean: Float, variance: Float) { (x.mean().item, x.variance().item) }
    let uniform = moments(.randomUniform([count], key: keys[0]))
    #expect(abs(uniform.mean - 0.5) < 0.006 && abs(uniform.variance - 1 / 12) < 0.002)
    let normal = Tensor<Float>.randomNormal([count], mean: 2, standardDeviation: 3, key: keys[1])
    #expect(abs(moments(normal).mean - 2) < 0.06 && abs(moments(normal).variance - 9) < 0.3)
    let inside = (abs(normal - 2) .< 3).converted(to: Float.self).mean().item
    #expect(abs(inside - 0.6827) < 0.01)
    let truncated = Tensor<Float>.randomTruncatedNormal([count], in: -1...2, key: keys[2])
    #expect(truncated.min().item >= -1 && truncated.max().item <= 2)
    // (φ(-1) - φ(2)) / (Φ(2) - Φ(-1))
    #expect(abs(moments(truncated).mean - 0.2297) < 0.02)
    let integers = Tensor<Int32>.randomIntegers([count], in: -2..<3, key: keys[3])
    for value in -2..<3 {
      let share = (integers .== Tensor(Int32(value))).converted(to: Float.self).mean().item
      #expect(abs(share - 0.2) < 0.01, "\(value): \(share)")
    }
    let coins = Tensor<Bool>.randomBernoulli([count], probability: 0.25, key: keys[4]).converted(to: Float.self).mean()
      .item
    #expect(abs(coins - 0.25) < 0.01)
    let logits = log(Tensor<Float>([0.1, 0.6, 0.3])).broadcast(to: [count, 3])
    let choices = randomCategorical(logits, key: keys[5])
    #expect(choices.dimensions == [count])
    for (index, share) in [Float(0.1), 0.6, 0.3].enumerated() {
      let found = (choices .== Tensor(Int32(index))).converted(to: Float.self).mean().item
      #expect(abs(found - share) < 0.01)
    }
    // Neighbours and different keys have nothing to do with each other.
    let x = Tensor<Float>.randomUniform([count], in: -1..<1, key: keys[6])
    let y = Tensor<Float>.randomUniform([count], in: -1..<1, key: keys[7])
    #expect(abs((x * y).mean().item) < 0.01)
    #expect(abs((x[0..<count - 1] * x[1..<count]).mean().item) < 0.01)
  }

  @Test("dropout keeps the mean, and its gradient is its mask")
  func dropouts() {
    let key = RandomKey(seed: 3)
    let x = Tensor<Float>.ones([20_000])
    let y = dropout(x, rate: 0.25, key: key)
    #expect(abs(y.mean().item - 1) < 0.02)
    #expect(Set(y.scalars) == [0, 1 / 0.75])
    let slope = gradient(at: x) { dropout($0, rate: 0.25, key: key).sum() }
    #expect(slope.scalars == y.scalars)
    #expect(dropout(x, rate: 0, key: key).scalars == x.scalars)
  }

  @Test("a permutation has every number once, in the order of the draws; shuffling takes parts in that order")
  func permutations() throws {
    let key = RandomKey(seed: 7)
    let order = Tensor<Int32>.randomPermutation(100, key: key)
    let draws = (0..<100).map { number -> UInt64 in
      let (high, low) = threefry((0, 7), (0, UInt32(number)))
      return UInt64(high) << 32 | UInt64(low)
    }
    let expected: [Int] = (0..<100).sorted { draws[$0] < draws[$1] }
    #expect(order.scalars.map { Int($0) } == expected)
    #expect(order.scalars != Tensor<Int32>.randomPermutation(100, key: RandomKey(seed: 8)).scalars)
    #expect(Tensor<Int32>.randomPermutation(0, key: key).scalars == [])
    let x = Tensor<Float>((0..<300).map { Float($0) }, shape: [100, 3])
    let shuffle = compile { (x: Tensor<Float>, key: RandomKey) in x.shuffled(key: key) }
    let rows = try shuffle.run(x, key)
    let firsts: [Float] = order.scalars.map { 3 * Float($0) }
    #expect(rows[0..., 0].scalars == firsts && rows[0..., 2].scalars == firsts.map { $0 + 2 })
    #expect(x.shuffled(axis: -1, key: key).shape == x.shape)
  }

  @Test("S1: compiled draws have the bits of eager ones; a key as state draws anew in each call")
  func compiled() throws {
    let draw = compile { (key: RandomKey) in
      (Tensor<Float>.randomNormal([33, 7], key: key), Tensor<Int64>.randomIntegers([50], in: -9..<9, key: key))
    }
    let key = RandomKey(seed: 99)
    let (normal, integers) = try draw.run(key)
    #expect(normal.scalars == Tensor<Float>.randomNormal([33, 7], key: key).scalars)
    #expect(integers.scalars == Tensor<Int64>.randomIntegers([50], in: -9..<9, key: key).scalars)
    let step = compile { (key: inout RandomKey, x: Tensor<Float>) in
      x + Tensor<Float>.randomUniform([4], key: key.next())
    }
    var state = key
    let first = try step.run(updating: &state, Tensor<Float>(0))
    let second = try step.run(updating: &state, Tensor<Float>(0))
    #expect(first.scalars != second.scalars)
    var again = key
    #expect(Tensor<Float>.randomUniform([4], key: again.next()).scalars == first.scalars)
    #expect(Tensor<Float>.randomUniform([4], key: again.next()).scalars == second.scalars)
  }

  @Test("a draw is few kernels, of 64 ops at most")
  func fusion() throws {
    let program = try trace(RandomKey(seed: 1)) { key in Tensor<Float>.randomUniform([1000], key: key) }
    let lowered = try Lowered(program.module)
    #expect(lowered.plan.kernels.count <= 3, "\(lowered.fusion)")
  }

  @Test("a Generator gives a new key each time, and a diagnostic in a trace")
  func generators() throws {
    let generator = Generator(seed: 5)
    let (first, second) = (generator.key(), generator.key())
    #expect(first.words.scalars == RandomKey(seed: 5).folding(in: 0).words.scalars)
    #expect(first.words.scalars != second.words.scalars)
    let error = #expect(throws: KilnError.self) {
      try trace(Tensor<Float>(0)) { x in x + Tensor<Float>.randomUniform([2], key: generator.key()) }
    }
    #expect(error?.diagnostics.map(\.label) == ["random.C1"])
    #expect(error?.description.contains("pass it") == true)
  }

  @Test("wrong arguments by label")
  func labels() {
    let key = RandomKey(seed: 1)
    let rows: [(String, () -> Void)] = [
      ("random.C2", { _ = Tensor<Float>.randomUniform([2], in: 1..<1, key: key) }),
      ("random.C2", { _ = Tensor<Int32>.randomIntegers([2], in: 1..<1, key: key) }),
      ("random.C3", { _ = Tensor<Bool>.randomBernoulli([2], probability: 1.5, key: key) }),
      ("shape.C1", { _ = Tensor<Float>.randomNormal([-2], key: key) }),
      ("dropout.C1", { _ = dropout(Tensor<Float>([1]), rate: 1, key: key) }),
      ("key.C1", { _ = RandomKey(words: Tensor<UInt32>([1])).split() }),
    ]
    for (label, body) in rows {
      let error = #expect(throws: KilnError.self) { try withDiagnostics(body) }
      #expect(error?.diagnostics.first?.label == label)
    }
  }
}
