import Foundation
import KilnIR
import KilnTesting
import Testing

@Suite("Texts of plans") struct PlanTextTests {
  /// A plan with all that a text has to say.
  static func richPlan() throws -> ExecutionPlan {
    var plan = try PlanTests.plan()
    plan.device.name = "a \"device\" \\ of\ntwo lines"
    plan.parameters[1].isHidden = true
    plan.constants = [
      try Literal(TensorType(.f32, [3]), bits: [0x7FC0_0000, 0x8000_0000, 0x0000_0001]),
      Literal(splat: Scalar(Double.infinity), shape: [2, 2]),
      try Literal(TensorType(.f64, [1024]), bits: (0..<1024).map { 0x3FF0_0000_0000_0000 &+ $0 &* 0x9E37_79B9 }),
    ]
    plan.slots[2].name = "copy of %2"
    plan.refusedDonations = [.init(parameter: 1, result: 0)]
    plan.memory.allocations = [
      .init(name: "@body %x", offset: 0, byteCount: 64, steps: 0...7),
      .init(name: "workspace 3", offset: 64, byteCount: 64, steps: 3...4),
    ]
    plan.memory.inPlace = [.init(name: "result 0", operand: "%1", step: 2, label: "add+less")]
    guard case .launch(var launch) = plan.steps[0] else { return plan }
    launch.label = "gather+add"
    launch.sites = [
      .init(spelling: "gather", axis: 1, extent: 9, location: .position(file: "a b.swift", line: 3, column: 7)),
      .init(spelling: "scatter", axis: 0, extent: 4, location: .position(file: "c.swift", line: 12, column: 0)),
      .init(spelling: "gather", axis: 0, extent: 2, location: .unknown),
    ]
    plan.steps[0] = .launch(launch)
    return plan
  }

  @Test("A plan is read back, with every field")
  func roundTrip() throws {
    for plan in [try PlanTests.plan(), try PlanRepeatTests.plan(), try Self.richPlan()] {
      let text = plan.description
      let again = try ExecutionPlan(parsing: text, file: "plan")
      #expect(again == plan, "\(text)")
      #expect(again.description == text)
      #expect(try MemoryPlan(parsing: plan.memory.description, file: "memory") == plan.memory)
    }
  }

  @Test("Addresses of the process that made a plan are left out")
  func addresses() throws {
    var plan = try Self.richPlan()
    guard case .launch(var launch) = plan.steps[0] else { return }
    launch.sites[0].location = .returnAddresses([1, 2])
    plan.steps[0] = .launch(launch)
    let again = try ExecutionPlan(parsing: plan.description, file: "plan")
    #expect(again.launches[0].sites[0].location == .unknown)
  }

  /// What is replaced by what, the label, and the line and column that it is found at.
  static let damages: [(found: String, replacement: String, label: String, place: String)] = [
    ("plan @count", "func @count", "parse.C1", "1:1"), ("numerics 1", "numerics 2", "plan.version", "2:12"),
    ("kind = cpu", "kind = tpu", "attribute.C3", "3:42"), ("kind = cpu, ", "", "attribute.C2", "3:42"),
    ("parameter 1", "parameter 2", "parse.C1", "5:13"), ("%which", "%2", "parse.C5", "5:23"),
    ("[nan,", "[1, 2,", "constant.C1", "6:24"), ("= arena + 64", "= arena", "parse.C1", "13:3"),
    ("= arena + 64", "= arena + 4096", "plan.C2", "1:1"), ("slot 5: i32[]", "slot 5: i33[]", "parse.C9", "14:11"),
    ("launch k0 slots [2, 3]", "launch k9 slots [2, 3]", "plan.C1", "1:1"),
    ("launch k0 slots [2, 3]", "launch q slots [2, 3]", "parse.C1", "24:17"),
    ("gather axis 1 of 9", "gather axis 1 of -9", "plan.C9", "1:1"),
    ("integers []", "integers [99999999999999999999]", "parse.C6", "15:39"),
    ("= written", "= read", "parse.C1", "37:21"), ("arena 192 bytes", "arena -64 bytes", "memory.C1", "39:1"),
    ("64 ..< 128", "128 ..< 64", "parse.C1", "42:16"), ("without reuse 128", "without reuse 64", "parse.C1", "40:45"),
    ("schedule serial", "schedule parallel", "parse.C4", "57:12"), ("k1: kernel", "k7: kernel", "parse.C1", "59:1"),
  ]

