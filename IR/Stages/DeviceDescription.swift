/// What lowering must know about a device. Filled by the runtime, printable, part of every cache key.
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
  /// Data caches of one core, and the one that all share.
  public var level1Bytes: Int
  public var level2Bytes: Int
  public var level3Bytes: Int
  /// How work items are grouped; nil: the device runs kernels as a processor does.
  public var workGroups: WorkGroupLimits?
  /// The most buffers that one kernel may have.
  public var maximumBuffers: Int
  /// Element types that the device computes with.
  public var dtypes: Set<DType>

  public init(
    name: String, kind: Kind, vectorBytes: Int, vectorRegisters: Int, threads: Int, level1Bytes: Int, level2Bytes: Int,
    level3Bytes: Int, maximumBuffers: Int, dtypes: Set<DType>,
    workGroups: WorkGroupLimits? = nil
  ) {
    self.name = name
    self.kind = kind
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
    self.threads = threads
    self.level1Bytes = level1Bytes
    self.level2Bytes = level2Bytes
    self.level3Bytes = level3Bytes
    self.maximumBuffers = maximumBuffers
    self.dtypes = dtypes
    self.workGroups = workGroups
  }

  /// A plain 64-byte-vector CPU, for tests of plans that must not depend on the machine.
  public static let testCPU = DeviceDescription(
    name: "test-cpu", kind: .cpu, vectorBytes: 64, vectorRegisters: 32, threads: 2, level1Bytes: 32 << 10,
    level2Bytes: 1 << 20, level3Bytes: 32 << 20, maximumBuffers: 64, dtypes: Set(DType.allCases))
}

extension DeviceDescription: CustomStringConvertible {
  public var description: String {
    "\(name): \(kind.rawValue), \(vectorBytes)-byte vectors × \(vectorRegisters), \(threads) threads, "
      + "L1 \(level1Bytes >> 10) KiB, L2 \(level2Bytes >> 10) KiB, L3 \(level3Bytes >> 10) KiB"
  }
}
