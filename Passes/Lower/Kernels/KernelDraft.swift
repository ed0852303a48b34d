import KilnIR

/// A kernel with what it is bound to. While it is written its integers are sizes, `KernelInteger.init(_:)`; then they
/// are launch arguments, whose numbers a plan finds in `integers`, and a schedule is chosen by these numbers.
struct KernelDraft {
  /// What a checked index counts, as `ExecutionPlan.Site`.
  struct Site: Hashable {
    var spelling: String
    var axis: Int
    var extent: Dimension
    var location: SourceLocation
  }

  var kernel: KernelDefinition
  /// Equal finished kernels of a program have the same number.
  var number = 0
  /// The launch arguments.
  private(set) var integers: [Dimension] = []
  var bindings: [BufferBinding]
  var sites: [Site]
  var label: String

  init(kernel: KernelDefinition, bindings: [BufferBinding], sites: [Site], label: String) {
    self.kernel = kernel
    self.bindings = bindings
    self.sites = sites
    self.label = label
  }

  /// The values written.
  var outputs: [ValueID] {
    zip(bindings, kernel.buffers).compactMap { binding, buffer in
      if case .value(let value) = binding, buffer.isWritten { value } else { nil }
    }
  }

  /// The values read and not written.
  var inputs: [ValueID] {
    zip(bindings, kernel.buffers).compactMap { binding, buffer in
      if case .value(let value) = binding, !buffer.isWritten { value } else { nil }
    }
  }

  /// Whether what is bound to its buffers as `result` may share the memory of what is bound as `operand`, at every
  /// buffer that it is bound to.
  func canOverwrite<Bound: Equatable>(_ operand: Bound, with result: Bound, in bound: [Bound]) -> Bool {
    let reads = bound.indices.filter { bound[$0] == operand && !kernel.buffers[$0].isWritten }
    let writes = bound.indices.filter { bound[$0] == result && kernel.buffers[$0].isWritten }
    guard writes.count == 1, !reads.isEmpty else { return false }
    return reads.allSatisfy { read in
      kernel.canOverwrite(read: read, written: writes[0]) { size(of: $0) }
    }
  }

  /// The size of an integer of the finished kernel.
  func size(of integer: KernelInteger) -> Dimension {
    switch integer {
    case .constant(let number): Dimension(number)
    case .argument(let number): integers[number]
    }
  }

  /// Whether there is nothing to do at any call: no points to write.
  var isEmpty: Bool { kernel.outer.contains(.constant(0)) }

  /// Gives the definition its final form.
  mutating func finish() {
    collapseAxes()
    orderContractionAxes()
    parameterize()
  }

  /// Replaces extents, strides and offsets that do not shape the code by launch arguments, in the order of their
  /// appearance. Kernels that differ in sizes alone become equal.
  private mutating func parameterize() {
    var integers: [Dimension] = []
    func argument(_ integer: KernelInteger) -> KernelInteger {
      integers.append(integer.size)
      return .argument(integers.count - 1)
    }
    func step(_ integer: KernelInteger) -> KernelInteger {
      integer == .constant(0) || integer == .constant(1) ? integer : argument(integer)
    }
    func affine(_ index: AffineIndex) -> AffineIndex {
      AffineIndex(
        offset: index.offset == .constant(0) ? index.offset : argument(index.offset), strides: index.strides.map(step))
    }
    kernel.outer = kernel.outer.map(argument)
    // Stages that share scratch rows have one inner domain, so they name its extents by the same arguments.
    var shared: (constants: [KernelInteger], arguments: [KernelInteger])?
    for stage in kernel.stages.indices {
      let inner = kernel.stages[stage].inner
      if let shared, shared.constants == inner {
        kernel.stages[stage].inner = shared.arguments
      } else {
        kernel.stages[stage].inner = inner.map(argument)
        if !kernel.scratchRows.isEmpty && !inner.isEmpty { shared = (inner, kernel.stages[stage].inner) }
      }
      kernel.stages[stage].mapAccesses(affine: affine, stride: step, extent: argument)
    }
    kernel.integerCount = integers.count
    self.integers = integers
  }

  /// The kernel with a schedule for a launch with these integers, and the integers with those of the schedule.
  func scheduled(_ integers: [Int], for device: DeviceDescription) -> (kernel: Kernel, integers: [Int]) {
    if let limits = device.workGroups {
      return (Kernel(kernel, .openCL(WorkMapping.schedule(MappingFacts(kernel, integers, limits)))), integers)
    }
    let schedule = ScheduleChoice(device: device, kernel: kernel, integers: integers).schedule()
    guard case .contraction(let contraction) = schedule else { return (Kernel(kernel, .cpu(schedule)), integers) }
    var (kernel, integers) = (kernel, integers)
    let launched = contraction.mapIntegers { integer in
      integers.append(integer.value([]))
      return .argument(integers.count - 1)
    }
    kernel.integerCount = integers.count
    return (Kernel(kernel, .cpu(.contraction(launched))), integers)
  }
}

extension KernelInteger {
  /// A size in a kernel that is being written. For one that calls bring it is the number of its form.
  init(_ size: Dimension) { self = size.formNumber.map { .argument($0) } ?? .constant(size.staticSize) }

  /// The size in a kernel that is being written.
  var size: Dimension {
    switch self {
    case .constant(let number): Dimension(number)
    case .argument(let number): Dimension(formNumber: number)
    }
  }
}
