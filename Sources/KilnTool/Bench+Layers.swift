import Foundation
import KilnBenchmarks
import KilnIR

extension Bench {
  func measureLayers() throws {
    let found = try reporting("layers") { () throws(KilnError) in try LayerSteps.measure(seconds: budget) }
    print("step            by hand µs   with layers µs    ratio   difference")
    for step in found {
      print(
        step.name.padding(toLength: 14, withPad: " ", startingAt: 0)
          + String(format: "%12.1f%17.1f%9.3f%13.0e", step.byHand, step.withLayers, step.ratio, step.difference))
    }
    let wrong = found.filter { !($0.difference < 1e-4) }.map(\.name)
    guard wrong.isEmpty else {
      throw ToolError(KilnError("bench.C1", "wrong results: \(wrong.joined(separator: ", "))"), in: "bench")
    }
  }
}
