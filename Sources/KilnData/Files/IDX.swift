public import Kiln

extension AnyTensor {
  /// Reads a file in the IDX format, as MNIST's are, also one that gzip has compressed: u8, i8, i16, i32, f32 or f64,
  /// with 1 to 8 axes.
  ///
  /// Source of the format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", 1998: two
  /// zeros, a byte for the type, one for the number of axes, the extents as 32 bits each, the elements row by row; all
  /// with the greatest byte first.
  /// - Throws: `idx.C1` when the file cannot be read, `gzip.C1` when its compression is damaged, `idx.C2` when it is
  ///   not such a file: what was expected at which byte, and what was found.
  public init(contentsOfIDX path: String) throws(KilnError) {
    let bytes = try uncompressedFile(path, label: "idx.C1")
    let header: IDXHeader
    do throws(IDXHeader.Malformed) { header = try IDXHeader(bytes) } catch {
      throw KilnError.atCall("idx.C2", "\(path): byte \(error.offset): \(error.message)")
    }
    let size = header.dtype.byteCount
    var elements = Array(bytes[header.count...])
    // The file has the greatest byte first, tensors the least.
    for start in stride(from: 0, to: size > 1 ? elements.count : 0, by: size) {
      elements[start..<start + size].reverse()
    }
    self = elements.withUnsafeBytes { AnyTensor(header.dtype, header.shape, bytes: $0) }
  }
}

extension Tensor {
  /// Reads a file in the IDX format with elements of this type.
  ///
  /// ```swift
  /// let images = try Tensor<UInt8>(contentsOfIDX: "train-images-idx3-ubyte.gz")
  /// let pixels = images.converted(to: Float.self) / 255
  /// print(pixels.shape)
  /// ```
  /// - Throws: as `AnyTensor(contentsOfIDX:)`; `idx.C3` when the file has other elements.
  public init(contentsOfIDX path: String) throws(KilnError) {
    let tensor = try AnyTensor(contentsOfIDX: path)
    guard let typed = Tensor(tensor) else {
      throw KilnError.atCall("idx.C3", "\(path) has elements \(tensor.dtype), expected \(Scalar.dtype)")
    }
    self = typed
  }
}

/// What stands before the elements of an IDX file.
struct IDXHeader {
  /// What is wrong, and the byte at which that is seen.
  struct Malformed: Error {
    var offset: Int
    var message: String
  }

  let dtype: DType
  let shape: [Int]
  /// The bytes of the header.
  let count: Int

  private static let types: [UInt8: DType] = [8: .u8, 9: .i8, 11: .i16, 12: .i32, 13: .f32, 14: .f64]

  /// Reads the header, and checks that the rest of the file is as long as it says.
  init(_ bytes: [UInt8]) throws(Malformed) {
    guard bytes.count >= 4 else {
      throw Malformed(offset: bytes.count, message: "the file ends within its first 4 bytes")
    }
    guard bytes[0] == 0, bytes[1] == 0 else {
      throw Malformed(offset: 0, message: "an IDX file begins with two zeros, found \(bytes[0]) and \(bytes[1])")
    }
    guard let dtype = Self.types[bytes[2]] else {
      let known = Self.types.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
      throw Malformed(offset: 2, message: "the type \(bytes[2]) is not known; \(known) are")
    }
    let rank = Int(bytes[3])
    guard (1...8).contains(rank) else {
      throw Malformed(offset: 3, message: "a tensor of 1 to 8 axes was expected, found \(rank)")
    }
    guard bytes.count >= 4 + 4 * rank else {
      throw Malformed(offset: bytes.count, message: "the file ends within the \(rank) extents of its header")
    }
    let shape = (0..<rank).map { axis in
      bytes[4 + 4 * axis..<8 + 4 * axis].reduce(0) { $0 << 8 | Int($1) }
    }
    var expected = dtype.byteCount
    for extent in shape {
      let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
      guard !overflow, product < 1 << 46 else {
        throw Malformed(offset: 4, message: "the shape \(shape) is larger than any file")
      }
      expected = product
    }
    let found = bytes.count - 4 - 4 * rank
    guard found == expected else {
      throw Malformed(
        offset: bytes.count, message: "\(dtype) \(shape) has \(expected) bytes of elements; the file has \(found)")
    }
    (self.dtype, self.shape, count) = (dtype, shape, 4 + 4 * rank)
  }
}
