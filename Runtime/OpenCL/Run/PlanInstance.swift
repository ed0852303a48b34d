import COpenCL
import KilnIR
import KilnRuntime
import Synchronization

/// The memory and the kernel objects of one run of a plan. Arguments that do not change are set once; each call sets
/// the addresses of its inputs and outputs.
// @unchecked: owned by one run at a time.
final class PlanInstance: @unchecked Sendable {
  let context: OpenCLContext
  let plan: ExecutionPlan
  let program: PlanProgram
  let arena: DeviceBuffer
  let constants: DeviceBuffer
  private let scratch: DeviceBuffer?
  private let integers: DeviceBuffer?
  let statusBuffer: DeviceBuffer?
  /// Per launch and phase.
  let kernels: [[OpenCLObject]]
  let ranges: [[WorkRange]]
  /// Launches that can find an index out of range, by their place in the status buffer.
  let checked: [Int]
  let launches: [ExecutionPlan.Launch]
  let walk: PlanWalk
  /// What the device reads and writes without waiting for the host.
  let hostStatus: UnsafeMutablePointer<Int32>
  let zeros: UnsafeMutablePointer<Int32>
  private(set) var patches: [Patch] = []
  /// Per repeat the arguments that are elements of its turn.
  private var elementPatches: [Int: [ElementPatch]] = [:]
  private var turns: PlanTurns
  /// Where each slot's whole begins in its buffer.
  private let bases: [Int]

  /// An argument that is an input or an output.
  struct Patch {
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
    walk = PlanWalk(plan)
    turns = PlanTurns(plan)
    let built = try context.program(program.source, cache: cache)
    arena = try DeviceBuffer(byteCount: plan.memory.arenaBytes, on: context)
    var offsets: [Int] = []
    var bytes: [UInt8] = []
    for literal in plan.constants {
      offsets.append(bytes.count)
      bytes += TensorValue(literal).bytes
      bytes += [UInt8](repeating: 0, count: (64 - bytes.count % 64) % 64)
    }
    bases = plan.slots.indices.map { slot in
      switch plan.slots[plan.wholeSlot(of: slot)].place {
      case .parameter, .result, .element, .block: 0
      case .constant(let number): offsets[number]
      case .arena(let offset): offset
      }
    }
    constants = try DeviceBuffer(byteCount: bytes.count, on: context)
    try constants.write(bytes)
    scratch = program.scratchBytes == 0 ? nil : try DeviceBuffer(byteCount: program.scratchBytes, on: context)
    launches = plan.launches
    let launches = launches
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
        try bindConstants(kernel, number, tableStart: tableStarts[number])
      }
    }
  }

  deinit {
    hostStatus.deallocate()
    zeros.deallocate()
  }

  // MARK: - Arguments

  func set<Value>(_ value: Value, _ argument: inout UInt32, of kernel: OpenCLObject) throws(RuntimeError) {
    let status = withUnsafeBytes(of: value) {
      context.library.api.SetKernelArg(kernel.handle, argument, $0.count, $0.baseAddress)
    }
    try context.check(status, "setting argument \(argument) of a kernel")
    argument += 1
  }

  private func bindConstants(_ kernel: OpenCLObject, _ number: Int, tableStart: Int) throws(RuntimeError) {
    let launch = launches[number]
    let signature = program.launches[number].signature
    var argument: UInt32 = 0
    for slot in launch.slots {
      var memory = arena.memory
      let whole = plan.slots[plan.wholeSlot(of: slot)].place
      switch whole {
      case .parameter, .result: patches.append(Patch(kernel: kernel, argument: argument, place: whole))
      case .constant: memory = constants.memory
      case .arena, .block, .element: break
      }
      if case .element(_, let step) = plan.slots[slot].place {
        elementPatches[step, default: []].append(ElementPatch(kernel: kernel, argument: argument + 1, slot: slot))
      }
      try set(memory.handle, &argument, of: kernel)
      try set(UInt64(bases[slot]), &argument, of: kernel)
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

  /// Elements of the repeat at `step` are its part number `part` from now on.
  func begin(part: Int, ofStep step: Int) throws(RuntimeError) {
    turns.begin(part: part, ofStep: step)
    for patch in elementPatches[step, default: []] {
      var argument = patch.argument
      try set(UInt64(offset(of: patch.slot)), &argument, of: patch.kernel)
    }
  }

  /// Where a slot begins in its buffer, in the present turn of its repeats.
  func offset(of slot: Int) -> Int { bases[slot] + turns.offset(ofSlot: slot) }
}

extension OpenCLContext {
  /// The most work items that a group of this kernel may have.
  fileprivate func largestGroup(of kernel: OpenCLObject) -> Int {
    var size = 0
    let status = library.api.GetKernelWorkGroupInfo(
      kernel.handle, device.handle, UInt32(KilnCLKernelWorkGroupSize), MemoryLayout<Int>.size, &size, nil)
    return status == 0 ? size : device.properties.maximumWorkGroupSize
  }
}
