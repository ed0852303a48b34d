import COpenCL
package import KilnIR
package import KilnRuntime

/// A plan with the OpenCL kernels that run it. Immutable for its users; any number of threads may run it at once.
///
/// Values lie in `DeviceBuffer`s and stay on the device between calls.
package final class OpenCLExecutable: Sendable {
  package let plan: ExecutionPlan
  package let device: OpenCLDevice
  let cache: ObjectCache?
  let correctsProducts: Bool
  /// How the launches run now, and instances of that which no run uses.
  let current: Lock<(program: PlanProgram, warm: [PlanInstance])>
  /// The seconds that the first run may spend on trying other mappings.
  private let tuningLeft: Lock<Double?>

  /// What one launch took on the device.
  package struct Profile: Hashable, Sendable {
    /// The number of the launch in the plan.
    package var launch: Int
    package var label: String
    package var nanoseconds: Int
    /// Bytes of the buffers that it reads and writes, each once.
    package var byteCount: Int
  }

  /// Builds the kernels.
  ///
  /// - Parameters:
  ///   - cache: where built programs and tuned mappings are kept; nil for nowhere.
  ///   - tuning: how many seconds the first run may spend on trying other mappings (see `tune`).
  /// - Throws: `device.notStrict` when the device cannot keep Numerics.md, `device.unavailable` when it lacks what the
  ///   plan needs, `opencl.build` with the compiler's log.
  package init(
    _ plan: ExecutionPlan, on device: OpenCLDevice, cache: ObjectCache? = .user,
    tuning: Double? = OpenCLExecutable.tuningSeconds
  ) throws(KilnError) {
    self.plan = plan
    self.device = device
    self.cache = cache
    tuningLeft = Lock(tuning)
    let records = cache.map { MappingRecords(cache: $0, device: device.properties, description: plan.device) }
    do throws(RuntimeError) {
      let strictness = try device.context().strictness
      if case .refused(let reason) = strictness {
        throw RuntimeError(
          .unavailable, "\(device.properties.name) cannot run strict programs: \(reason). Use another device.")
      }
      correctsProducts = strictness == .correctedProducts
      let program = try PlanProgram(plan, for: device, correctsProducts: correctsProducts) { number, schedule in
        let launch = plan.launches[number]
        return records?.mapping(plan.kernels[launch.kernel], launch.integers) ?? schedule.mapping
      }
      current = Lock((program, []))
    } catch {
      throw KilnError(openCL: error)
    }
    giveBack(try makeInstance())
    IdleMemory.add(self)
  }

  deinit { IdleMemory.remove(self) }

  /// About how many bytes it keeps between calls, most of them on the device.
  package var byteCount: Int {
    let (scratch, count, text) = current.withLock { current in
      (current.program.scratchBytes, current.warm.count, current.program.text.utf8.count)
    }
    return count * (plan.memory.arenaBytes + scratch) + plan.constants.reduce(4 * text) { $0 + $1.type.byteCount }
  }

  /// How the points of each launch become work items, by name.
  package var mappings: [String] { current.withLock { $0.program.launches.map(\.mapping.name) } }

  /// The OpenCL C of a plan.
  package static func text(
    of plan: ExecutionPlan, on device: OpenCLDevice
  ) throws(RuntimeError) -> String {
    let correctsProducts = try device.context().strictness == .correctedProducts
    return try PlanProgram(plan, for: device, correctsProducts: correctsProducts).text
  }

  private func makeInstance() throws(KilnError) -> PlanInstance {
    do throws(RuntimeError) {
      return try PlanInstance(plan, current.withLock { $0.program }, on: device.context(), cache: cache)
    } catch {
      throw KilnError(openCL: error)
    }
  }

  private func takeInstance() throws(KilnError) -> PlanInstance {
    let context: OpenCLContext
    do throws(RuntimeError) { context = try device.context() } catch { throw KilnError(openCL: error) }
    let found = current.withLock { current in
      current.warm.removeAll { $0.context !== context }
      return current.warm.popLast()
    }
    if let found { return found }
    return try makeInstance()
  }

  private func giveBack(_ instance: PlanInstance) {
    current.withLock { current in
      if current.warm.count < 4, instance.program === current.program { current.warm.append(instance) }
    }
  }

  // MARK: - Running

  /// Runs the plan once: enqueues the copies of the host's operands, the launches, and waits once. The results stay on
  /// the device.
  ///
  /// - Parameters:
  ///   - inputs: one operand a parameter, hidden ones included.
  ///   - donated: parameters whose buffers may be written over, where the plan has a donation for them.
  ///   - hasBegun: becomes true before the first launch.
  /// - Returns: a buffer a result. A result that is a parameter or an earlier result is the same buffer.
  /// - Throws: `gather.R1` or `scatter.R1` for an index out of range, `memory.exhausted`, `device.lost`,
  ///   `device.other` for an input on another device.
  package func run(
    _ inputs: [DeviceOperand], donating donated: Set<Int>, hasBegun: inout Bool
  ) throws(KilnError) -> [any DeviceStorage] {
    try run(inputs, donated, isProfiled: false, outputs: nil, &hasBegun).results
  }

  /// Runs the plan once on buffers of its device.
  package func run(_ inputs: [DeviceBuffer], donating donated: Set<Int> = []) throws(KilnError) -> [DeviceBuffer] {
    var hasBegun = false
    return try run(inputs.map { .device($0) }, donated, isProfiled: false, outputs: nil, &hasBegun).results
  }

  /// Runs the plan once on memory of the host: enqueues the copies to the device, the launches and the copies back, and
  /// waits once.
  ///
  /// - Parameters:
  ///   - inputs: the first byte of each parameter.
  ///   - outputs: the first byte of each result.
  package func run(
    inputs: UnsafeBufferPointer<UnsafeRawPointer>, outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError) {
    let operands = zip(inputs, plan.parameters).map { address, parameter in
      DeviceOperand.host(UnsafeRawBufferPointer(start: address, count: parameter.type.byteCount))
    }
    var hasBegun = false
    _ = try run(operands, [], isProfiled: false, outputs: outputs, &hasBegun)
  }

  /// Runs the plan once and measures each launch on the device.
  package func profile(_ inputs: [DeviceBuffer]) throws(KilnError) -> (results: [DeviceBuffer], profiles: [Profile]) {
    var hasBegun = false
    return try run(inputs.map { .device($0) }, [], isProfiled: true, outputs: nil, &hasBegun)
  }

  private func run(
    _ operands: [DeviceOperand], _ donated: Set<Int>, isProfiled: Bool,
    outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>?, _ hasBegun: inout Bool
  ) throws(KilnError) -> (results: [DeviceBuffer], profiles: [Profile]) {
    if let seconds = tuningLeft.withLock({ $0.take() }) { try tune(operands, seconds) }
    let instance = try takeInstance()
    let context = instance.context
    do throws(KilnError) {
      for (number, operand) in operands.enumerated() { try check(operand, number, context) }
    } catch {
      giveBack(instance)
      throw error
    }
    let (results, profiles, failure): ([DeviceBuffer], [Profile], KilnError?)
    do throws(RuntimeError) {
      let inputs = try place(operands, on: context)
      results = try makeResults(inputs, donated, on: context)
      var events: [(launch: Int, event: OpenCLObject)]? = isProfiled ? [] : nil
      let queue = isProfiled ? try context.profilingQueue() : context.queue
      if isProfiled { try context.finish() }
      hasBegun = true
      try instance.enqueue(inputs, results, on: queue, events: &events)
      for (number, result) in plan.results.enumerated() {
        guard let outputs else { break }
        try results[number].read(
          into: UnsafeMutableRawBufferPointer(start: outputs[number], count: result.type.byteCount), waits: false)
      }
      try context.check(context.library.api.Finish(queue.handle), "running @\(plan.name) on \(device.properties.name)")
      failure = instance.failure
      profiles = events.map { self.profiles($0, context) } ?? []
    } catch {
      // Commands that were enqueued still use the instance's memory and the host's.
      _ = Result { () throws(RuntimeError) in try context.finish() }
      if !context.isLost { giveBack(instance) }
      throw KilnError(openCL: error)
    }
    giveBack(instance)
    if let failure { throw failure }
    return (results, profiles)
  }

  func check(_ operand: DeviceOperand, _ number: Int, _ context: OpenCLContext) throws(KilnError) {
    guard case .device(let storage) = operand else { return }
    let buffer = storage as? DeviceBuffer
    if let buffer, buffer.context === context { return }
    let name = plan.parameters[number].name
    let reason =
      buffer?.device === device
      ? "was lost with its device"
      : "lies on \(buffer?.device.properties.name ?? "another device"); move it to \(device.properties.name)"
    throw KilnError("device.other", "parameter \(name) of @\(plan.name) \(reason)")
  }

  /// The operands as buffers; the copies of the host's have been enqueued.
  func place(_ operands: [DeviceOperand], on context: OpenCLContext) throws(RuntimeError) -> [DeviceBuffer] {
    var buffers: [DeviceBuffer] = []
    buffers.reserveCapacity(operands.count)
    for operand in operands {
      switch operand {
      case .device(let storage): buffers.append(unsafeDowncast(storage, to: DeviceBuffer.self))
      case .host(let bytes):
        let buffer = try DeviceBuffer(byteCount: bytes.count, on: context)
        try buffer.write(bytes, waits: false)
        buffers.append(buffer)
      }
    }
    return buffers
  }

  private func makeResults(
    _ inputs: [DeviceBuffer], _ donated: Set<Int>, on context: OpenCLContext
  ) throws(RuntimeError) -> [DeviceBuffer] {
    var results: [DeviceBuffer] = []
    for (number, result) in plan.results.enumerated() {
      switch result.source {
      case .parameter(let parameter): results.append(inputs[parameter])
      case .result(let earlier): results.append(results[earlier])
      case .written:
        let donation = plan.donations.first { $0.result == number && donated.contains($0.parameter) }
        if let donation {
          results.append(inputs[donation.parameter])
        } else {
          results.append(try DeviceBuffer(byteCount: result.type.byteCount, on: context))
        }
      }
    }
    return results
  }

  private func profiles(_ events: [(launch: Int, event: OpenCLObject)], _ context: OpenCLContext) -> [Profile] {
    events.map { launch, event in
      let slots = plan.launches[launch].slots
      return Profile(
        launch: launch, label: plan.launches[launch].label, nanoseconds: context.nanoseconds(of: event),
        byteCount: slots.reduce(0) { $0 + plan.slots[$1].type.byteCount })
    }
  }

  /// Runs the plan on values of the host: copies them to the device, waits once, and copies the results back.
  package func run(_ inputs: [TensorValue]) throws(KilnError) -> [TensorValue] {
    var buffers: [DeviceBuffer] = []
    do throws(RuntimeError) {
      let context = try device.context()
      for input in inputs {
        let buffer = try DeviceBuffer(byteCount: input.bytes.count, on: context)
        try buffer.write(input.bytes)
        buffers.append(buffer)
      }
    } catch {
      throw KilnError(openCL: error)
    }
    let results = try run(buffers)
    var values: [TensorValue] = []
    for (result, buffer) in zip(plan.results, results) {
      let bytes: [UInt8]
      do throws(RuntimeError) {
        bytes = try buffer.read(UInt8.self, count: result.type.byteCount)
      } catch {
        throw KilnError(openCL: error)
      }
      do throws(ConstraintFailure) {
        values.append(try TensorValue(result.type, bytes: bytes))
      } catch {
        throw KilnError(error)
      }
    }
    return values
  }
}

extension OpenCLExecutable: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    let dropped = current.withLock { current in
      let warm = current.warm
      current.warm = []
      return warm
    }
    withExtendedLifetime(dropped) {}
    return 0
  }
}
