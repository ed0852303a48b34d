import Foundation
import Kiln
import KilnIR
import Testing

/// The table of Documentation/SpecialPoints.md says what Kiln does where a function has no derivative, or several.
@Suite struct ConventionTests {
  /// The functions of the table, by their words there.
  private let functions: [String: Function] = [
    "abs(x)": { abs($0) }, "sign(x)": { sign($0) }, "relu(x)": { relu($0) }, "leakyRelu(x)": { leakyRelu($0) },
    "elu(x)": { elu($0) }, "hardSigmoid(x)": { hardSigmoid($0) }, "hardSwish(x)": { hardSwish($0) },
    "maximum(x, 1)": { maximum($0, Tensor(1)) }, "minimum(x, 1)": { minimum($0, Tensor(1)) },
    "clip(x, low: 0, high: 1)": { clip($0, low: 0, high: 1) }, "clip(x, low: 0)": { clip($0, low: 0) },
    "sqrt(x)": { sqrt($0) }, "sqrt(x * x)": { sqrt($0 * $0) }, "sqrt(x) * sqrt(x)": { sqrt($0) * sqrt($0) },
    "cbrt(x)": { cbrt($0) }, "log(x)": { log($0) }, "x.norm()": { $0.reshaped(to: [1]).norm() },
    "x.norm(0.5)": { $0.reshaped(to: [1]).norm(0.5) },
    "x.norm() * x.norm()": { x in
      let norm = x.reshaped(to: [1]).norm()
      return norm * norm
    },
    "pow(x, 0)": { pow($0, Tensor(0)) }, "pow(0, x)": { pow(Tensor(0), $0) }, "pow(x, 1)": { pow($0, Tensor(1)) },
    "atan2(x, 0)": { atan2($0, Tensor(0)) }, "floor(x)": { floor($0) }, "round(x)": { round($0) },
    "stack(x, 1).max()": { Self.pair($0).max() }, "stack(x, 1).min()": { pair($0).min() },
    "stack(x, 1).cumulativeMax()": { Self.pair($0).cumulativeMax().sum() },
    "stack(x, 1).standardDeviation()": { Self.pair($0).standardDeviation() },
    "logSumExp(stack(x, -inf))": { x in logSumExp(stacked([x, Tensor(-Double.infinity)])) },
    "softmax(stack(x, -inf))": { x in softmax(stacked([x, Tensor(-Double.infinity)]))[0] },
    "softplus(x)": { softplus($0) }, "silu(x)": { silu($0) }, "gelu(x)": { gelu($0) }, "mish(x)": { mish($0) },
    "sigmoid(x)": { sigmoid($0) },
  ]

  private static func pair(_ x: Tensor<Double>) -> Tensor<Double> { stacked([x, Tensor(1)]) }

  @Test("the page says what is so")
  func page() throws {
    let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("../../Documentation/SpecialPoints.md")
    let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").compactMap { line -> [String]? in
      let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
      return cells.count >= 4 && cells[0].hasPrefix("`") ? cells : nil
    }
    #expect(rows.count >= 40)
    var named: Set<String> = []
    withDevice(.reference) {
      for row in rows {
        let name = row[0].trimmingCharacters(in: ["`"])
        guard let f = functions[name], let point = Double(row[1]), let value = Double(row[2]),
          let slope = Double(row[3])
        else {
          Issue.record("a row that cannot be read: \(row)")
          continue
        }
        named.insert(name)
        let x = Tensor<Double>(point)
        let found = f(x).item
        #expect(agrees(found, value), "\(name) at \(point): \(found), the page has \(value)")
        for mode in Mode.allCases {
          let number = mode.derivative(of: f)(x).item
          #expect(agrees(number, slope), "the slope of \(name) at \(point), \(mode): \(number), the page has \(slope)")
        }
      }
    }
    #expect(named == Set(functions.keys), "functions without a row: \(Set(functions.keys).subtracting(named))")
  }

  @Test("a NaN shows in the derivative of what chooses")
  func notANumber() {
    let x = Tensor<Double>([1, .nan, 3])
    let choices: [(String, Function)] = [
      ("max", { $0.max() }), ("min", { $0.min() }), ("maximum", { maximum($0, Tensor(2)) }),
      ("minimum", { minimum(Tensor(2), $0) }), ("clamp", { clamp($0, Tensor(0), Tensor(2)) }),
      ("cumulativeMax", { $0.cumulativeMax() }), ("clip", { clip($0, low: 0) }),
      (
        "scattered",
        { x in
          Tensor<Double>([0, 0, 0]).scattered(x, at: Tensor<Int32>([0, 1, 2]), combining: .maximum)
        }
      ),
      ("maxPool", { x in maxPool(x.reshaped(to: [1, 3, 1]), window: 3) }),
    ]
    withDevice(.reference) {
      for (name, f) in choices {
        let reverse = gradient(at: x) { (x: Tensor<Double>) in f(x).sum() }.scalars
        let forward = jvp(at: x, along: Tensor<Double>([0, 1, 0])) { (x: Tensor<Double>) in f(x).sum() }.tangent.item
        #expect(reverse[1].isNaN, "\(name): \(reverse)")
        #expect(forward.isNaN, "\(name), forward: \(forward)")
      }
    }
  }

  @Test("gradient.C3: a gradient by integers alone is refused; beside real tensors they have zeros")
  func integers() {
    let indices = Tensor<Int32>([1, 0])
    let table = Tensor<Double>([5, 6])
    let mistakes: [(String, () -> Void)] = [
      ("gradient", { _ = gradient(at: indices) { (i: Tensor<Int32>) in table.gathered(i).sum() } }),
      ("valueAndGradient", { _ = valueAndGradient(at: indices) { (i: Tensor<Int32>) in table.gathered(i).sum() } }),
      ("jacobian", { _ = jacobian(at: indices) { (i: Tensor<Int32>) in table.gathered(i) } }),
      ("vjp", { _ = vjp(at: indices) { (i: Tensor<Int32>) in table.gathered(i) } }),
    ]
    for (name, mistake) in mistakes {
      #expect(throws: (any Error).self, "\(name)") { try withDiagnostics { mistake() } }
      do { try withDiagnostics { mistake() } } catch {
        #expect("\(error)".contains("gradient.C3"), "\(name): \(error)")
      }
    }
    let (dx, di) = gradient(at: table, indices) { (x: Tensor<Double>, i: Tensor<Int32>) in x.gathered(i).sum() }
    #expect(dx.scalars == [1, 1] && di.scalars == [0, 0])
  }
}
