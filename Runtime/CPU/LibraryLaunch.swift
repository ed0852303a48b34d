import KilnIR
import KilnRuntime

/// A launch that OpenBLAS runs, each thread on rows of its own.
struct LibraryLaunch: Sendable {
  let product: MatrixProduct
  let library: OpenBLASLibrary

  /// Rows that one call should have at least.
  static let grain = 16

  /// Computes these rows of the product.
  func run(_ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>, rows: Range<Int>) {
    switch product.dtype {
    case .f64: run(pointers, rows, Double.self, library.multiply(m:n:k:_:lda:transposeA:_:ldb:transposeB:into:ldc:))
    // `MatrixProduct` admits f32 beside f64.
    default: run(pointers, rows, Float.self, library.multiply(m:n:k:_:lda:transposeA:_:ldb:transposeB:into:ldc:))
    }
  }

  private func run<Element>(
    _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ rows: Range<Int>, _ type: Element.Type,
    _ multiply: (
      Int, Int, Int, UnsafePointer<Element>, Int, Bool, UnsafePointer<Element>, Int, Bool,
      UnsafeMutablePointer<Element>, Int
    ) -> Void
  ) {
    func address(_ operand: MatrixProduct.Operand, row: Int) -> UnsafeMutablePointer<Element>? {
      let step = operand.isTransposed ? 1 : operand.leadingDimension
      return pointers[operand.buffer].map { $0.assumingMemoryBound(to: Element.self) + operand.offset + row * step }
    }
    guard let a = address(product.left, row: rows.lowerBound), let b = address(product.right, row: 0),
      let c = address(product.result, row: rows.lowerBound)
    else { return }
    multiply(
      rows.count, product.columns, product.terms, UnsafePointer(a), product.left.leadingDimension,
      product.left.isTransposed, UnsafePointer(b), product.right.leadingDimension, product.right.isTransposed, c,
      product.result.leadingDimension)
  }
}
