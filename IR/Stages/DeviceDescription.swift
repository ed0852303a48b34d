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
  /// The most buffers that a kernel of several instructions may have. The kernel of a single one has as many as that needs.
  public var maximumBuffers: Int
  /// The element types that the device stores and computes with.
  public var dtypes: Set<DType>

  public init(
    name: String, kind: Kind, vectorBytes: Int, vectorRegisters: Int, threads: Int, level2Bytes: Int,
    maximumBuffers: Int, dtypes: Set<DType>
  ) {
    self.name = name
    self.kind = kind
    self.vectorBytes = vectorBytes
    self.vectorRegisters = vectorRegisters
    self.threads = threads
    self.level2Bytes = level2Bytes
    self.maximumBuffers = maximumBuffers
    self.dtypes = dtypes
  }

  /// A plain 64-byte-vector CPU, for tests of plans that must not depend on the machine.
  public static let testCPU = DeviceDescription(
    name: "test-cpu", kind: .cpu, vectorBytes: 64, vectorRegisters: 32, threads: 2, level2Bytes: 1 << 20,
    maximumBuffers: 64, dtypes: Set(DType.allCases))

  /// The element types that a kernel stores or computes with.
  package static func dtypes(of kernel: Kernel) -> Set<DType> {
    var used = Set(kernel.buffers.map(\.dtype) + kernel.scratchRows)
    for stage in kernel.stages {
      for case .operation(_, _, let dtype) in stage.body { used.insert(dtype) }
      for case .constant(let scalar) in stage.body { used.insert(scalar.dtype) }
    }
    return used
  }

  /// An element type that a kernel needs and the device does not have, if there is one.
  package func missingDType(in kernel: Kernel) -> DType? {
    let used = Self.dtypes(of: kernel)
    return used.isSubset(of: dtypes) ? nil : DType.allCases.first { used.contains($0) && !dtypes.contains($0) }
  }
}

extension DeviceDescription: CustomStringConvertible {
  public var description: String {
    "\(name): \(kind.rawValue), \(vectorBytes)-byte vectors × \(vectorRegisters), \(threads) threads, "
      + "L2 \(level2Bytes >> 10) KiB, \(maximumBuffers) buffers a kernel"
  }
}
