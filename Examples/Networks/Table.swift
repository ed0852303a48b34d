import Foundation
import Kiln

/// What is printed: a line for each example.
struct Table {
  static let head = line("example", "metric", "found", "bar", "compiles", "seconds") + "  bits"
  /// The examples that did not reach their bars, or compiled their step more than once.
  private(set) var missed: [String] = []

  mutating func row(_ name: String, _ outcome: Outcome, seconds: Double) -> String {
    if !outcome.bar.admits(outcome.value) || outcome.compilations != 1 { missed.append(name) }
    let bar =
      switch outcome.bar {
      case .atLeast(let bar): ">= \(Self.number(bar))"
      case .atMost(let bar): "<= \(Self.number(bar))"
      }
    return Self.line(
      name, outcome.metric, Self.number(outcome.value), bar, "\(outcome.compilations)",
      String(format: "%.1f", seconds)) + "  " + String(outcome.bits, radix: 16)
  }

  private static func number(_ value: Double) -> String { String(format: "%.4f", value) }

  private static func line(_ cells: String...) -> String {
    let widths = [16, 44, 10, 13, 10, 9]
    return zip(cells, widths).enumerated().map { column, cell in
      let blanks = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return column < 2 ? cell.0 + blanks : blanks + cell.0
    }.joined()
  }
}

extension TensorTree {
  /// A number that differs, but for chance, where any bit of any tensor does (FNV-1a).
  var bitsDigest: UInt64 {
    tensors.reduce(0xCBF2_9CE4_8422_2325) { digest, entry in
      entry.tensor.bytes.reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
  }
}
