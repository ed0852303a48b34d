import Glibc
package import KilnIR
import KilnRuntime

extension OpenCLExecutable {
  /// The seconds that `KILN_TUNE` allows for the tuning of each program; nil without it.
  package static let tuningSeconds: Double? = Setting.number("KILN_TUNE", in: 0.001...86_400)

  /// What tuning found for one launch.
  package struct Tuning: Hashable, Sendable {
    package var label: String
    /// The mappings tried, by name, the one of the table first, and the least nanoseconds of each.
    package var measured: [Measured]
    /// The name of the fastest.
    package var chosen: String

    package struct Measured: Hashable, Sendable {
      package var mapping: String
      package var nanoseconds: Int
    }
  }

  /// Runs the plan with every mapping that its launches may have, and goes on with the fastest. Those are kept in the
  /// cache, if there is one, for programs to come.
  ///
  /// - Parameters:
  ///   - inputs: a buffer for each parameter. They are not changed.
  ///   - seconds: no other mapping is tried after this time.
  package func tune(_ inputs: [DeviceBuffer], seconds: Double) throws(KilnError) -> [Tuning] {
    let clock = ContinuousClock()
    let end = clock.now.advanced(by: .seconds(seconds))
    let candidates = plan.launches.map { plan.kernels[$0.kernel].schedule.openCL?.candidates ?? [] }
    var measured = candidates.map { [Int?](repeating: nil, count: $0.count) }
    for round in 0..<(candidates.map(\.count).max() ?? 0) where round == 0 || clock.now < end {
      let numbers = candidates.map { min(round, $0.count - 1) }
      do throws(KilnError) {
        let times = try times(with: zip(candidates, numbers).map { $0[$1] }, on: inputs)
        for (launch, number) in numbers.enumerated() {
          measured[launch][number] = min(measured[launch][number] ?? .max, times[launch])
        }
      } catch {
        // A mapping that this device cannot build or run is ruled out; without the table's there is nothing to compare.
        if round == 0 || isDeviceLost { throw error }
      }
    }
    var found: [Tuning] = []
    var chosen: [WorkMapping] = []
    for (launch, times) in measured.enumerated() {
      let tried = times.indices.compactMap { number in times[number].map { (candidates[launch][number], $0) } }
      let best = tried.min { $0.1 < $1.1 }?.0 ?? candidates[launch][0]
      chosen.append(best)
      if tried.count > 1 {
        let tuned = plan.launches[launch]
        records?.record(best, plan.kernels[tuned.kernel], tuned.integers)
      }
      found.append(
        Tuning(
          label: plan.launches[launch].label,
          measured: tried.map { Tuning.Measured(mapping: $0.0.name, nanoseconds: $0.1) }, chosen: best.name))
    }
    try use(chosen)
    return found
  }

  /// The least nanoseconds of each launch in some runs after a first one.
  private func times(with mappings: [WorkMapping], on inputs: [DeviceBuffer]) throws(KilnError) -> [Int] {
    try use(mappings)
    var least = [Int](repeating: .max, count: mappings.count)
    for run in 0..<4 {
      var times = [Int](repeating: 0, count: mappings.count)
      for profile in try profile(inputs).profiles { times[profile.launch] += profile.nanoseconds }
      if run > 0 { for launch in times.indices { least[launch] = min(least[launch], times[launch]) } }
    }
    return least
  }

  /// `tune` on the operands of a run.
  func tune(_ operands: [DeviceOperand], _ seconds: Double) throws(KilnError) {
    let context: OpenCLContext
    do throws(RuntimeError) { context = try device.context() } catch { throw KilnError(openCL: error) }
    for (number, operand) in operands.enumerated() { try check(operand, number, context) }
    let inputs: [DeviceBuffer]
    do throws(RuntimeError) { inputs = try place(operands, on: context) } catch { throw KilnError(openCL: error) }
    _ = try tune(inputs, seconds: seconds)
  }

  /// Where the fastest mappings are kept.
  var records: MappingRecords? {
    cache.map { MappingRecords(cache: $0, device: device.properties, description: plan.device) }
  }

  /// Goes on with these mappings of the launches. Runs that have begun end with theirs.
  func use(_ mappings: [WorkMapping]) throws(KilnError) {
    do throws(RuntimeError) {
      let program = try PlanProgram(plan, for: device, correctsProducts: correctsProducts) { launch, _ in
        mappings[launch]
      }
      current.withLock { $0 = (program, []) }
    } catch {
      throw KilnError(openCL: error)
    }
  }

  var isDeviceLost: Bool {
    if case .success(let context) = Result(catching: { () throws(RuntimeError) in try device.context() }) {
      return context.isLost
    }
    return true
  }
}
