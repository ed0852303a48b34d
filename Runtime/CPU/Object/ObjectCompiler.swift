import CLLVM
package import KilnRuntime

/// Turns an LLVM module into the bytes of a relocatable object.
///
/// Each compilation has its own context (the module's) and its own target machine, so any number of threads may
/// compile.
package struct ObjectCompiler: Sendable {
  package let library: LLVMLibrary
  package let features: HostFeatures

  package init(library: LLVMLibrary, features: HostFeatures) {
    self.library = library
    self.features = features
  }

  /// The attributes that every function of a kernel carries.
  package func addAttributes(to function: LLVMFunction, in module: borrowing LLVMModule) {
    module.addAttribute("nounwind", to: function)
    module.addAttribute("target-cpu", features.cpu, to: function)
    module.addAttribute("target-features", features.features, to: function)
    module.addAttribute("prefer-vector-width", String(features.vectorClass.rawValue), to: function)
  }

  /// Compiles `module`. No pass of LLVM's middle end runs: the kernel already says what to do.
  ///
  /// - Throws: `RuntimeError` of kind `codeGeneration` if LLVM refuses the module, or if the object needs a function
  ///   other than memcpy, memmove and memset (Numerics.md B2).
  package func object(from module: borrowing LLVMModule) throws(RuntimeError) -> [UInt8] {
    let object = try emit(module, Int32(KilnLLVMObjectFile))
    let foreign = try ELFObject(object).undefined.filter { !Self.allowedSymbols.contains($0) }
    guard foreign.isEmpty else {
      throw RuntimeError(.codeGeneration, "the code generator called \(foreign.joined(separator: ", ")) (Numerics B2)")
    }
    return object
  }

  /// The machine code of `module` as text.
  package func assembly(from module: borrowing LLVMModule) throws(RuntimeError) -> String {
    String(decoding: try emit(module, Int32(KilnLLVMAssemblyFile)), as: UTF8.self)
  }

  static let allowedSymbols: Set<String> = ["memcpy", "memmove", "memset"]

  private func emit(_ module: borrowing LLVMModule, _ kind: Int32) throws(RuntimeError) -> [UInt8] {
    let api = library.api
    let machine = try targetMachine()
    defer { api.DisposeTargetMachine(machine) }
    let layout = api.CreateTargetDataLayout(machine)
    api.SetModuleDataLayout(module.ref, layout)
    api.DisposeTargetData(layout)
    api.SetTarget(module.ref, library.triple)
    if let failure = module.verificationFailure {
      throw RuntimeError(.codeGeneration, "LLVM \(library.version) refuses a module: \(failure)\n\(module.text)")
    }
    var message: UnsafeMutablePointer<CChar>?
    var buffer: OpaquePointer?
    let failed = api.TargetMachineEmitToMemoryBuffer(machine, module.ref, kind, &message, &buffer) != 0
    let text = message.map(library.take)
    guard !failed, let buffer else {
      throw RuntimeError(.codeGeneration, "LLVM \(library.version) could not emit an object: \(text ?? "unknown")")
    }
    defer { api.DisposeMemoryBuffer(buffer) }
    let bytes = UnsafeRawBufferPointer(start: api.GetBufferStart(buffer), count: api.GetBufferSize(buffer))
    return [UInt8](bytes)
  }

  private func targetMachine() throws(RuntimeError) -> OpaquePointer {
    let api = library.api
    var target: OpaquePointer?
    var message: UnsafeMutablePointer<CChar>?
    let failed = api.GetTargetFromTriple(library.triple, &target, &message) != 0
    let text = message.map(library.take)
    let usual: Int32 = 2
    guard !failed, let target,
      let machine = api.CreateTargetMachine(
        target, library.triple, features.cpu, features.features, usual, Int32(KilnLLVMRelocPIC),
        Int32(KilnLLVMCodeModelSmall))
    else {
      throw RuntimeError(.unavailable, "LLVM \(library.version) has no target \(library.triple): \(text ?? "unknown")")
    }
    return machine
  }
}
