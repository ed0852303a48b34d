package import KilnRuntime

/// The processor of this machine with all that makes code for it: LLVM, the host's features, the loader.
package final class CPUMachine: Sendable {
  /// The machine of the process, or why it cannot be used and what helps.
  package static let shared: Result<CPUMachine, RuntimeError> = Result { () throws(RuntimeError) in
    try CPUMachine(library: LLVMLibrary.shared.get())
  }

  package let library: LLVMLibrary
  package let features: HostFeatures
  package let loader = ObjectLoader()
  private let isTrusted = Lock(false)

  /// - Parameter limit: the widest vectors to use.
  package init(library: LLVMLibrary, limit: HostFeatures.VectorClass = .bits512) throws(RuntimeError) {
    self.library = library
    features = HostFeatures(host: library).limited(to: limit)
    try HostFeatures(host: library).requireFusedMultiplyAdd()
  }

  /// The compiler for this machine. The first call proves on a small kernel that LLVM compiles correctly.
  package func compiler() throws(RuntimeError) -> ObjectCompiler {
    let compiler = ObjectCompiler(library: library, features: features)
    try isTrusted.withLock { isTrusted throws(RuntimeError) in
      if !isTrusted { try SelfTest.run(compiler, loader) }
      isTrusted = true
    }
    return compiler
  }
}
