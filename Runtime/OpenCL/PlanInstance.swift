import COpenCL
import KilnIR
import KilnRuntime
import Synchronization

/// The memory and the kernel objects of one run of a plan. Arguments that do not change are set once; each call sets the
/// addresses of its inputs and outputs.
// @unchecked: owned by one run at a time.
final class PlanInstance: @unchecked Sendable {
  let context: OpenCLContext
  private let plan: ExecutionPlan
  let program: PlanProgram
  private let arena: DeviceBuffer
  private let constants: DeviceBuffer
  private let scratch: DeviceBuffer?
  private let integers: DeviceBuffer?
  private let statusBuffer: DeviceBuffer?
  /// Per launch and phase.
  private let kernels: [[OpenCLObject]]
  private let ranges: [[WorkRange]]
  /// Launches that can find an index out of range, by their place in the status buffer.
  private let checked: [Int]
  /// What the device reads and writes without waiting for the host.
  private let hostStatus: UnsafeMutablePointer<Int32>
  private let zeros: UnsafeMutablePointer<Int32>
  private var patches: [Patch] = []
  /// Per repeat the arguments that are elements of its turn.
  private var elementPatches: [Int: [ElementPatch]] = [:]
  /// The part of elements that each repeat has come to, by step.
  private var parts: [Int]
  private let constantOffsets: [Int]
  private var boundInputs: [DeviceBuffer] = []
  private var boundOutputs: [DeviceBuffer] = []

  /// An argument that is an input or an output.
  private struct Patch {
    var kernel: OpenCLObject
    var argument: UInt32
    var place: ExecutionPlan.Slot.Place
  }

  /// An argument whose offset is that of slot `slot`, an element.
  private struct ElementPatch {
    var kernel: OpenCLObject
    var argument: UInt32
    var slot: Int
  }

  init(_ plan: ExecutionPlan, _ program: PlanProgram, on context: OpenCLContext, cache: ObjectCache?)
    throws(RuntimeError)
  {
    self.context = context
    self.plan = plan
    self.program = program
    parts = Array(repeating: 0, count: plan.steps.count)
    let built = try context.program(program.source, cache: cache)
    arena = try DeviceBuffer(byteCount: plan.memory.arenaBytes, on: context)
    var offsets: [Int] = []
    var bytes: [UInt8] = []
    for literal in plan.constants {
      offsets.append(bytes.count)
      bytes += TensorValue(literal).bytes
      bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    }
    constantOffsets = offsets
    constants = try DeviceBuffer(byteCount: bytes.count, on: context)
    try constants.write(bytes)
    scratch = program.scratchBytes == 0 ? nil : try DeviceBuffer(byteCount: program.scratchBytes, on: context)
    let launches = plan.launches
    checked = launches.indices.filter { program.launches[$0].signature.hasStatus }
    statusBuffer = checked.isEmpty ? nil : try DeviceBuffer(byteCount: checked.count * 16, on: context)
    hostStatus = .allocate(capacity: max(1, 4 * checked.count))
    hostStatus.initialize(repeating: 0, count: max(1, 4 * checked.count))
    zeros = .allocate(capacity: max(1, 4 * checked.count))
    zeros.initialize(repeating: 0, count: max(1, 4 * checked.count))
    var table: [Int64] = []
    let tableStarts = launches.indices.map { number in
      let start = table.count
      if program.launches[number].signature.readsIntegers { table += launches[number].integers.map { Int64($0) } }
      return start * 8
    }
    integers = table.isEmpty ? nil : try DeviceBuffer(byteCount: table.count * 8, on: context)
    try integers?.write(table)

    var kernels: [[OpenCLObject]] = []
    for functions in program.launches.map(\.functions) {
      var phases: [OpenCLObject] = []
      for function in functions {
        var status: Int32 = 0
        guard let kernel = context.library.api.CreateKernel(built.handle, function, &status) else {
          try context.check(status, "making kernel \(function)")
          throw RuntimeError(.codeGeneration, "there is no kernel \(function)")
        }
        phases.append(OpenCLObject(kernel, of: context.device, release: context.library.api.ReleaseKernel))
      }
      kernels.append(phases)
    }
    self.kernels = kernels
    ranges = zip(program.launches, kernels).map { launch, kernels in
      zip(launch.ranges, kernels).map { range, kernel in
        range.limited(to: context.largestGroup(of: kernel), isRowGroup: launch.isRowGroup)
      }
    }
    for number in launches.indices {
      for kernel in kernels[number] {
        try bindConstants(kernel, number, offsets, tableStart: tableStarts[number])
      }
    }
  }

