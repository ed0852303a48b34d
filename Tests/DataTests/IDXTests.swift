import Kiln
import KilnData
import Testing

@Suite("IDX files")
struct IDXTests {
  /// Two images of [2, 3], as MNIST's file has them.
  static let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3] + Array(1...12)

  @Test("elements of every type have their numbers, also in a compressed file", arguments: [false, true])
  func types(isCompressed: Bool) throws {
    func read(_ bytes: [UInt8]) throws -> AnyTensor {
      try withFolder { folder in
        let path = "\(folder)/x-idx"
        if isCompressed { writeGzip(bytes, to: path) } else { try write(bytes, to: path) }
        return try AnyTensor(contentsOfIDX: path)
      }
    }
    let images = try #require(Tensor<UInt8>(read(Self.images)))
    #expect(images.dimensions == [2, 2, 3] && images.scalars == Array(1...12))
    func vector<Scalar: TensorElement>(_ type: UInt8, _ bytes: [UInt8], of: Scalar.Type) throws -> [Scalar]? {
      try read([0, 0, type, 1, 0, 0, 0, 2] + bytes).scalars(as: Scalar.self)
    }
    #expect(try vector(9, [255, 2], of: Int8.self) == [-1, 2])
    #expect(try vector(11, [1, 2, 255, 254], of: Int16.self) == [258, -2])
    #expect(try vector(12, [0, 0, 1, 0, 255, 255, 255, 255], of: Int32.self) == [256, -1])
    #expect(try vector(13, [0x3F, 0x80, 0, 0, 0xC0, 0x20, 0, 0], of: Float.self) == [1, -2.5])
    #expect(
      try vector(14, [0x3F, 0xF0, 0, 0, 0, 0, 0, 0, 0xC0, 4, 0, 0, 0, 0, 0, 0], of: Double.self) == [1, -2.5])
    #expect(try read([0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 9]).dimensions == [0, 9])
  }

  @Test("a file that is not what it says is an error with the byte")
  func malformed() throws {
    try withFolder { folder in
      func message(_ bytes: [UInt8]) throws -> String {
        try write(bytes, to: "\(folder)/x")
        return failure { _ = try Tensor<UInt8>(contentsOfIDX: "\(folder)/x") }
      }
      let cases: [([UInt8], String)] = [
        ([0, 0, 8], "byte 3: the file ends within its first 4 bytes [idx.C2]"),
        ([0, 1, 8, 1], "byte 0: an IDX file begins with two zeros, found 0 and 1 [idx.C2]"),
        ([0, 0, 10, 1], "byte 2: the type 10 is not known; 8 (u8), 9 (i8), 11 (i16)"),
        ([0, 0, 8, 0], "byte 3: a tensor of 1 to 8 axes was expected, found 0"),
        ([0, 0, 8, 2, 0, 0, 0, 1, 0, 0], "byte 10: the file ends within the 2 extents of its header"),
        (Self.images.dropLast(2), "byte 26: u8 [2, 2, 3] has 12 bytes of elements; the file has 10"),
        (Self.images + [1], "byte 29: u8 [2, 2, 3] has 12 bytes of elements; the file has 13"),
        (
          [0, 0, 14, 3] + Array(repeating: 255, count: 12),
          "byte 4: the shape [4294967295, 4294967295, 4294967295] is larger than any file"
        ),
        ([0, 0, 12, 1, 0, 0, 0, 1, 0, 0, 0, 1], "has elements i32, expected u8 [idx.C3]"),
        ([], "byte 0: the file ends within its first 4 bytes"),
      ]
      for (bytes, expected) in cases {
        let found = try message(Array(bytes))
        #expect(found.contains(expected) && found.contains("IDXTests.swift:"), "\(found)")
      }
      writeGzip(Array(repeating: 7, count: 10_000), to: "\(folder)/x.gz")
      let whole = try bytes(of: "\(folder)/x.gz")
      let short = try message(Array(whole.dropLast(9)))
      #expect(short.contains("damaged at byte \(whole.count - 9): the file is cut off [gzip.C1]"), "\(short)")
      #expect(try message(whole + [1, 2, 3]).contains("[gzip.C1]"))
      #expect(failure { _ = try AnyTensor(contentsOfIDX: "\(folder)/y") }.contains("[idx.C1]"))
    }
  }
}
