package import KilnIR
import KilnRuntime

extension CPUMachine {
  /// What lowering must know of this processor.
  package func description(threads: Int = WorkerPool.shared.threadCount) -> DeviceDescription {
    DeviceDescription(
      name: features.cpu, kind: .cpu, vectorBytes: features.vectorClass.rawValue / 8,
      vectorRegisters: features.vectorClass == .bits512 ? 32 : 16, threads: threads,
      level1Bytes: 32 << 10, level2Bytes: 1 << 20, level3Bytes: 32 << 20, maximumBuffers: 1024,
      dtypes: Set(DType.allCases))
  }
}
