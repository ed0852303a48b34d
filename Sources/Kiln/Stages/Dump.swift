#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif
import KilnIR
import Synchronization

/// `KILN_DUMP=FOLDER` writes the stages of every program that is compiled into a numbered folder of its own.
enum Dump {
  private static let folder: String? = getenv("KILN_DUMP").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  private static let count = Atomic<Int>(0)

  /// Writes the stages of a program, if somebody asked for it.
  /// - Throws: `file.C1`.
  static func write(_ module: Module, function name: String, for description: DeviceDescription) throws(KilnError) {
    guard let folder else { return }
    let number = count.add(1, ordering: .relaxed).oldValue
    try Lowered(module, function: name, for: description).write(to: "\(folder)/\(number)-\(name)")
  }
}
