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
  /// The largest error of a checksum, relative.
  public var maximumRelativeError: Double
  public var isCorrect: Bool
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
