/// What is measured of one workload. The JSON names are those of the peers' program, whose tables read them.
public struct WorkloadResult: Codable, Sendable {
  /// Microseconds of a call, after warm-up.
  public var median: Double
  public var minimum: Double
  public var percentile90: Double
  public var repetitions: Int
  /// Milliseconds of the first call: trace, compilation, run.
  public var first: Double
  public var checksums: [[Double]]
  /// The largest error of a checksum, relative; nil where it is not known what is right.
  public var maximumRelativeError: Double?
  public var isCorrect: Bool?
  public var peakMegabytes: Double
  /// Cores that other processes used meanwhile.
  public var otherCores: Double

  enum CodingKeys: String, CodingKey {
    case median = "median_us"
    case minimum = "min_us"
    case percentile90 = "p90_us"
    case repetitions = "reps"
    case first = "first_ms"
    case checksums
    case maximumRelativeError = "max_rel_err"
    case isCorrect = "ok"
    case peakMegabytes = "peak_rss_mb"
    case otherCores = "other_cores"
  }

  /// The result for nanoseconds of calls.
  init(times: [UInt64], first: UInt64, checksums: [[Double]], otherCores: Double) {
    func rounded(_ x: Double, _ unit: Double = 1000) -> Double { (x * unit).rounded() / unit }
    let sorted = times.sorted()
    func microseconds(_ quantile: Double) -> Double {
      let position = quantile * Double(sorted.count - 1)
      let below = Double(sorted[Int(position)])
      let above = Double(sorted[min(Int(position) + 1, sorted.count - 1)])
      return rounded((below + (above - below) * (position - position.rounded(.down))) / 1000)
    }
    (median, minimum, percentile90) = (microseconds(0.5), microseconds(0), microseconds(0.9))
    repetitions = times.count
    self.first = rounded(Double(first) / 1e6)
    self.checksums = checksums
    self.otherCores = rounded(otherCores, 100)
    peakMegabytes = rounded(Stopwatch.peakMegabytes(), 10)
  }

  /// The result with the error against the expected checksums of all outputs.
  func verified(by expected: [[Double]]) -> WorkloadResult {
    let isComplete = expected.count == checksums.count && !expected.isEmpty
    let errors = zip(checksums, expected).map { Checksum.error(of: $0, expected: $1) }
    let error = isComplete ? errors.max() ?? 0 : .infinity
    var result = self
    result.maximumRelativeError = min(error, .greatestFiniteMagnitude)
    result.isCorrect = error <= Checksum.tolerance
    return result
  }
}

/// The measurements of one run of `kiln bench`.
public struct BenchmarkReport: Codable, Sendable {
  public var peer = "kiln"
  public var version: String
  public var threads: Int
  public var cpu: String
  public var results: [String: WorkloadResult]

  public init(version: String, threads: Int, cpu: String, results: [String: WorkloadResult] = [:]) {
    self.version = version
    self.threads = threads
    self.cpu = cpu
    self.results = results
  }
}
