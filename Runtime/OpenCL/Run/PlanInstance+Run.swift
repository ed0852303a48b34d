import COpenCL
import KilnIR
import KilnRuntime

extension PlanInstance {
  /// Enqueues the whole plan on `queue`, and the copy of the status words to the host.
  ///
  /// - Parameter events: gets an event for each phase of a launch, with the launch's number; nil: no events.
  func enqueue(
    _ inputs: [DeviceBuffer], _ outputs: [DeviceBuffer], on queue: OpenCLObject,
    events: inout [(launch: Int, event: OpenCLObject)]?
  ) throws(RuntimeError) {
    for patch in patches {
      var argument = patch.argument
      switch patch.place {
      case .parameter(let number): try set(inputs[number].memory.handle, &argument, of: patch.kernel)
      case .result(let number): try set(outputs[number].memory.handle, &argument, of: patch.kernel)
      case .constant, .arena, .block, .element: break
      }
    }
    if let statusBuffer {
      try context.check(
        context.library.api.EnqueueWriteBuffer(
          queue.handle, statusBuffer.memory.handle, 0, 0, checked.count * 16, zeros, 0, nil, nil), "clearing the status"
      )
    }
    var run = QueuedRun(instance: self, inputs: inputs, outputs: outputs, queue: queue, events: events)
    try walk.run(&run)
    events = run.events
    try readStatus(on: queue, waits: false)
  }

  /// Copies the status words to the host.
  fileprivate func readStatus(on queue: OpenCLObject, waits: Bool) throws(RuntimeError) {
    guard let statusBuffer else { return }
    try context.check(
      context.library.api.EnqueueReadBuffer(
        queue.handle, statusBuffer.memory.handle, waits ? 1 : 0, 0, checked.count * 16, hostStatus, 0, nil, nil),
      "reading the status")
  }

  /// The error of the first site that found an index out of range, once the status words are here.
  var failure: KilnError? {
    for (place, number) in checked.enumerated() {
      // Four words: the site, nothing, and the index.
      let words = hostStatus + 4 * place
      let index = Int64(words[3]) << 32 | Int64(UInt32(bitPattern: words[2]))
      if let error = launches[number].error(site: Int(words[0]), index: index) { return error }
    }
    return nil
  }
}

/// One run of an instance: its launches go to a queue.
private struct QueuedRun: PlanMachine {
  typealias Failure = RuntimeError

  let instance: PlanInstance
  let inputs: [DeviceBuffer]
  let outputs: [DeviceBuffer]
  let queue: OpenCLObject
  var events: [(launch: Int, event: OpenCLObject)]?

  mutating func launch(_ number: Int) throws(RuntimeError) {
    let context = instance.context
    for (kernel, range) in zip(instance.kernels[number], instance.ranges[number]) where !range.global.contains(0) {
      try context.spendLaunch()
      var event: OpaquePointer?
      let status =
        events == nil
        ? context.library.api.EnqueueNDRangeKernel(
          queue.handle, kernel.handle, UInt32(range.global.count), nil, range.global, range.local, 0, nil, nil)
        : context.library.api.EnqueueNDRangeKernel(
          queue.handle, kernel.handle, UInt32(range.global.count), nil, range.global, range.local, 0, nil, &event)
      if let event {
        events?.append((number, OpenCLObject(event, of: context.device, release: context.library.api.ReleaseEvent)))
      }
      try context.check(
        status,
        "launching \(instance.launches[number].label) on \(context.device.properties.name), "
          + "work items \(range.global) in groups of \(range.local)")
    }
  }

  func readPredicate(_ slot: Int) throws(RuntimeError) -> Bool {
    guard try readSelector(slot) == 1 else { return false }
    return try !hasFailed()
  }

  func readSelector(_ slot: Int) throws(RuntimeError) -> Int {
    let plan = instance.plan
    let memory =
      switch plan.slots[plan.wholeSlot(of: slot)].place {
      case .parameter(let number): inputs[number].memory
      case .result(let number): outputs[number].memory
      case .constant: instance.constants.memory
      case .arena, .block, .element: instance.arena.memory
      }
    var value: Int32 = 0
    try instance.context.check(
      instance.context.library.api.EnqueueReadBuffer(
        queue.handle, memory.handle, 1, instance.offset(of: slot), plan.slots[slot].type.byteCount, &value, 0, nil, nil
      ), "reading a predicate")
    return withUnsafeBytes(of: value) { plan.choice(inSlot: slot, at: $0.baseAddress!) }
  }

  func begin(part: Int, ofStep step: Int) throws(RuntimeError) { try instance.begin(part: part, ofStep: step) }

  /// Whether an index was out of range so far. A loop whose condition depends on what was read then might not end.
  private func hasFailed() throws(RuntimeError) -> Bool {
    try instance.readStatus(on: queue, waits: true)
    return instance.failure != nil
  }
}

extension OpenCLContext {
  /// Counts a launch where a test wants the device to get lost.
  fileprivate func spendLaunch() throws(RuntimeError) {
    let isLost = device.faults.withLock { faults in
      guard let left = faults.launchesLeft else { return false }
      faults.launchesLeft = left > 0 ? left - 1 : nil
      return left == 0
    }
    if isLost { try check(Int32(KilnCLDeviceNotAvailable), "launching a kernel on \(device.properties.name)") }
  }
}
