import COpenBLAS
package import KilnRuntime

/// OpenBLAS, for `numerics: .fast` only (Numerics.md D4): loaded on first use, limited to one thread, never linked.
// @unchecked: a table of C functions that is written once.
package final class OpenBLASLibrary: @unchecked Sendable {
  /// The library of the process, or what to install.
  package static let shared: Result<OpenBLASLibrary, RuntimeError> = Result { () throws(RuntimeError) in
    try OpenBLASLibrary()
  }

  private let api: KilnOpenBLASTable

  private init() throws(RuntimeError) {
    let table = UnsafeMutablePointer<KilnOpenBLASTable>.allocate(capacity: 1)
    defer { table.deallocate() }
    if let reason = kiln_openblas_load("libopenblas.so.0", table) {
      throw RuntimeError(
        .unavailable,
        """
        numerics: .fast multiplies matrices with OpenBLAS, which could not be loaded (\(String(cString: reason))). \
        Install it (on Debian: apt install libopenblas0), or use the strict numerics.
        """)
    }
    api = table.pointee
  }

  /// The version and the kernels that the library chose, for `kiln devices`.
  package var configuration: String { String(cString: api.getConfig()) }

  /// `c = a·b`, all row-major: `a` is m×k with rows `lda` apart (k×m if transposed), `b` k×n (n×k), `c` m×n.
  package func multiply(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, lda: Int, transposeA: Bool = false, _ b: UnsafePointer<Float>,
    ldb: Int, transposeB: Bool = false, into c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    api.sgemm(
      rowMajor, code(transposeA), code(transposeB), Int32(m), Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), 0, c,
      Int32(ldc))
  }

  /// The same in double precision.
  package func multiply(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, lda: Int, transposeA: Bool = false, _ b: UnsafePointer<Double>,
    ldb: Int, transposeB: Bool = false, into c: UnsafeMutablePointer<Double>, ldc: Int
  ) {
    api.dgemm(
      rowMajor, code(transposeA), code(transposeB), Int32(m), Int32(n), Int32(k), 1, a, Int32(lda), b, Int32(ldb), 0, c,
      Int32(ldc))
  }

  private var rowMajor: Int32 { Int32(KilnBLASRowMajor) }
  private func code(_ transposed: Bool) -> Int32 { Int32(transposed ? KilnBLASTranspose : KilnBLASNoTranspose) }
}
