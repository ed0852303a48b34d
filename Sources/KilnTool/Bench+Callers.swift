import Foundation
import KilnBenchmarks
import KilnIR

extension Bench {
  func measureCallers() throws {
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard threads > 0 else { throw ToolError(usage: "--threads takes a positive number, found \(threads)") }
    try reporting("callers") { () throws(KilnError) in
      print("function                      calls/s alone   from \(threads) threads    ratio")
      for found in try Callers.measure(threads: threads, rounds: max(1, Int(budget * 20))) {
        print(
          found.name.padding(toLength: 28, withPad: " ", startingAt: 0)
            + String(format: "%15.0f%17.0f%9.2f", found.alone, found.together, found.ratio))
      }
    }
  }
}
