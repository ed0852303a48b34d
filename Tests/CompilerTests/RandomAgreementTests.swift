import KilnBackends
import KilnIR
import KilnTesting
import Testing

/// Random programs give the reference's bits on the CPU, fused and not, on one, two and three threads, and as eager
/// operations (S1, S3, R6).
@Suite("Random programs on the CPU")
struct RandomAgreementTests {
  static let programCount: UInt64 = 2000

  @Test("S1 S3 R6: reference, fused, unfused, 1 to 3 threads", arguments: 0..<UInt64(8))
  func agreement(part: UInt64) throws {
    let range = part * Self.programCount / 8..<(part + 1) * Self.programCount / 8
    for seed in range {
      let program = try RandomProgram(seed: seed)
      for fuses in [true, false] {
        let backend = Backend.processor(fuses: fuses)
        guard let reason = program.disagreement(on: backend) else { continue }
        let small = program.shrunk { $0.disagreement(on: backend) != nil }
        Issue.record("seed \(seed), \(fuses ? "fused" : "unfused"): \(reason)\n\(small.listing)")
        return
      }
    }
  }

  @Test("S1: operation by operation, as eager code runs them", arguments: 0..<UInt64(4))
  func eager(part: UInt64) throws {
    for seed in stride(from: part, to: Self.programCount, by: 4 * 4) {
      let program = try RandomProgram(seed: seed)
      guard let reason = program.disagreement(on: .eager) else { continue }
      let small = program.shrunk { $0.disagreement(on: .eager) != nil }
      Issue.record("seed \(seed): \(reason)\n\(small.listing)")
      return
    }
  }

  @Test("S1: the plan run by the kernel interpreter", arguments: [true, false])
  func kernelReference(fuses: Bool) throws {
    for seed in stride(from: 0, to: Self.programCount, by: 8) {
      let program = try RandomProgram(seed: seed)
      #expect(program.disagreement(on: .kernelReference(fuses: fuses)) == nil, "seed \(seed)")
    }
  }

  @Test("Every op occurs at least 50 times, and sizes 0, 1, 17 and 65")
  func statistics() throws {
    var counts: [String: Int] = [:]
    var sizes: Set<Int> = []
    for seed in 0..<Self.programCount {
      let program = try RandomProgram(seed: seed)
      counts.merge(program.opCounts, uniquingKeysWith: +)
      for function in program.module.functions {
        for type in function.valueTypes.elements { sizes.formUnion(type.shape.dimensions) }
      }
    }
    print(
      "random programs, ops:", counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    )
    for label in RandomProgram.allLabels { #expect(counts[label, default: 0] >= 50, "\(label) is rare") }
    #expect(sizes.isSuperset(of: [0, 1, 17, 65]))
  }
}
