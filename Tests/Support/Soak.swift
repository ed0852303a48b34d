import Foundation
public import KilnIR

/// What `make soak` runs: `KILN_SOAK` random programs from seed `KILN_SOAK_SEED` on, and programs that together have
/// every op on every dtype. Whatever the generator of programs learns is in them.
public struct Soak {
  public static let programCount = number("KILN_SOAK", else: 0)
  public static let seed = UInt64(number("KILN_SOAK_SEED", else: 1_000_000))

  private static func number(_ name: String, else other: Int) -> Int {
    Int(ProcessInfo.processInfo.environment[name] ?? "").map { max($0, 0) } ?? other
  }

  public let matrix: [RandomProgram]
  public let random: [RandomProgram]
  private let start = Date()

  public var programs: [RandomProgram] { matrix + random }

  public init(dtypes: [DType]? = nil) throws {
    var options = RandomProgram.Options()
    if let dtypes { options.dtypes = dtypes }
    matrix = try RandomProgram.covering(options.dtypes, poolSize: 300, seed: Self.seed)
    random = try (0..<UInt64(Self.programCount)).map { number throws(ConstraintFailure) in
      try RandomProgram(seed: Self.seed + 1_000_000 + number, options: options)
    }
  }

  /// Prints what was run on `backend`.
  public func report(_ backend: String) {
    let cells = programs.reduce(into: Set<String>()) { $0.formUnion($1.cells) }
    let counts = programs.reduce(into: [String: Int]()) { $0.merge($1.opCounts, uniquingKeysWith: +) }
    let forms = programs.reduce(into: [String: Int]()) { $0.merge($1.formCounts, uniquingKeysWith: +) }
    let rare = counts.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(5).map { "\($0.key) \($0.value)" }
    print(
      "soak, \(backend): \(matrix.count) programs of the matrix and \(random.count) random ones from seed \(Self.seed); "
        + "\(cells.count) pairs of op and dtypes, \(counts.values.reduce(0, +)) ops of \(counts.count) kinds, the rarest "
        + "\(rare.joined(separator: ", ")); \(forms.values.reduce(0, +)) special forms of \(forms.count) kinds; "
        + "\(Int(Date().timeIntervalSince(start))) s")
  }
}
