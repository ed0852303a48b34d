import Kiln
import KilnIR
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("NPY files")
struct NPYTests {
  /// A path that is removed after `body`.
  private func withPath(_ bytes: [UInt8]? = nil, _ body: (String) throws -> Void) rethrows {
    let path = "/tmp/kiln-npy-\(getpid())-\(UInt32.random(in: 0 ... .max)).npy"
    defer { unlink(path) }
    if let bytes, let file = fopen(path, "w") {
      fwrite(bytes, 1, bytes.count, file)
      fclose(file)
    }
    try body(path)
  }

  private func file(_ header: String, _ elements: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = [UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)] + (version == 1 ? [] : [0, 0])
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + Array(header.utf8) + elements
  }

  @Test("what is written reads back, of every dtype, with scalars and empty axes")
  func roundTrip() throws {
    try withPath { path in
      for tensor in [
        AnyTensor(Tensor([[1.5, -0.0, .nan]])), AnyTensor(Tensor<Int64>([1, -2])),
        AnyTensor(Tensor<Bool>([true, false])),
        AnyTensor(Tensor<Double>(3)), AnyTensor(Tensor<UInt8>.zeros([0, 4])), AnyTensor(Tensor<Float16>([1.5])),
        AnyTensor(Tensor<Int32>.range(6).reshaped(to: [1, 2, 3])),
      ] {
        try tensor.writeNPY(to: path)
        let read = try AnyTensor(contentsOfNPY: path)
        #expect(read.type == tensor.type && read.bytes == tensor.bytes)
      }
    }
  }

  @Test("NumPy's own spellings: column-major, version 2, native order, bool bytes other than 0 and 1")
  func variants() throws {
    let elements: [UInt8] = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]
    try withPath(file("{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3), }\n", elements)) { path in
      let tensor = try Tensor<Int16>(contentsOfNPY: path)
      #expect(tensor.scalars == [1, 3, 5, 2, 4, 6])
    }
    try withPath(file("{\"shape\": (6,), 'fortran_order': False, 'descr': '=i2'}", elements, version: 2)) { path in
      let tensor = try Tensor<Int16>(contentsOfNPY: path)
      #expect(tensor.scalars == [1, 2, 3, 4, 5, 6])
    }
    try withPath(file("{'descr': '|b1', 'fortran_order': False, 'shape': (3,)}", [0, 7, 1])) { path in
      let bools = try Tensor<Bool>(contentsOfNPY: path)
      #expect(bools.scalars == [false, true, true] && bools.untyped.bytes == [0, 1, 1])
    }
  }

  @Test("malformed files are errors that say what was expected and found")
  func malformed() {
    let good = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", [UInt8](repeating: 0, count: 8))
    var cases: [([UInt8], String)] = [
      ([], "begins with"), (Array("not numpy at all".utf8), "begins with"),
      (
        file("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", [0, 0, 0, 0]),
        "has 12 bytes of elements; the file has 4"
      ),
      (file("{'descr': '<c8', 'fortran_order': False, 'shape': (), }", []), "'<c8' cannot be read"),
      (file("{'descr': '>f4', 'fortran_order': False, 'shape': (), }", [0, 0, 0, 0]), "cannot be read"),
      (file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (), }", []), "string is missing"),
      (file("{'descr': '<f4', 'shape': (1,)}", [0, 0, 0, 0]), "needs 'descr'"),
      (file("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", []), "whole numbers"),
      (file("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", []), "whole numbers"),
      (
        file("{'descr': '<f4', 'fortran_order': False, 'shape': (281474976710656, 281474976710656)}", []),
        "larger than any file"
      ),
      (file("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2", []), "missing"),
      (file("{'descr': '<f4", []), "has no end"), (file("{}", []), "needs"),
      ([0x93] + Array("NUMPY".utf8) + [9, 0, 0, 0], "version 9.0"),
      ([0x93] + Array("NUMPY".utf8) + [2, 0, 255, 255, 255, 127], "bytes is not that of an array"),
    ]
    cases += (0..<good.count).map { (Array(good.prefix($0)), "") }
    for (bytes, expected) in cases {
      withPath(bytes) { path in
        let error = #expect(throws: KilnError.self) { try AnyTensor(contentsOfNPY: path) }
        #expect(
          error?.description.contains("[npy.C2]") == true && error?.description.contains(expected) == true,
          "\(bytes.count)")
      }
    }
    for position in good.indices {
      for bit in 0..<8 {
        var bytes = good
        bytes[position] ^= 1 << bit
        withPath(bytes) { path in _ = try? AnyTensor(contentsOfNPY: path) }
      }
    }
  }

  @Test("files that cannot be opened and other element types are errors")
  func files() {
    let missing = #expect(throws: KilnError.self) { try AnyTensor(contentsOfNPY: "/no/such/file.npy") }
    #expect(missing?.diagnostics[0].label == "npy.C1")
    #expect(throws: KilnError.self) { try Tensor([1]).writeNPY(to: "/no/such/file.npy") }
    withPath(file("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", [0, 0, 0, 0])) { path in
      let other = #expect(throws: KilnError.self) { try Tensor<Double>(contentsOfNPY: path) }
      #expect(other?.diagnostics[0].label == "npy.C4")
    }
  }
}
