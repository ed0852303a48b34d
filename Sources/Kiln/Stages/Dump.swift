import KilnIR
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `KILN_DUMP=FOLDER` writes the stages of every program that is compiled into a numbered folder of its own, with the
/// captured tensors as `.npy` files: `kiln run` finds them there, so every dump runs.
enum Dump {
  private static let folder: String? = getenv("KILN_DUMP").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  private static let count = Atomic<Int>(0)

  /// Writes the stages of a program, if somebody asked for it.
  /// - Throws: `file.C1`, `npy.C1`.
  static func write(
    _ module: Module, function name: String, _ captures: [Trace.Capture], for description: DeviceDescription
  ) throws(KilnError) {
    guard let folder else { return }
    let path = "\(folder)/\(count.add(1, ordering: .relaxed).oldValue)-\(name)"
    try Lowered(module, function: name, for: description).write(to: path)
    let hidden = module[name]?.parameters.suffix(captures.count) ?? []
    // NumPy has no name for bf16: such a tensor has to be given by hand.
    for (parameter, capture) in zip(hidden, captures) where parameter.type.dtype.npyDescriptor != nil {
      let core =
        switch capture {
        case .tensor(let core): core
        case .variable(let variable): variable.current
        }
      if core.isConcrete { try AnyTensor(core).writeNPY(to: "\(path)/\(parameter.name).npy") }
    }
  }
}
