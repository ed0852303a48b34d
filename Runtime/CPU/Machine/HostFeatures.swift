import CLLVM
package import KilnRuntime

/// What code is generated for: a processor by name and the list of its instruction sets.
package struct HostFeatures: Hashable, Sendable, CustomStringConvertible {
  /// The widths of vectors that the emitter knows.
  package enum VectorClass: Int, Hashable, Sendable, CaseIterable, Comparable {
    case bits128 = 128
    case bits256 = 256
    case bits512 = 512
    package static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  }

  /// The name that LLVM gives the processor; LLVM 14 calls a Zen 4 `znver3`.
  package let cpu: String
  /// LLVM's full list, `+avx,-avx512f,…`: the name alone is not enough.
  package let features: String
  package let vectorClass: VectorClass

  /// The machine that the process runs on.
  package init(host library: LLVMLibrary) {
    cpu = library.take(library.api.GetHostCPUName())
    let features = library.take(library.api.GetHostCPUFeatures())
    self.features = features
    let names = Set(features.split(separator: ","))
    func has(_ needed: Substring...) -> Bool { names.isSuperset(of: needed) }
    if has("+avx512f", "+avx512vl", "+avx512bw", "+avx512dq") {
      vectorClass = .bits512
    } else {
      vectorClass = has("+avx2", "+fma") ? .bits256 : .bits128
    }
  }

  package init(cpu: String, features: String, vectorClass: VectorClass) {
    self.cpu = cpu
    self.features = features
    self.vectorClass = vectorClass
  }

  /// The same machine as if it had nothing newer than this class: for tests of the narrower code on a wide machine.
  /// The 128-bit class keeps FMA, which the runtime requires (Numerics.md B3).
  package func limited(to limit: VectorClass) -> HostFeatures {
    guard limit < vectorClass else { return self }
    #if arch(x86_64)
      switch limit {
      case .bits512: return self
      case .bits256: return HostFeatures(cpu: "x86-64-v3", features: "", vectorClass: .bits256)
      case .bits128:
        return HostFeatures(cpu: "x86-64-v2", features: "+avx,+fma,+f16c,+prefer-128-bit", vectorClass: .bits128)
      }
    #else
      return self
    #endif
  }

  /// Numerics.md B3: without hardware FMA only the references run.
  package func requireFusedMultiplyAdd() throws(RuntimeError) {
    #if arch(x86_64)
      guard features.split(separator: ",").contains("+fma") else {
        throw RuntimeError(
          .unavailable,
          """
          the CPU runtime needs a processor with fused multiply-add (x86-64-v3); \(cpu) has none. \
          The reference device works on it.
          """)
      }
    #endif
  }

  package var description: String { "\(cpu), \(vectorClass.rawValue)-bit vectors" }
}
