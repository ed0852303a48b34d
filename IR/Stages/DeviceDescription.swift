/// What the compiler must know about a device. Filled by the runtime, printable.
public struct DeviceDescription: Hashable, Sendable {
  public enum Kind: String, Hashable, Sendable { case cpu, gpu }

  public var name: String
  public var kind: Kind
  /// Bytes of a vector register; 64 with AVX-512.
  public var vectorBytes: Int
  /// Vector registers.
  public var vectorRegisters: Int
  /// Cores that work on one plan.
  public var threads: Int
  /// The second-level cache of one core.
  public var level2Bytes: Int
  /// How work items are grouped; nil: the device runs kernels as a processor does.
  public var workGroups: WorkGroupLimits?
  /// The most buffers that a kernel of several instructions may have. The kernel of a single one has as many as it
  /// needs.
  public var maximumBuffers: Int
  /// The element types that the device stores and computes with.
  public var dtypes: Set<DType>

  public init(
    name: String, kind: Kind, vectorBytes: Int, vectorRegisters: Int, threads: Int, level2Bytes: Int,
    maximumBuffers: Int, dtypes: Set<DType>, workGroups: WorkGroupLimits? = nil
  ) {
    self.name = name
    self.kind = kind
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
    self.threads = threads
    self.level2Bytes = level2Bytes
    self.maximumBuffers = maximumBuffers
    self.dtypes = dtypes
    self.workGroups = workGroups
  }

  /// A plain 64-byte-vector CPU, for tests of plans that must not depend on the machine.
  public static let testCPU = DeviceDescription(
    name: "test-cpu", kind: .cpu, vectorBytes: 64, vectorRegisters: 32, threads: 2, level2Bytes: 1 << 20,
    maximumBuffers: 64, dtypes: Set(DType.allCases))

  /// The schedules that its kernels have.
  public var scheduleKind: Schedule.Kind { workGroups == nil ? .cpu : .openCL }

  /// An element type that a kernel needs and the device does not have, if there is one.
  package func missingDType(in kernel: KernelDefinition) -> DType? {
    let used = kernel.dtypes
    return used.isSubset(of: dtypes) ? nil : DType.allCases.first { used.contains($0) && !dtypes.contains($0) }
  }
}

extension DeviceDescription: CustomStringConvertible {
  public var description: String {
    "\(name): \(kind.rawValue), \(vectorBytes)-byte vectors × \(vectorRegisters), \(threads) threads, "
      + "L2 \(level2Bytes >> 10) KiB, \(maximumBuffers) buffers a kernel"
  }
}
