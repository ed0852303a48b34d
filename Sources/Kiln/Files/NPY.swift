/// A `.npy` file (NumPy's format, versions 1.0 to 3.0) taken apart. It knows bytes and nothing of tensors.
struct NPYFile {
  /// What is wrong with a file: what was expected and what was found.
  struct Malformed: Error, Hashable {
    var message: String

    init(_ message: String) { self.message = message }
  }

  /// The element type in NumPy's spelling: `<f4`, `|b1`.
  var descriptor: String
  var shape: [Int]
  var isColumnMajor: Bool
  /// The elements as they are in the file.
  var elements: ArraySlice<UInt8>

  private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
  /// Longer headers than this are not those of an array of numbers.
  private static let maximumHeaderCount = 1 << 16

  /// Takes a file apart. `elementSizes` gives the bytes of an element of a descriptor, nil for one that is not known.
  init(_ bytes: [UInt8], elementSize: (String) -> Int?) throws(Malformed) {
    guard bytes.starts(with: Self.magic) else {
      throw Malformed("a .npy file begins with \\x93NUMPY; this one does not")
    }
    guard bytes.count >= 10 else { throw Malformed("the file ends within its first 10 bytes") }
    let version = bytes[6]
    guard (1...3).contains(version) else {
      throw Malformed("format version \(version).\(bytes[7]) is not known; 1 to 3 are")
    }
    let lengthCount = version == 1 ? 2 : 4
    guard bytes.count >= 8 + lengthCount else { throw Malformed("the file ends within the length of its header") }
    let length = bytes[8..<8 + lengthCount].reversed().reduce(0) { $0 << 8 | Int($1) }
    let start = 8 + lengthCount
    guard length <= Self.maximumHeaderCount else {
      throw Malformed("a header of \(length) bytes is not that of an array")
    }
    guard bytes.count - start >= length else {
      throw Malformed("the header has \(length) bytes, and the file ends after \(bytes.count - start) of them")
    }
    var header = HeaderReader(bytes[start..<start + length])
    (descriptor, isColumnMajor, shape) = try header.read()
    guard let size = elementSize(descriptor) else { throw Malformed("elements of type '\(descriptor)' cannot be read") }
    var expected = size
    for extent in shape {
      let (product, overflow) = expected.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw Malformed("the shape \(shape) is larger than any file") }
      expected = product
    }
    let found = bytes.count - start - length
    guard found == expected else {
      throw Malformed("the shape \(shape) of '\(descriptor)' has \(expected) bytes of elements; the file has \(found)")
    }
    elements = bytes[(start + length)...]
  }

  /// The file of row-major `elements`.
  static func bytes(descriptor: String, shape: [Int], elements: UnsafeRawBufferPointer) -> [UInt8] {
    let extents = shape.map { "\($0)," }.joined(separator: " ")
    let tuple = shape.count == 1 ? extents : String(extents.dropLast())
    var header = "{'descr': '\(descriptor)', 'fortran_order': False, 'shape': (\(tuple)), }"
    // The elements begin at a multiple of 64 bytes.
    let padding = 63 - (10 + header.utf8.count) % 64
    header += String(repeating: " ", count: padding) + "\n"
    var file = magic + [1, 0, UInt8(header.utf8.count & 255), UInt8(header.utf8.count >> 8)]
    file += Array(header.utf8)
    file += elements
    return file
  }
}

/// Reads the header, a Python dictionary with three known keys.
private struct HeaderReader {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  mutating func read() throws(NPYFile.Malformed) -> (descriptor: String, isColumnMajor: Bool, shape: [Int]) {
    var descriptor: String?
    var isColumnMajor: Bool?
    var shape: [Int]?
    try expect("{")
    while !take("}") {
      let key = try string()
      try expect(":")
      switch key {
      case "descr": descriptor = try string()
      case "fortran_order": isColumnMajor = try bool()
      case "shape": shape = try tuple()
      default: throw NPYFile.Malformed("the header has an unknown key '\(key)'")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    guard let descriptor, let isColumnMajor, let shape else {
      throw NPYFile.Malformed("the header needs 'descr', 'fortran_order' and 'shape'")
    }
    return (descriptor, isColumnMajor, shape)
  }

  private mutating func skipBlanks() {
    while position < bytes.endIndex, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ text: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func expect(_ text: String) throws(NPYFile.Malformed) {
    guard take(text) else {
      throw NPYFile.Malformed("'\(text)' is missing at byte \(position - bytes.startIndex) of the header")
    }
  }

  private mutating func string() throws(NPYFile.Malformed) -> String {
    skipBlanks()
    guard position < bytes.endIndex, bytes[position] == UInt8(ascii: "'") || bytes[position] == UInt8(ascii: "\"")
    else {
      throw NPYFile.Malformed("a string is missing at byte \(position - bytes.startIndex) of the header")
    }
    let quote = bytes[position]
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else {
      throw NPYFile.Malformed("a string of the header has no end")
    }
    defer { position = end + 1 }
    return String(decoding: bytes[(position + 1)..<end].prefix(64), as: UTF8.self)
  }

  private mutating func bool() throws(NPYFile.Malformed) -> Bool {
    if take("True") { return true }
    try expect("False")
    return false
  }

  private mutating func tuple() throws(NPYFile.Malformed) -> [Int] {
    var extents: [Int] = []
    try expect("(")
    while !take(")") {
      extents.append(try extent())
      guard extents.count <= 32 else { throw NPYFile.Malformed("an array has at most 32 axes") }
      if !take(",") {
        try expect(")")
        break
      }
    }
    return extents
  }

  private mutating func extent() throws(NPYFile.Malformed) -> Int {
    skipBlanks()
    let digits = bytes[position...].prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    guard let value = Int(String(decoding: digits, as: UTF8.self)), value <= 1 << 48 else {
      throw NPYFile.Malformed("the shape needs extents that are whole numbers of a possible size")
    }
    position += digits.count
    return value
  }
}
