import CLLVM
import Glibc
package import KilnRuntime

/// LLVM, loaded into the process on first use and never linked (Documentation/Decisions/0003-llvm-by-dlopen.md).
// @unchecked: a table of C functions that is written once.
package final class LLVMLibrary: @unchecked Sendable {
  /// The versions that the tests ran, the best first.
  package static let supported = [19, 14]

  /// The library of the process, or why it cannot be loaded and what to install.
  package static let shared: Result<LLVMLibrary, RuntimeError> = Result { () throws(RuntimeError) in try find() }

  let api: KilnLLVMTable
  /// The major version.
  package let version: Int
  /// What was given to the dynamic loader.
  package let path: String
  /// Whether pointers carry the type they point to (before LLVM 15).
  var hasTypedPointers: Bool { version < 15 }
  let triple: String

  private init(path: String) throws(LoadFailure) {
    let table = UnsafeMutablePointer<KilnLLVMTable>.allocate(capacity: 1)
    defer { table.deallocate() }
    var version: Int32 = 0
    var missing: UnsafePointer<CChar>?
    if let reason = kiln_llvm_load(path, table, &version, &missing) {
      throw LoadFailure(
        path: path, reason: missing.map { "lacks \(String(cString: $0))" } ?? String(cString: reason),
        isAbsent: missing == nil && !path.contains("/"))
    }
    api = table.pointee
    self.version = Int(version)
    self.path = path
    Self.setOptions(api)
    api.InitializeTargetInfo()
    api.InitializeTarget()
    api.InitializeTargetMC()
    api.InitializeAsmPrinter()
    let text = api.GetDefaultTargetTriple()
    triple = String(cString: text)
    api.DisposeMessage(text)
  }

  /// Loop strength reduction takes up to half the time of code generation, and finds nothing: the emitter writes
  /// addresses as the machine wants them. LLVM has no other way to leave it out, and this copy of LLVM is Kiln's alone.
  private static func setOptions(_ api: KilnLLVMTable) {
    "kiln".withCString { program in
      "-disable-lsr".withCString { option in api.ParseCommandLineOptions(2, [program, option], noName) }
    }
  }

  private struct LoadFailure: Error {
    let path: String
    let reason: String
    let isAbsent: Bool
  }

  private static func find() throws(RuntimeError) -> LLVMLibrary {
    let chosen = getenv("KILN_LLVM").map { String(cString: $0) } ?? ""
    let candidates: [String]
    if chosen.isEmpty {
      candidates = supported.flatMap(sonames)
    } else if let version = Int(chosen) {
      candidates = sonames(version)
    } else {
      candidates = [chosen]
    }
    var failures: [LoadFailure] = []
    for path in candidates {
      do { return try LLVMLibrary(path: path) } catch { failures.append(error) }
    }
    let told = failures.filter { !$0.isAbsent }.map { "\($0.path): \($0.reason)" }
    let wanted = chosen.isEmpty ? "LLVM" : "LLVM (KILN_LLVM=\(chosen))"
    throw RuntimeError(
      .unavailable,
      """
      the CPU runtime needs \(wanted), which could not be loaded. Install LLVM 19 or 14 (on Debian: apt install libllvm19), \
      or name the library's file in KILN_LLVM. The reference device works without it.
      """ + told.map { "\n  \($0)" }.joined())
  }

  private static func sonames(_ version: Int) -> [String] {
    ["libLLVM.so.\(version).1", "libLLVM-\(version).so.1", "libLLVM-\(version).so"]
  }

  /// Copies a string that LLVM allocated, and frees it.
  func take(_ message: UnsafeMutablePointer<CChar>) -> String {
    defer { api.DisposeMessage(message) }
    return String(cString: message)
  }
}