  deinit {
    hostStatus.deallocate()
    zeros.deallocate()
  }

  // MARK: - Arguments

  private func set<Value>(_ value: Value, _ argument: inout UInt32, of kernel: OpenCLObject) throws(RuntimeError) {
    let status = withUnsafeBytes(of: value) {
      context.library.api.SetKernelArg(kernel.handle, argument, $0.count, $0.baseAddress)
    }
    try context.check(status, "setting argument \(argument) of a kernel")
    argument += 1
  }

  private func bindConstants(
    _ kernel: OpenCLObject, _ number: Int, _ constantOffsets: [Int], tableStart: Int
  ) throws(RuntimeError) {
    let launch = plan.launches[number]
    let signature = program.launches[number].signature
    var argument: UInt32 = 0
    for slot in launch.slots {
      var offset = 0
      let place = plan.slots[plan.wholeSlot(of: slot)].place
      switch place {
      case .parameter, .result: patches.append(Patch(kernel: kernel, argument: argument, place: place))
      case .constant(let constant): offset = constantOffsets[constant]
      case .arena(let start): offset = start
      case .element: break
      }
      if case .element(_, let step) = plan.slots[slot].place {
        elementPatches[step, default: []].append(ElementPatch(kernel: kernel, argument: argument + 1, slot: slot))
      }
      if case .constant = place {
        try set(constants.memory.handle, &argument, of: kernel)
      } else {
        try set(arena.memory.handle, &argument, of: kernel)
      }
      try set(UInt64(offset), &argument, of: kernel)
    }
    if signature.readsIntegers, let integers {
      try set(integers.memory.handle, &argument, of: kernel)
      try set(UInt64(tableStart), &argument, of: kernel)
    } else {
      for integer in launch.integers {
        if program.launches[number].isWide {
          try set(Int64(integer), &argument, of: kernel)
        } else {
          try set(Int32(truncatingIfNeeded: integer), &argument, of: kernel)
        }
      }
    }
    if signature.hasScratch { try set((scratch ?? arena).memory.handle, &argument, of: kernel) }
    if signature.hasStatus, let statusBuffer {
      try set(statusBuffer.memory.handle, &argument, of: kernel)
      try set(Int32(4 * (checked.firstIndex(of: number) ?? 0)), &argument, of: kernel)
    }
    if signature.hasZero { try set(UInt32(0), &argument, of: kernel) }
  }

  // MARK: - One run

  /// Enqueues the whole plan on `queue`, and the copy of the status words to the host.
  ///
  /// - Parameter events: gets an event for each phase of a launch, with the launch's number; nil for none.
  func enqueue(
    _ inputs: [DeviceBuffer], _ outputs: [DeviceBuffer], on queue: OpenCLObject,
    events: inout [(launch: Int, event: OpenCLObject)]?
  ) throws(RuntimeError) {
    (boundInputs, boundOutputs) = (inputs, outputs)
    defer { (boundInputs, boundOutputs) = ([], []) }
    for patch in patches {
      var argument = patch.argument
      switch patch.place {
      case .parameter(let number): try set(inputs[number].memory.handle, &argument, of: patch.kernel)
      case .result(let number):
        try set(outputs[number].memory.handle, &argument, of: patch.kernel)
      case .constant, .arena, .element: break
      }
    }
    if let statusBuffer {
      try context.check(
        context.library.api.EnqueueWriteBuffer(
          queue.handle, statusBuffer.memory.handle, 0, 0, checked.count * 16, zeros, 0, nil, nil), "clearing the status"
      )
    }
    try run(0..<plan.steps.count, on: queue, &events)
    if let statusBuffer {
      try context.check(
        context.library.api.EnqueueReadBuffer(
          queue.handle, statusBuffer.memory.handle, 0, 0, checked.count * 16, hostStatus, 0, nil, nil),
        "reading the status")
    }
  }

  /// The error of the first site that found an index out of range, once the queue is done.
  var failure: KilnError? {
    for (place, number) in checked.enumerated() {
      // Four words: the site, nothing, and the index.
      let words = hostStatus + 4 * place
      if words[0] == 0 { continue }
      let index = Int64(words[3]) << 32 | Int64(UInt32(bitPattern: words[2]))
      return plan.launches[number].sites[Int(words[0]) - 1].error(index: index)
    }
    return nil
  }

