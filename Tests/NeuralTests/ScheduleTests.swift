import Kiln
import KilnNN
import Testing

@Suite("Schedules")
struct ScheduleTests {
  private func check<Scalar: TensorReal>(_ name: String, _ schedule: Schedule, of type: Scalar.Type) throws {
    let rate = compile { (step: Tensor<Int32>) in
      let rate: Tensor<Scalar> = schedule.rate(at: step)
      return rate
    }
    let found = try (0..<30).map { step in try rate.run(Tensor(Int32(step))).item }
    let expected = try SafetensorsFile(Fixture.path("schedules")).tensor(name, of: Double.self)
    expectClose(Tensor<Scalar>(found), expected, "\(name) of \(Scalar.self)")
    #expect(rate.report.entries.count == 1)
  }

  private func checkAll<Scalar: TensorReal>(of type: Scalar.Type) throws {
    try check("step", .step(0.3, every: 7, factor: 0.25), of: type)
    try check("exponential", .exponential(0.3, factor: 0.97), of: type)
    try check("linear", .linear(from: 0.25, to: 0.05, steps: 20), of: type)
    try check("cosine", .cosine(from: 0.3, to: 0.02, steps: 29), of: type)
    try check("warmUp", .warmUp(steps: 8, from: 0.1, then: .exponential(0.2, factor: 0.9)), of: type)
    try check("oneCycle", .oneCycle(peak: 0.4, steps: 31), of: type)
    try check("oneCycle.shape", .oneCycle(peak: 0.4, steps: 40, rise: 0.4, divisor: 5, lastDivisor: 50), of: type)
    try checkPlateau("plateau", PlateauSchedule<Scalar>(rate: 0.2, factor: 0.5, patience: 2))
    try checkPlateau(
      "plateau.max",
      PlateauSchedule<Scalar>(
        rate: 0.2, factor: 0.3, patience: 1, threshold: 0.1, cooldown: 2, least: 0.01, isGreaterBetter: true))
  }

  private func checkPlateau<Scalar: TensorReal>(_ name: String, _ start: PlateauSchedule<Scalar>) throws {
    let step = compile { (schedule: inout PlateauSchedule<Scalar>, value: Tensor<Scalar>) in
      schedule.update(by: value)
      return schedule.rate
    }
    let file = try SafetensorsFile(Fixture.path("schedules"))
    var schedule = start
    let found = try file.tensor("\(name).values", of: Double.self).scalars.map { value in
      try step.run(updating: &schedule, Tensor(Scalar(value))).item
    }
    expectClose(Tensor<Scalar>(found), try file.tensor(name, of: Double.self), "\(name) of \(Scalar.self)")
    #expect(Set(found).count > 2)
  }

  @Test("rates are PyTorch's, in f64 and f32")
  func rates() throws {
    try checkAll(of: Double.self)
    try checkAll(of: Float.self)
  }

  @Test("beyond its last step a schedule stays, and a constant is one")
  func ends() {
    func rate(_ schedule: Schedule, _ step: Int32) -> Double { schedule.rate(at: Tensor(step)).item }
    #expect(rate(.cosine(from: 1, to: 0.25, steps: 4), 9) == 0.25)
    #expect(rate(.linear(from: 1, to: 0.25, steps: 4), 9) == 0.25)
    #expect(rate(.constant(0.1), 1_000_000) == 0.1)
    #expect(rate(.oneCycle(peak: 1, steps: 10, divisor: 2, lastDivisor: 4), 50) == 0.125)
  }

  @Test("a schedule that does not exist is a diagnostic")
  func mistakes() {
    for schedule: Schedule in [
      .step(1, every: 0, factor: 0.5), .step(1, every: 2, factor: 0), .exponential(1, factor: -1),
      .linear(from: 1, to: 0, steps: 0), .cosine(from: 1, steps: -1), .oneCycle(peak: 1, steps: 3),
      .oneCycle(peak: 1, steps: 30, divisor: 0), .warmUp(steps: 0, then: .constant(1)),
      .warmUp(steps: 2, then: .cosine(from: 1, steps: 0)),
    ] {
      let message = failure { _ = try withDiagnostics { schedule.rate(at: 0) as Tensor<Float> } } ?? "no message"
      #expect(message.contains("[schedule.C1]") && message.contains("ScheduleTests.swift:"), "\(message)")
    }
    let factor = failure { _ = try withDiagnostics { PlateauSchedule<Float>(rate: 1, factor: 1) } }
    #expect(factor?.contains("a factor above 0 and below 1") == true)
  }
}