  @Test("A damaged plan is a labelled error at its line and column", arguments: damages.indices)
  func damage(_ number: Int) throws {
    let text = try Self.richPlan().description
    let damage = Self.damages[number]
    let range = try #require(text.range(of: damage.found), "\(damage.found)")
    let damaged = text.replacingCharacters(in: range, with: damage.replacement)
    let error = #expect(throws: KilnError.self) { try ExecutionPlan(parsing: damaged, file: "damaged.plan") }
    let diagnostic = try #require(error?.diagnostics.first)
    #expect(diagnostic.label == damage.label, "\(diagnostic)")
    #expect(diagnostic.location.description == "damaged.plan:\(damage.place)", "\(diagnostic)")
  }

  @Test("A plan that ends early is an error wherever it ends")
  func truncation() throws {
    let text = try PlanTests.plan().description
    for count in stride(from: 0, to: text.utf8.count - 2, by: 7) {
      let error = #expect(throws: KilnError.self) {
        try ExecutionPlan(parsing: String(decoding: text.utf8.prefix(count), as: UTF8.self), file: "short.plan")
      }
      #expect(error?.diagnostics.first?.location.description.hasPrefix("short.plan:") == true)
    }
  }

  @Test("A plan whose regions nest too deeply is refused")
  func depth() throws {
    let text = try PlanRepeatTests.plan().description
    let start = try #require(text.range(of: "  0: "))
    let nest = (0..<100_000).map { "\($0): repeat 1 times {" }.joined(separator: "\n")
    let error = #expect(throws: KilnError.self) {
      try ExecutionPlan(parsing: String(text[..<start.lowerBound]) + nest, file: "deep.plan")
    }
    #expect(error?.diagnostics.first?.label == "parse.C7")
  }

  @Test("A launch that is left to a library is a matrix product")
  func library() throws {
    var plan = try PlanTests.plan()
    guard case .launch(var launch) = plan.steps[0] else { return }
    launch.usesLibrary = true
    plan.steps[0] = .launch(launch)
    #expect(PlanVerifier.diagnostics(for: plan).map(\.label) == ["plan.C9"])
  }
}

@Suite("Fuzzing of plans") struct PlanFuzzTests {
  /// The plans that cases of lowering expect.
  static let seeds: [[UInt8]] = {
    ParserFuzzTests.texts.flatMap { bytes in
      let text = String(decoding: bytes, as: UTF8.self)
      guard text.hasPrefix("// test: lowering"), let plans = text.range(of: "// expect:\n") else { return [[UInt8]]() }
      return text[plans.upperBound...].components(separatedBy: "\n\nplan ").map { part in
        Array((part.hasPrefix("plan ") ? part : "plan " + part).utf8)
      }
    }.filter { $0.count < 6000 }
  }()

  @Test("No text crashes the reader of plans, and what it accepts it prints and reads back", arguments: 0..<8)
  func mutations(_ seed: UInt64) throws {
    try #require(Self.seeds.count > 30)
    var random = SplitMix64(seed: seed)
    var acceptedCount = 0
    for _ in 0..<200 {
      var bytes = Self.seeds.randomElement(using: &random)!
      for _ in 0..<Int.random(in: 0...3, using: &random) { ParserFuzzTests.mutate(&bytes, &random) }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let plan = try? ExecutionPlan(parsing: text, file: "fuzz") else { continue }
      acceptedCount += 1
      #expect(try ExecutionPlan(parsing: plan.description, file: "printed") == plan, "seed \(seed): \(text)")
    }
    #expect(acceptedCount > 20)
  }
}