  private func run(
    _ range: Range<Int>, on queue: OpenCLObject, _ events: inout [(launch: Int, event: OpenCLObject)]?
  ) throws(RuntimeError) {
    var step = range.lowerBound
    while step < range.upperBound {
      switch plan.steps[step] {
      case .launch: try launch(plan.launchNumber(ofStep: step), on: queue, &events)
      case .loop(let condition, let body, let predicate):
        try run(condition, on: queue, &events)
        while try read(predicate, UInt8.self, on: queue) == 1, try !hasFailed(on: queue) {
          try run(body, on: queue, &events)
          try run(condition, on: queue, &events)
        }
      case .branch(let regions, let selector):
        let value =
          plan.slots[selector].type.dtype == .bool
          ? Int32(try read(selector, UInt8.self, on: queue)) : try read(selector, Int32.self, on: queue)
        let chosen = withUnsafeBytes(of: value.littleEndian) {
          plan.region(chosenBy: selector, of: regions.count, at: $0.baseAddress!)
        }
        try run(regions[chosen], on: queue, &events)
      case .repeat(let count, let isReversed, let body):
        for done in 0..<count {
          parts[step] = ExecutionPlan.part(after: done, of: count, isReversed: isReversed)
          for patch in elementPatches[step, default: []] {
            var argument = patch.argument
            try set(UInt64(offset(of: patch.slot)), &argument, of: patch.kernel)
          }
          try run(body, on: queue, &events)
        }
      }
      step = plan.end(ofStep: step)
    }
  }

  /// Where a slot begins in its buffer, in the present turn of its repeats.
  private func offset(of slot: Int) -> Int {
    switch plan.slots[slot].place {
    case .arena(let start): start
    case .constant(let number): constantOffsets[number]
    case .parameter, .result: 0
    case .element(let whole, let step): offset(of: whole) + parts[step] * plan.slots[slot].type.byteCount
    }
  }

  /// Whether an index was out of range so far. A loop whose condition depends on what was read then might not end.
  private func hasFailed(on queue: OpenCLObject) throws(RuntimeError) -> Bool {
    guard let statusBuffer else { return false }
    try context.check(
      context.library.api.EnqueueReadBuffer(
        queue.handle, statusBuffer.memory.handle, 1, 0, checked.count * 16, hostStatus, 0, nil, nil),
      "reading the status")
    return failure != nil
  }

  /// The value of a slot, which a region depends on.
  private func read<Value: FixedWidthInteger>(
    _ slot: Int, _: Value.Type, on queue: OpenCLObject
  ) throws(RuntimeError) -> Value {
    let memory: OpenCLObject
    switch plan.slots[plan.wholeSlot(of: slot)].place {
    case .parameter(let number): memory = boundInputs[number].memory
    case .result(let number): memory = boundOutputs[number].memory
    case .constant: memory = constants.memory
    case .arena, .element: memory = arena.memory
    }
    var value: Value = 0
    try context.check(
      context.library.api.EnqueueReadBuffer(
        queue.handle, memory.handle, 1, offset(of: slot), MemoryLayout<Value>.size, &value, 0, nil, nil),
      "reading a predicate")
    return value
  }

  private func launch(
    _ number: Int, on queue: OpenCLObject, _ events: inout [(launch: Int, event: OpenCLObject)]?
  ) throws(RuntimeError) {
    for (kernel, range) in zip(kernels[number], ranges[number]) where !range.global.contains(0) {
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
        "launching \(plan.launches[number].label) on \(context.device.properties.name), "
          + "work items \(range.global) in groups of \(range.local)")
    }
  }
}

extension OpenCLContext {
  /// The most work items that a group of this kernel may have.
  fileprivate func largestGroup(of kernel: OpenCLObject) -> Int {
    var size = 0
    let status = library.api.GetKernelWorkGroupInfo(
      kernel.handle, device.handle, UInt32(KilnCLKernelWorkGroupSize), MemoryLayout<Int>.size, &size, nil)
    return status == 0 ? size : device.properties.maximumWorkGroupSize
  }

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

extension ExecutionPlan {
  /// The number, among the launches, of the launch at a step.
  fileprivate func launchNumber(ofStep step: Int) -> Int {
    steps[..<step].count { if case .launch = $0 { true } else { false } }
  }
}
