import Foundation
import Kiln

/// The tables that Utilities/derive_special_points.py writes.
enum SpecialTables {
  /// The rows of a table, without its comments.
  static func rows(_ name: String, file: StaticString = #filePath) throws -> [[String]] {
    let folder = URL(fileURLWithPath: "\(file)").deletingLastPathComponent().appendingPathComponent("Tables")
    let text = try String(contentsOf: folder.appendingPathComponent("\(name).csv"), encoding: .utf8)
    let lines = text.split(separator: "\n").filter { !$0.hasPrefix("#") }
    return lines.map { $0.split(separator: ",").map(String.init) }
  }

  /// nil for `-`: nothing is promised there.
  static func number(_ text: String) -> Double? { text == "-" ? nil : Double(text) }
}

/// Whether a derivative is what the table says: to nine digits of it, or of the greatest number beside it.
func agrees(_ found: Double, _ expected: Double, scale: Double = 0) -> Bool {
  if expected.isNaN { return found.isNaN }
  if expected.isInfinite || found.isInfinite { return found == expected }
  let tolerance = 1e-9 * max(abs(expected), scale.isFinite ? scale : 0)
  return abs(found - expected) <= max(tolerance, expected == 0 ? 1e-13 : 1e-100)
}

/// A function of a tensor, element by element or as a whole.
typealias Function = @Sendable (Tensor<Double>) -> Tensor<Double>

/// The derivative of a function that works element by element, as such a function.
enum Mode: CaseIterable, Sendable {
  case reverse, forward

  func derivative(of f: @escaping Function) -> Function {
    switch self {
    case .reverse: { x in gradient(at: x) { (x: Tensor<Double>) in f(x).sum() } }
    case .forward: { x in jvp(at: x, along: Tensor<Double>.ones(x.dimensions)) { (x: Tensor<Double>) in f(x) }.tangent }
    }
  }
}
