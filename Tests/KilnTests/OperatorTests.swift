import Kiln
import KilnIR
import Testing

@Suite("Operators")
struct OperatorTests {
  @Test("arrays, literals and Swift numbers mix in formulas")
  func mixing() {
    let x = Tensor([[1, 2], [3, 4]])
    let scale: Float = 3
    #expect((2 * x + 1).scalars == [3, 5, 7, 9])
    #expect((x * scale - 0.5).scalars == [2.5, 5.5, 8.5, 11.5])
    #expect((1 / Tensor<Double>([2, 4])).scalars == [0.5, 0.25])
    #expect((-x).scalars == [-1, -2, -3, -4])
    #expect((Tensor<Int32>([7, -7]) % 4).scalars == [3, -3])
    var y = x
    y += 1
    y *= scale
    #expect(y.scalars == [6, 9, 12, 15])
    #expect(x.scalars == [1, 2, 3, 4])
  }

  @Test("literals without a type make tensors of Float")
  func untypedLiterals() {
    let tensors = [
      Tensor(2.5), Tensor([1.5, 2]), Tensor([[1, 0], [0.5, -0.5]]), Tensor([[[0.5]], [[1]]]),
      Tensor([1, 2.5], shape: [1, 2]),
    ]
    #expect(tensors.allSatisfy { $0.dtype == .f32 })
    let doubles: [[Double]] = [[1, 2]]
    #expect(Tensor(doubles).dtype == .f64)
    #expect(Tensor([true, false]).dtype == .bool)
  }

  @Test("shapes broadcast as in NumPy")
  func broadcasting() {
    let row = Tensor([10, 20, 30])
    let column = Tensor([[1], [2]])
    let sum = row + column
    #expect(sum.dimensions == [2, 3])
    #expect(sum.scalars == [11, 21, 31, 12, 22, 32])
    #expect((Tensor<Float>.zeros([0, 3]) + row).dimensions == [0, 3])
  }

  @Test("comparisons are dotted and give Bool tensors")
  func comparisons() {
    let x = Tensor([1, 2, 3])
    #expect((x .< 2).scalars == [true, false, false])
    #expect((x .>= 2 .&& x .!= 3).scalars == [false, true, false])
    #expect(select(x .> 1, x, 0).scalars == [0, 2, 3])
    #expect((.!(x .== x)).any().item == false)
  }

  @Test("E8: integers wrap and their division never traps")
  func integers() {
    let x = Tensor<Int32>([Int32.max, Int32.min, 5])
    #expect((x + 1).scalars == [Int32.min, Int32.min + 1, 6])
    #expect((x / 0).scalars == [-1, -1, -1])
    #expect((x / -1).scalars == [-Int32.max, Int32.min, -5])
    #expect((Tensor<UInt8>([1, 255]) << 9).scalars == [0, 0])
  }

  @Test("E4: maximum gives NaN, and -0 is below +0")
  func maximumOfSpecials() {
    let x = Tensor<Float>([.nan, -0.0, 0.0])
    let y = maximum(x, Tensor<Float>([1, 0.0, -0.0])).scalars
    #expect(y[0].isNaN && y[1].sign == .plus && y[2].sign == .plus)
  }

  @Test("E6: conversion saturates and rounds to even")
  func conversion() {
    let x = Tensor<Float>([1e20, -1e20, .nan, 2.9, -2.9])
    #expect(x.converted(to: Int32.self).scalars == [Int32.max, Int32.min, 0, 2, -2])
    #expect(Tensor<Int64>([16_777_217]).converted(to: Float.self).item == 16_777_216)
  }
}

@Suite("Creation and movement")
struct MovementTests {
  @Test("creation")
  func creation() {
    #expect(Tensor<Float>.zeros([2, 3]).scalars == [0, 0, 0, 0, 0, 0])
    #expect(Tensor<Int32>.ones([2]).scalars == [1, 1])
    #expect(Tensor<Double>.full([2], 7).scalars == [7, 7])
    #expect(Tensor<Float>.range(4).scalars == [0, 1, 2, 3])
    #expect(Tensor<Float>.range(from: 1, by: 0.5, count: 3).scalars == [1, 1.5, 2])
    #expect(Tensor<Float>.identity(2).scalars == [1, 0, 0, 1])
    #expect(Tensor<Float>.zeros([0, 3]).scalars == [])
    #expect(Tensor([[[1, 2]], [[3, 4]]] as [[[Float]]]).dimensions == [2, 1, 2])
    let n = 2
    #expect(Tensor<Float>.ones([n, n + 1]).dimensions == [2, 3])
  }

  @Test("random fill draws from the generator in order")
  func random() {
    var generator = SplitMix(state: 1)
    let a = Tensor<Float>.randomUniform([100], in: -1..<1, using: &generator)
    #expect(a.scalars.allSatisfy { $0 >= -1 && $0 < 1 })
    var again = SplitMix(state: 1)
    #expect(Tensor<Float>.randomUniform([100], in: -1..<1, using: &again).scalars == a.scalars)
    let normal = Tensor<Double>.randomNormal([10_000], mean: 2, standardDeviation: 3, using: &generator)
    #expect(abs(normal.mean().item - 2) < 0.1)
    #expect(abs(normal.variance().item - 9) < 0.5)
  }

  @Test("subscripts select rows, ranges and single axes")
  func subscripts() {
    let x = Tensor<Float>.range(24).reshaped(to: [2, 3, 4])
    #expect(x[0].dimensions == [3, 4])
    #expect(x[1, 2, 3].item == 23)
    #expect(x[-1, -1, -1].item == 23)
    #expect(x[0..<1, ...].dimensions == [1, 3, 4])
    #expect(x[..., 0].scalars == [0, 4, 8, 12, 16, 20])
    #expect(x[1, ..., 1...2].scalars == [13, 14, 17, 18, 21, 22])
    #expect(x[0, 1, stride(from: 0, to: 4, by: 2)].scalars == [4, 6])
    #expect(x[0, 1..., 3...].scalars == [7, 11])
    #expect(x[0, ..<1].dimensions == [1, 4])
    #expect(x[0, 0, 2..<2].scalars == [])
  }

  @Test("movement keeps every element")
  func movement() {
    let x = Tensor([[1, 2, 3], [4, 5, 6]])
    #expect(x.transposed().scalars == [1, 4, 2, 5, 3, 6])
    #expect(x.transposed(1, 0).dimensions == [3, 2])
    #expect(x.reshaped(to: [3, -1]).dimensions == [3, 2])
    #expect(x.flattened().dimensions == [6])
    #expect(x.broadcast(to: [2, 2, 3]).scalars == [1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6])
    #expect(concatenated([x, x], axis: 1).dimensions == [2, 6])
    #expect(stacked([x, x], axis: -1).scalars == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6])
    #expect(x.expandingShape(at: 1).dimensions == [2, 1, 3])
    #expect(x.expandingShape(at: -1).squeezed().dimensions == [2, 3])
    #expect(x.reversed(1).scalars == [3, 2, 1, 6, 5, 4])
    #expect(x.swappingAxes(0, 1).scalars == [1, 4, 2, 5, 3, 6])
    #expect(x[0].tiled([2]).scalars == [1, 2, 3, 1, 2, 3])
    #expect(x[0].padded([(1, 1)], with: 9).scalars == [9, 1, 2, 3, 9])
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
