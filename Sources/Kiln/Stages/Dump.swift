import KilnIR
import KilnPasses
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// `KILN_DUMP=FOLDER` writes the stages of every program that is compiled, with its arguments and captured tensors as
/// `.npy` files beside them: `kiln run` finds them there, so every dump runs.
///
/// The programs of a process are in a folder of their own, `PROGRAM-PID`, numbered in the order in which they are
/// compiled: `0-main`, `1-loss`, …, and those of single operations apart from them: `eager/0-add`, ….
enum Dump {
  private static let folder: String? = getenv("KILN_DUMP").map { String(cString: $0) }.flatMap { text in
    text.isEmpty ? nil : "\(text)/\(System.programName)-\(getpid())"
  }
  private static let count = Atomic<Int>(0)
  private static let eagerCount = Atomic<Int>(0)

  /// Writes the stages of a program, if somebody asked for it.
  /// - Throws: `file.C1`, `npy.C1`.
  static func write(
    _ compilation: Compilation, function name: String, _ options: ExecutionOptions, for description: DeviceDescription
  ) throws(KilnError) {
    guard let folder else { return }
    let lowered = Lowered(compilation, for: description)
    let module = lowered.modules[0].module
    let path = "\(folder)/\(place(module, name, options))"
    try lowered.write(to: path)
    let captured = options.captures.map { $0.core() }
    // Whoever prepares a program without a call has no arguments to show.
    let parameters = module[name]?.parameters ?? []
    let visible = parameters.filter { !$0.isHidden }
    let arguments = options.arguments.count == visible.count ? options.arguments : []
    try write(zip(visible, arguments), path)
    try write(zip(parameters.suffix(captured.count), captured), path)
  }

  private static func place(_ module: Module, _ name: String, _ options: ExecutionOptions) -> String {
    if options.isEager {
      let op = module[name]?.instructions.elements.last?.op.spelling ?? name
      return "eager/\(eagerCount.add(1, ordering: .relaxed).oldValue)-\(op)"
    }
    return "\(count.add(1, ordering: .relaxed).oldValue)-\(name)"
  }

  private static func write(
    _ tensors: some Sequence<(Function.Parameter, TensorCore)>, _ path: String
  ) throws(KilnError) {
    // NumPy has no name for bf16: such a tensor has to be given by hand.
    for (parameter, core) in tensors where parameter.type.dtype.npyDescriptor != nil && core.isConcrete {
      try AnyTensor(core).writeNPY(to: "\(path)/\(parameter.name).npy")
    }
  }
}
