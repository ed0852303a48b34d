import Foundation
import Kiln
import KilnNN
import Testing

/// A file of the format in parts, each of which a test may break.
private struct Parts {
  var length: UInt64?
  var header: String
  var elements: [UInt8]

  /// Two tensors: `a`, four bytes at 0, and `b`, two bytes at 4.
  static let good = Parts(
    header: """
      {"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},\
      "b":{"dtype":"I8","shape":[1,2],"data_offsets":[4,6]}}
      """, elements: [0, 0, 128, 63, 5, 6])

  var bytes: [UInt8] {
    withUnsafeBytes(of: (length ?? UInt64(header.utf8.count)).littleEndian, Array.init) + Array(header.utf8) + elements
  }

  func replacing(_ text: String, by other: String) -> Parts {
    var parts = self
    parts.header = header.replacingOccurrences(of: text, with: other)
    return parts
  }
}

@Suite("safetensors files")
struct SafetensorsTests {
  @Test("a file of Hugging Face's library is read, every element type")
  func reference() throws {
    let file = try SafetensorsFile(Fixture.path("reference"))
    #expect(file.names.sorted() == ["bool", "double", "empty", "half", "i64", "i8", "naïve \"ü\"\n", "scalar", "u64"])
    #expect(file.metadata["note"] == "ünï \"x\"\t" && file.metadata["library"]?.hasPrefix("safetensors ") == true)
    #expect(try file.tensor("scalar", of: Float.self).item == 2.5)
    #expect(try file.tensor("scalar").dimensions == [])
    #expect(try file.tensor("half", of: Float16.self).scalars == [1, -2.5, 65504, 6e-8])
    #expect(try file.tensor("double", of: Double.self).scalars == [0, 1, 2])
    #expect(try file.tensor("bool", of: Bool.self).scalars == [true, false, true])
    #expect(try file.tensor("i8", of: Int8.self).scalars == [-128, 127])
    #expect(try file.tensor("u64", of: UInt64.self).scalars == [.max, 0])
    #expect(try file.tensor("i64", of: Int64.self).scalars == [.min])
    #expect(try file.tensor("naïve \"ü\"\n", of: Int32.self).scalars == [7])
    #expect(try file.tensor("empty").dimensions == [0, 3])
    #expect(file.type(of: "half")?.description == "f16[2,2]" && file.type(of: "none") == nil)
  }

