import Foundation
import Kiln
import KilnNN
import Testing

/// Layers beside the formulas of their comments, written out number by number.
@Suite("Layers beside loops")
struct LayerLoopTests {
  private typealias Rows = [[Double]]

  private func rows(_ x: Tensor<Double>) -> Rows {
    let width = x.dimensions[x.rank - 1]
    return stride(from: 0, to: x.count, by: width).map { Array(x.scalars[$0..<$0 + width]) }
  }

  /// x · weight + bias.
  private func product(_ x: [Double], _ weight: Rows, _ bias: [Double]? = nil) -> [Double] {
    weight[0].indices.map { j in
      x.indices.reduce(bias?[j] ?? 0) { $0 + x[$1] * weight[$1][j] }
    }
  }

  private func sigma(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  private func expect(_ found: Tensor<Double>, _ expected: Rows) {
    #expect(found.isClose(to: Tensor(expected).reshaped(to: found.dimensions), absoluteTolerance: 1e-12))
  }

  @Test("LSTM and GRU, one sequence place by place")
  func recurrent() {
    let x = Tensor<Double>.randomNormal([1, 4, 3], key: RandomKey(seed: 1))
    let lstm = LSTM(inputs: 3, units: 2, of: Double.self, key: RandomKey(seed: 2))
    var (h, c) = ([0.0, 0], [0.0, 0])
    var outputs: Rows = []
    for place in rows(x) {
      let own = product(place, rows(lstm.cell.inputWeight), lstm.cell.bias.scalars)
      let parts = zip(own, product(h, rows(lstm.cell.hiddenWeight))).map { $0 + $1 }
      for unit in 0..<2 {
        c[unit] = sigma(parts[2 + unit]) * c[unit] + sigma(parts[unit]) * tanh(parts[4 + unit])
        h[unit] = sigma(parts[6 + unit]) * tanh(c[unit])
      }
      outputs.append(h)
    }
    let states = lstm.states(of: x)
    expect(states.outputs, outputs)
    expect(states.last.hidden, [h])
    expect(states.last.cell, [c])

    var gru = GRU(inputs: 3, units: 2, of: Double.self, key: RandomKey(seed: 3))
    gru.cell.candidateBias = Tensor([0.5, -0.25])
    (h, outputs) = ([0, 0], [])
    for place in rows(x) {
      let own = product(place, rows(gru.cell.inputWeight), gru.cell.bias.scalars)
      let past = product(h, rows(gru.cell.hiddenWeight))
      h = (0..<2).map { unit in
        let (reset, update) = (sigma(own[unit] + past[unit]), sigma(own[2 + unit] + past[2 + unit]))
        let candidate = tanh(own[4 + unit] + reset * (past[4 + unit] + [0.5, -0.25][unit]))
        return (1 - update) * candidate + update * h[unit]
      }
      outputs.append(h)
    }
    expect(gru(x), outputs)
  }

  @Test("causal attention with two heads that share keys and values")
  func attention() {
    let x = Tensor<Double>.randomNormal([1, 4, 6], key: RandomKey(seed: 1))
    let layer = MultiHeadAttention(
      width: 6, heads: 2, keyValueHeads: 1, isCausal: true, of: Double.self, key: RandomKey(seed: 2))
    func projected(_ dense: Dense<Double>) -> Rows {
      rows(x).map { product($0, rows(dense.weight), dense.bias?.scalars) }
    }
    let (queries, keys, values) = (projected(layer.query), projected(layer.key), projected(layer.value))
    let expected = queries.indices.map { place in
      var mixed: [Double] = []
      for head in 0..<2 {
        let query = queries[place][(3 * head)..<(3 * head + 3)]
        let weights = (0...place).map { other in
          exp(zip(query, keys[other]).reduce(0) { $0 + $1.0 * $1.1 } / 3.0.squareRoot())
        }
        let sum = weights.reduce(0, +)
        mixed += (0..<3).map { i in weights.indices.reduce(0) { $0 + weights[$1] / sum * values[$1][i] } }
      }
      return product(mixed, rows(layer.output.weight), layer.output.bias?.scalars)
    }
    expect(layer(x), expected)
  }

  @Test("rotary positions turn pairs, and products depend on the distance alone")
  func rotary() {
    let x = Tensor<Double>.randomNormal([1, 4], key: RandomKey(seed: 1))
    let layer = RotaryPositions(width: 4, of: Double.self)
    func at(_ place: Int32) -> [Double] { layer(x, offset: Tensor(place)).scalars }
    let numbers = x.scalars
    let turned = (0..<4).map { i in
      let (pair, angle) = (i % 2, 5 / pow(10_000, Double(i % 2) / 2))
      let (a, b) = (numbers[pair], numbers[pair + 2])
      return i < 2 ? a * cos(angle) - b * sin(angle) : b * cos(angle) + a * sin(angle)
    }
    #expect(zip(at(5), turned).allSatisfy { abs($0 - $1) < 1e-14 })
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    #expect(abs(dot(at(2), at(7)) - dot(at(100), at(105))) < 1e-12)
  }

  @Test("depthwise and separable convolutions, window by window")
  func convolutions() {
    let x = Tensor<Double>.randomNormal([1, 3, 3, 2], key: RandomKey(seed: 1))
    let layer = SeparableConv2D(
      inputs: 2, outputs: 3, multiplier: 2, window: 2, of: Double.self, key: RandomKey(seed: 2))
    let filter = layer.depthwise.filter
    var expected: Rows = []
    for (row, column) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
      var spread: [Double] = []
      for channel in 0..<2 {
        for copy in 0..<2 {
          var sum = 0.0
          for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            sum += x[0, row + i, column + j, channel].item * filter[i, j, channel, copy].item
          }
          spread.append(sum)
        }
      }
      expected.append(product(spread, rows(layer.pointwise.weight), layer.pointwise.bias?.scalars))
    }
    expect(layer(x), expected)
  }
}
