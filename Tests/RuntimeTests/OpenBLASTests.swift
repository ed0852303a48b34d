import Testing

@testable import KilnCPU

@Suite("OpenBLAS")
struct OpenBLASTests {
  @Test("row-major products, plain and transposed")
  func products() throws {
    let library = try OpenBLASLibrary.shared.get()
    let a: [Float] = [1, 2, 3, 4, 5, 6]  // 2×3, or 3×2 transposed
    let b: [Float] = [1, 0, 2, 1, 0, 3]  // 3×2
    var c = [Float](repeating: 7, count: 4)
    library.multiply(m: 2, n: 2, k: 3, a, lda: 3, b, ldb: 2, into: &c, ldc: 2)
    #expect(c == [5, 11, 14, 23])
    library.multiply(m: 2, n: 2, k: 3, a, lda: 2, transposeA: true, b, ldb: 2, into: &c, ldc: 2)
    #expect(c == [7, 18, 10, 22])
    var d = [0.0]
    library.multiply(m: 1, n: 1, k: 2, [3.0, 4], lda: 2, [5.0, 6], ldb: 2, transposeB: true, into: &d, ldc: 1)
    #expect(d == [39])
    #expect(library.configuration.contains("OpenBLAS"))
  }
}
