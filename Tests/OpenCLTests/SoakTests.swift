import Foundation
import KilnIR
import KilnTesting
import Testing

/// `KILN_SOAK` programs, from seed `KILN_SOAK_SEED` on.
enum SoakOptions {
  static let programCount = number("KILN_SOAK", else: 0)
  static let seed = UInt64(number("KILN_SOAK_SEED", else: 1_000_000))

  private static func number(_ name: String, else other: Int) -> Int {
    Int(ProcessInfo.processInfo.environment[name] ?? "").map { max($0, 0) } ?? other
  }
}

/// `make soak`: many random programs on every back end, and all ops on all dtypes. Whatever the generator of programs learns
/// is in them.
@Suite("Soak", .enabled(if: SoakOptions.programCount > 0), .serialized)
struct SoakTests {
  private static let seed = SoakOptions.seed

  private func programs() throws -> (matrix: [RandomProgram], random: [RandomProgram]) {
    var options = RandomProgram.Options()
    if OpenCLHarness.runs { options.dtypes = try RandomOpenCLTests.dtypes() }
    let matrix = try RandomProgram.covering(options.dtypes, poolSize: 300, seed: Self.seed)
    let random = try (0..<UInt64(SoakOptions.programCount)).map { number throws(ConstraintFailure) in
      try RandomProgram(seed: Self.seed + 1_000_000 + number, options: options)
    }
    return (matrix, random)
  }

  private func report(_ backend: String, _ matrix: [RandomProgram], _ random: [RandomProgram], since start: Date) {
    let all = matrix + random
    let cells = all.reduce(into: Set<String>()) { $0.formUnion($1.cells) }
    let counts = all.reduce(into: [String: Int]()) { $0.merge($1.opCounts, uniquingKeysWith: +) }
    let rare = counts.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.prefix(5).map { "\($0.key) \($0.value)" }
    let seconds = Int(Date().timeIntervalSince(start))
    print(
      "soak, \(backend): \(matrix.count) programs of the matrix and \(random.count) random ones from seed \(Self.seed); "
        + "\(cells.count) pairs of op and dtypes, \(counts.values.reduce(0, +)) ops of \(counts.count) kinds, the rarest "
        + "\(rare.joined(separator: ", ")); \(seconds) s")
  }

  @Test("S1 S3: OpenCL, fused and not, for processors and graphics processors", .enabled(if: OpenCLHarness.runs))
  func openCL() throws {
    let start = Date()
    let (matrix, random) = try programs()
    try RandomOpenCLTests.expectAgreement(matrix + random) { _ in true }
    report("OpenCL", matrix, random, since: start)
  }

  @Test("S1 S3: the processor, fused and not")
  func processor() throws {
    let start = Date()
    let (matrix, random) = try programs()
    for (number, program) in (matrix + random).enumerated() {
      for fuses in [true, false] {
        func disagreement(_ program: RandomProgram) -> String? {
          program.disagreement { try OpenCLHarness.runOnCPU($0, fuses: fuses) }
        }
        guard let reason = disagreement(program) else { continue }
        let small = program.shrunk { disagreement($0) != nil }
        Issue.record("program \(number), \(fuses ? "fused" : "unfused"): \(reason)\n\(small.listing)")
        return
      }
    }
    report("processor", matrix, random, since: start)
  }
}
