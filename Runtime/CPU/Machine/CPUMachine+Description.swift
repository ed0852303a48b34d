import Glibc
package import KilnIR
import KilnRuntime

extension CPUMachine {
  /// What lowering must know of this processor.
  package func description(threads: Int = WorkerPool.shared.threadCount) -> DeviceDescription {
    DeviceDescription(
      name: features.cpu, kind: .cpu, vectorBytes: features.vectorClass.rawValue / 8,
      vectorRegisters: features.vectorClass == .bits512 ? 32 : 16, threads: threads,
      level2Bytes: Self.cacheBytes(index: 2) ?? 1 << 20, maximumBuffers: 1024, dtypes: Set(DType.allCases))
  }

  /// The size of a cache as the kernel tells it, if it does: 0 and 1 are the first caches for data and for code.
  private static func cacheBytes(index: Int) -> Int? {
    guard let file = fopen("/sys/devices/system/cpu/cpu0/cache/index\(index)/size", "r") else { return nil }
    defer { fclose(file) }
    // Such as "512K".
    var kibibytes: Int32 = 0
    return withUnsafeMutablePointer(to: &kibibytes) { pointer in
      withVaList([pointer]) { vfscanf(file, "%dK", $0) } == 1 ? Int(pointer.pointee) << 10 : nil
    }
  }
}
