public import Kiln
public import KilnIR

/// Measures one workload: an unrelated function is compiled first; then comes the first call; after warm calls for 0.3
/// s single calls are timed until the budget is used.
public struct Session: Sendable {
  /// Seconds of timed calls.
  var budget = 2.0
  /// What stands for `n` in a workload of many sizes.
  public var size = 0
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
    let result = try measure(call) { output in
      outputs(output).enumerated().map { index, output in
        Checksum(output.scalars.lazy.map { Double($0) }, minus: index < old.count ? old[index]?.scalars : nil)
      }
    }
    return result.verified(by: ExpectedChecksums.table[name] ?? [])
  }

  /// Measures a function whose output is a tree of tensors and whose checksums are compared elsewhere.
  public func measure(_ call: () throws(KilnError) -> some TensorTree) throws(KilnError) -> WorkloadResult {
    try measure(call) { $0.tensors.map { Checksum($0.tensor) } }
  }

  private func measure<Output>(
    _ call: () throws(KilnError) -> Output, checksums: (Output) -> [Checksum]
  ) throws(KilnError) -> WorkloadResult {
    _ = try compile { (x: Tensor<Float>) in x * 3 }.run(Noise.tensor([3], seed: 1))
    let start = Stopwatch.now()
    var first: Output? = try call()
    let firstNanoseconds = Stopwatch.now() - start
    let sums = first.map { checksums($0).map(\.sums) } ?? []
    first = nil
    let (times, otherCores) = try time(call)
    return WorkloadResult(times: times, first: firstNanoseconds, checksums: sums, otherCores: otherCores)
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
}
