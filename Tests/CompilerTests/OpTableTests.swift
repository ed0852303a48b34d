import Foundation
import KilnBackends
import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Every op under every rule on every dtype: the table of `Documentation/OpTable.md`, made by trying.
/// `KILN_BLESS=1` rewrites the page.
@Suite("The table of ops, rules and dtypes")
struct OpTableTests {
  private static let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Documentation/OpTable.md")

  @Test("the page says what is so, and no rule gives a wrong result")
  func table() throws {
    var table = OpTable()
    for label in RandomProgram.allLabels {
      for dtype in DType.allCases {
        guard let program = try RandomProgram.single(label, dtype: dtype) else { continue }
        for rule in OpTable.Rule.allCases where rule.applies(to: dtype) {
          table.note(label, dtype, rule, Self.outcome(rule, program))
        }
      }
    }
    #expect(table.wrong.isEmpty, "\(table.wrong.joined(separator: "\n"))")
    if ProcessInfo.processInfo.environment["KILN_BLESS"] == "1" {
      try table.text.write(to: Self.page, atomically: true, encoding: .utf8)
    }
    let written = try? String(contentsOf: Self.page, encoding: .utf8)
    #expect(written == table.text, "KILN_BLESS=1 rewrites Documentation/OpTable.md")
  }

  private static func outcome(_ rule: OpTable.Rule, _ program: RandomProgram) -> OpTable.Outcome {
    let parameters = program.module[program.entry]?.parameters ?? []
    let reals = parameters.indices.filter { parameters[$0].type.dtype.isReal }
    do throws(KilnError) {
      switch rule {
      case .evaluate: _ = try program.run()
      case .kernel:
        return agreement(program) { try $0.run(on: .kernelReference()) }
      case .cpu:
        return agreement(program) { try $0.run(on: .processor(pools: [Backend.pools[0]])) }
      case .reverse:
        if !reals.isEmpty { _ = try Pass.vjp(of: program.entry, withRespectTo: reals).run(program.module) }
      case .forward:
        if !reals.isEmpty { _ = try Pass.jvp(of: program.entry, withRespectTo: reals).run(program.module) }
      case .batch:
        _ = try Pass.vmap(of: program.entry, size: 2, over: Array(parameters.indices)).run(program.module)
      }
      return .holds
    } catch {
      return .refused(error.diagnostics.first.map { "`\($0.label)`: \($0.message)" } ?? "no reason")
    }
  }

  private static func agreement(
    _ program: RandomProgram, _ run: (RandomProgram) throws -> [TensorValue]
  ) -> OpTable.Outcome {
    program.disagreement(run).map { .wrong($0 + "\n" + program.listing) } ?? .holds
  }
}

/// What was found, and its text.
private struct OpTable {
  enum Rule: String, CaseIterable {
    case evaluate, kernel, cpu, reverse, forward, batch

    func applies(to dtype: DType) -> Bool {
      switch self {
      case .evaluate, .kernel, .cpu, .batch: true
      case .reverse, .forward: dtype.isReal
      }
    }
  }

  enum Outcome {
    case holds
    case refused(String)
    case wrong(String)
  }

  private var rows: [(label: String, cells: [DType: [(rule: Rule, reason: String)]])] = []
  private(set) var wrong: [String] = []

  mutating func note(_ label: String, _ dtype: DType, _ rule: Rule, _ outcome: Outcome) {
    if rows.last?.label != label { rows.append((label, [:])) }
    let row = rows.count - 1
    rows[row].cells[dtype, default: []] += []
    switch outcome {
    case .holds: break
    case .refused(let reason): rows[row].cells[dtype]?.append((rule, reason))
    case .wrong(let reason): wrong.append("\(label) \(dtype) \(rule.rawValue): \(reason)")
    }
  }

  var text: String {
    var lines = [
      "# Ops, rules and dtypes", "",
      "Made by `KILN_BLESS=1 swift test --filter OpTableTests`, which tries every op on every dtype under every rule:",
      "evaluation by the graph interpreter, its kernels in the kernel interpreter and on the CPU (equal bits), reverse mode,",
      "forward mode, batching.",
      "● all rules hold · a number: see the reasons below",
      "· – the op does not take the dtype: [its entry](Spec.md) names the label.", "",
      "| op | " + DType.allCases.map(\.description).joined(separator: " | ") + " |",
      "|---|" + DType.allCases.map { _ in ":-:|" }.joined(),
    ]
    var reasons: [String] = []
    for row in rows {
      let cells = DType.allCases.map { dtype -> String in
        guard let refusals = row.cells[dtype] else { return "–" }
        if refusals.isEmpty { return "●" }
        return refusals.map { refusal in
          let reason = "\(refusal.rule.rawValue): \(refusal.reason)"
          if !reasons.contains(reason) { reasons.append(reason) }
          return "\((reasons.firstIndex(of: reason) ?? 0) + 1)"
        }.joined(separator: ", ")
      }
      lines.append("| `\(row.label)` | " + cells.joined(separator: " | ") + " |")
    }
    lines += [""] + reasons.enumerated().map { "\($0 + 1). \($1)" }
    return lines.joined(separator: "\n") + "\n"
  }
}
