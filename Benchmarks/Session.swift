import Kiln
import KilnIR

/// Measures one workload: an unrelated function is compiled first; then comes the first call; after warm calls for 0.3
/// s single calls are timed until the budget is used.
struct Session {
  /// Seconds of timed calls.
  var budget = 2.0
  private static let warmSeconds = 0.3
  private static let fewestCalls = 5
  private static let mostCalls = 5000

  /// - Parameters:
  ///   - call: one call of the compiled function on prepared inputs.
  ///   - outputs: the outputs of a call, in order.
  ///   - old: what is subtracted from the outputs before the checksum: the old parameters, after nil for the loss.
  func measure<Output>(
    _ name: String, old: [Tensor<Float>?] = [], outputs: (Output) -> [Tensor<Float>],
    _ call: () throws(KilnError) -> Output
  ) throws(KilnError) -> WorkloadResult {
    _ = try compile { (x: Tensor<Float>) in x * 3 }.run(Noise.tensor([3], seed: 1))
    let start = Stopwatch.now()
    var first: Output? = try call()
    let firstNanoseconds = Stopwatch.now() - start
    let checksums = Self.checksums(first.map(outputs) ?? [], old)
    first = nil
    let (times, otherCores) = try time(call)
    return Self.measurement(name, times, otherCores, firstNanoseconds, checksums)
  }

  /// The nanoseconds of each timed call, and the cores that others used meanwhile.
  private func time<Output>(_ call: () throws(KilnError) -> Output) throws(KilnError) -> ([UInt64], Double) {
    let warmEnd = Stopwatch.now() + UInt64(min(Self.warmSeconds, budget) * 1e9)
    repeat { _ = try call() } while Stopwatch.now() < warmEnd
    var times: [UInt64] = []
    times.reserveCapacity(Self.mostCalls)
    let other = Stopwatch.otherCPUSeconds()
    let start = Stopwatch.now()
    let end = start + UInt64(budget * 1e9)
    while times.count < Self.mostCalls && (times.count < Self.fewestCalls || Stopwatch.now() < end) {
      let before = Stopwatch.now()
      _ = try call()
      times.append(Stopwatch.now() - before)
    }
    let seconds = Double(Stopwatch.now() - start) / 1e9
    return (times, max(0, Stopwatch.otherCPUSeconds() - other) / seconds)
  }

  private static func checksums(_ outputs: [Tensor<Float>], _ old: [Tensor<Float>?]) -> [Checksum] {
    outputs.enumerated().map { index, output in
      Checksum(output.scalars, minus: index < old.count ? old[index]?.scalars : nil)
    }
  }

  private static func measurement(
    _ name: String, _ times: [UInt64], _ otherCores: Double, _ first: UInt64, _ checksums: [Checksum]
  ) -> WorkloadResult {
    let sorted = times.sorted()
    func microseconds(_ quantile: Double) -> Double {
      let position = quantile * Double(sorted.count - 1)
      let below = Double(sorted[Int(position)])
      let above = Double(sorted[min(Int(position) + 1, sorted.count - 1)])
      return rounded((below + (above - below) * (position - position.rounded(.down))) / 1000)
    }
    let expected = ExpectedChecksums.table[name] ?? []
    let isComplete = expected.count == checksums.count && !expected.isEmpty
    let error =
      isComplete ? zip(checksums, expected).map { $0.error(expected: $1) }.max() ?? 0 : Double.greatestFiniteMagnitude
    return WorkloadResult(
      median: microseconds(0.5), minimum: microseconds(0), percentile90: microseconds(0.9), repetitions: times.count,
      first: rounded(Double(first) / 1e6), checksums: checksums.map(\.sums),
      maximumRelativeError: min(error, .greatestFiniteMagnitude), isCorrect: error <= Checksum.tolerance,
      peakMegabytes: (Stopwatch.peakMegabytes() * 10).rounded() / 10, otherCores: (otherCores * 100).rounded() / 100)
  }

  private static func rounded(_ x: Double) -> Double { (x * 1000).rounded() / 1000 }
}