  @Test("what is written is read, of every type; equal tensors are equal files; an old mapping stays")
  func roundTrip() throws {
    try withFolder { folder in
      let path = "\(folder)/all.safetensors"
      let tensors: [(name: String, tensor: AnyTensor)] = [
        ("flags", AnyTensor(Tensor<Bool>([true, false]))), ("a\"\\\u{1}é😀", AnyTensor(Tensor<UInt16>([1, 2, 3]))),
        ("x", AnyTensor(Tensor<Double>([[.nan, -0.0], [.infinity, 1e-300]]))), ("", AnyTensor(Tensor<Int64>(-7))),
        ("half", AnyTensor(Tensor<Float16>([1.5]))), ("none", AnyTensor(Tensor<Float>.zeros([2, 0, 3]))),
        ("turned", AnyTensor(Tensor<Float>([[1, 2], [3, 4]]).transposed())),
      ]
      try SafetensorsFile.write(tensors, metadata: ["b": "2", "a": "\n"], to: path)
      let file = try SafetensorsFile(path)
      #expect(file.metadata == ["a": "\n", "b": "2"])
      #expect(Set(file.names) == Set(tensors.map(\.name)))
      for (name, tensor) in tensors {
        #expect(try file.tensor(name).bytes == tensor.bytes && file.tensor(name).type == tensor.type, "\(name)")
      }
      let first = try bytes(path)
      #expect(first.count % 2 == 0 && first[8] == UInt8(ascii: "{"))
      try SafetensorsFile.write(tensors.shuffled(), metadata: ["a": "\n", "b": "2"], to: path)
      #expect(try bytes(path) == first)
      try SafetensorsFile.write([("other", AnyTensor(Tensor<Float>([1])))], to: path)
      #expect(try file.tensor("turned", of: Float.self).scalars == [1, 3, 2, 4])
      #expect(try SafetensorsFile(path).names == ["other"])
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["all.safetensors"])
    }
  }

  @Test("bf16 is stored as such")
  func brainFloat() throws {
    try withFolder { folder in
      let path = "\(folder)/b.safetensors"
      let parts = Parts(
        header: #"{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#, elements: [0x80, 0x3F, 0x20, 0xC0])
      try write(parts.bytes, path)
      let tensor = try SafetensorsFile(path).tensor("w")
      #expect(tensor.type.description == "bf16[2]")
      try SafetensorsFile.write([("w", tensor)], to: path)
      #expect(try SafetensorsFile(path).tensor("w").bytes == parts.elements)
      var wide = ["w": Tensor<Double>([0, 0])]
      try wide.loadWeights(from: path)
      #expect(wide["w"]?.scalars == [1, -2.5])
    }
  }

  @Test("each field of a file broken in each way is an error that names the file")
  func mistakes() throws {
    let good = Parts.good
    var cases: [(what: String, label: String, bytes: [UInt8])] = []
    func add(_ what: String, _ label: String, _ parts: Parts) { cases.append((what, label, parts.bytes)) }
    func replace(_ label: String, _ text: String, _ other: String) {
      add("\(text) is \(other)", label, good.replacing(text, by: other))
    }
    // The length of the header.
    for count in 0..<8 { cases.append(("\(count) bytes", "C2", Array(good.bytes.prefix(count)))) }
    for length in [UInt64(good.header.utf8.count + 7), 100_000_001, 1 << 63, .max] {
      add("length \(length)", "C2", Parts(length: length, header: good.header, elements: good.elements))
    }
    for length in [UInt64(0), 1, 5, UInt64(good.header.utf8.count - 1), UInt64(good.header.utf8.count + 1)] {
      add("length \(length)", "C3", Parts(length: length, header: good.header, elements: good.elements))
    }
    // JSON.
    for header in ["", " {}", "[]", "null", "{", "{}}", "{} x", "{\"a\"}", "{\"a\":1}", "{\"a\":{}", "{,}"] {
      add("header \(header)", "C3", Parts(header: header, elements: []))
    }
    for (text, other) in [
      ("}}", "},}"), (":", "="), ("\"a\"", "a"), ("\"a\"", "'a'"), ("\"a\"", "\"\\x\""), ("\"a\"", "\"\\ud800\""),
      ("\"a\"", "\"\\ud800\\u0041\""), ("\"a\"", "\"\u{1}\""), ("\"a\"", "\"\\u12\""), ("[1,2]", "[1,2"),
      ("[1,2]", "[1,]"), ("[1,2]", "[1 2]"), ("[1,2]", "[1.0,2]"), ("[1,2]", "[-1,2]"), ("[1,2]", "[01,2]"),
      ("[1,2]", "[1e1,2]"), ("[1,2]", "[\"1\",2]"), ("[1,2]", "2"), ("[1,2]", "[99999999999999999999,2]"),
      ("\"v\"", "1"), ("{\"k\":\"v\"}", "[]"), ("\"I8\"", "8"), ("\"shape\"", "\"shapes\""),
    ] { replace("C3", text, other) }
    // Names and fields that stand there twice.
    replace("C3", "\"b\"", "\"a\"")
    replace("C3", "\"b\"", "\"\\u0061\"")
    replace("C3", "\"k\":\"v\"", "\"k\":\"v\",\"k\":\"w\"")
    replace("C3", "\"shape\":[1],", "\"shape\":[1],\"shape\":[1],")
    replace("C3", "\"a\"", "\"__metadata__\"")
    // Fields that are missing or unknown.
    replace("C4", "\"dtype\":\"I8\",", "")
    replace("C4", "\"shape\":[1,2],", "")
    replace("C4", ",\"data_offsets\":[4,6]", "")
    for dtype in ["f32", "F8_E4M3", "", "F128"] { replace("C4", "F32", dtype) }
    replace("C4", "[1,2]", "[\(Array(repeating: "1", count: 33).joined(separator: ","))]")
    // Shapes and places.
    for shape in ["[]", "[1,3]", "[0]", "[2,2]", "[4611686018427387904,4]", "[0,4611686018427387904,4]"] {
      replace("C5", "[1,2]", shape)
    }
    replace("C5", "F32", "F64")
    for offsets in ["[]", "[4]", "[4,6,8]", "[6,4]", "[4,4]", "[4,7]", "[0,9223372036854775807]"] {
      replace("C5", "[4,6]", offsets)
    }
    for offsets in ["[3,5]", "[0,2]", "[5,7]", "[6,8]"] { replace("C6", "[4,6]", offsets) }
    replace("C6", "[0,4]", "[4,8]")
    add("a byte too few", "C6", Parts(header: good.header, elements: good.elements.dropLast()))
    add("a byte too many", "C6", Parts(header: good.header, elements: good.elements + [0]))
    add("no tensors", "C6", Parts(header: "{}", elements: [1]))

    try withFolder { folder in
      let path = "\(folder)/bad.safetensors"
      try write(good.bytes, path)
      #expect(try SafetensorsFile(path).tensor("b", of: Int8.self).scalars == [5, 6])
      for (what, label, bytes) in cases {
        try write(bytes, path)
        let message = try #require(failure { _ = try SafetensorsFile(path) }, "\(what) is read")
        #expect(message.contains("[safetensors.\(label)]") && message.contains(path), "\(what): \(message)")
      }
      var invalid = good.bytes
      invalid[10] = 0xFF
      try write(invalid, path)
      #expect(failure { _ = try SafetensorsFile(path) }?.contains("not UTF-8 [safetensors.C3]") == true)
      for missing in ["\(folder)/none", folder] {
        #expect(failure { _ = try SafetensorsFile(missing) }?.contains("[safetensors.C1]") == true)
      }
      try write(good.bytes, path)
      let file = try SafetensorsFile(path)
      #expect(failure { _ = try file.tensor("c") }?.contains("no tensor 'c' among 2 [safetensors.C8]") == true)
      #expect(
        failure { _ = try file.tensor("a", of: Double.self) }?.contains("f32, expected f64 [safetensors.C8]") == true)
    }
  }

  @Test("what cannot be written is an error at the caller's line, and the old file stays")
  func unwritable() throws {
    try withFolder { folder in
      let path = "\(folder)/x.safetensors"
      let one = AnyTensor(Tensor<Float>([1]))
      try SafetensorsFile.write([("a", one)], to: path)
      let old = try bytes(path)
      for tensors in [[("a", one), ("a", one)], [("__metadata__", one)]] as [[(name: String, tensor: AnyTensor)]] {
        let message = failure { try SafetensorsFile.write(tensors, to: path) }
        #expect(message?.contains("[safetensors.C7]") == true && message?.contains("SafetensorsTests.swift:") == true)
      }
      let traced = compile { (x: Tensor<Float>) in
        #expect(failure { try ["x": x].saveWeights(to: path) }?.contains("'x' has a type and no elements") == true)
        return x
      }
      _ = traced(Tensor<Float>([1]))
      #expect(try bytes(path) == old)
      let nowhere = failure { try SafetensorsFile.write([("a", one)], to: "\(folder)/no/x.safetensors") }
      #expect(nowhere?.contains("cannot be written") == true && nowhere?.contains("[safetensors.C1]") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  @Test("damaged files are errors, whatever is damaged", arguments: [1, 2, 3, 4] as [UInt64])
  func fuzz(seed: UInt64) throws {
    var random = SplitMix(state: seed)
    let good = seed % 2 == 0 ? try bytes(Fixture.path("reference")) : Parts.good.bytes
    var (read, refused) = (0, 0)
    try withFolder { folder in
      let path = "\(folder)/fuzz.safetensors"
      for _ in 0..<120 {
        var bytes = good
        switch random.next() % 4 {
        case 0: bytes.removeLast(Int(random.next() % UInt64(bytes.count)) + 1)
        case 1: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: Int(random.next() % UInt64(bytes.count)))
        default:
          for _ in 0...random.next() % 3 {
            bytes[Int(random.next() % UInt64(bytes.count))] ^= UInt8(1) << (random.next() % 8)
          }
        }
        try write(bytes, path)
        do {
          let file = try SafetensorsFile(path)
          for name in file.names { _ = try file.tensor(name).bytes }
          read += 1
        } catch {
          #expect("\(error)".contains("[safetensors.C"), "\(error)")
          refused += 1
        }
      }
    }
    // A flipped bit of an element, or of a name, is not a mistake that a reader could see.
    #expect(refused > 50 && read + refused == 120, "\(read) read, \(refused) refused")
  }
}
