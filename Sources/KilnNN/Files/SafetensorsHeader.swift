import Kiln

/// The header of a safetensors file, with every check of the format: what is where. It knows bytes and nothing of
/// files.
///
/// A file is the length of the header (8 bytes, little-endian), the header, which is JSON, and the elements. The
/// tensors cover the rest of the file: without gaps, without overlaps, to its end.
struct SafetensorsHeader {
  /// A broken rule: `safetensors.C2` to `safetensors.C6`.
  struct Malformed: Error {
    var label: String
    var message: String
  }

  struct Entry {
    var name: String
    var dtype: DType
    var shape: [Int]
    /// In the file.
    var bytes: Range<Int>
  }

  /// In the order of their elements.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [String: String] = [:]

  /// The longest header that the format's own library takes.
  static let maximumCount = 100_000_000
  static let metadataName = "__metadata__"

  init(_ file: UnsafeRawBufferPointer) throws(Malformed) {
    let header = try Self.header(of: file)
    try read(header)
    try place(after: 8 + header.count, in: file.count)
  }

  private static func header(of file: UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer {
    guard file.count >= 8 else {
      throw Malformed(
        label: "safetensors.C2", message: "the file has \(file.count) bytes, and the length of its header 8")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(maximumCount) else {
      throw Malformed(
        label: "safetensors.C2", message: "a header of \(length) bytes is longer than any; is it a safetensors file?")
    }
    guard Int(length) <= file.count - 8 else {
      throw Malformed(
        label: "safetensors.C2",
        message: "the header has \(length) bytes, and the file ends after \(file.count - 8) of them")
    }
    let header = UnsafeRawBufferPointer(rebasing: file[8..<8 + Int(length)])
    guard String(validating: header, as: UTF8.self) != nil else {
      throw Malformed(label: "safetensors.C3", message: "the header is not UTF-8")
    }
    guard header.first == UInt8(ascii: "{") else {
      throw Malformed(label: "safetensors.C3", message: "the header is JSON and begins with '{'; this one does not")
    }
    return header
  }

  // MARK: - Members

  /// A tensor as the header has it.
  private struct Fields {
    var name: String
    var dtype: String?
    var shape: [Int]?
    var offsets: [Int]?
  }

  private mutating func read(_ header: UnsafeRawBufferPointer) throws(Malformed) {
    var (tensors, metadata): ([Fields], [String: String]) = ([], [:])
    do throws(JSONReader.Malformed) {
      var reader = JSONReader(header)
      try reader.object { reader, name throws(JSONReader.Malformed) in
        if name == Self.metadataName {
          try reader.object { reader, key throws(JSONReader.Malformed) in metadata[key] = try reader.string() }
        } else {
          tensors.append(try Self.fields(name, &reader))
        }
      }
      try reader.end()
    } catch {
      throw Malformed(label: "safetensors.C3", message: "the header: \(error.message)")
    }
    entries = []
    for tensor in tensors { entries.append(try Self.entry(tensor)) }
    self.metadata = metadata
  }

  private static func fields(_ name: String, _ reader: inout JSONReader) throws(JSONReader.Malformed) -> Fields {
    var fields = Fields(name: name)
    do throws(JSONReader.Malformed) {
      try reader.object { reader, key throws(JSONReader.Malformed) in
        switch key {
        case "dtype": fields.dtype = try reader.string()
        case "shape": fields.shape = try reader.numbers()
        case "data_offsets": fields.offsets = try reader.numbers()
        default: throw JSONReader.Malformed(message: "the key '\(key)' is unknown")
        }
      }
    } catch {
      throw JSONReader.Malformed(message: "'\(name)': \(error.message)")
    }
    return fields
  }

  /// The tensor, if its fields fit each other.
  private static func entry(_ fields: Fields) throws(Malformed) -> Entry {
    let name = fields.name
    guard let spelling = fields.dtype, let shape = fields.shape, let offsets = fields.offsets else {
      throw Malformed(
        label: "safetensors.C4", message: "'\(name)' needs 'dtype', 'shape' and 'data_offsets', and lacks one")
    }
    guard let dtype = DType(safetensors: spelling) else {
      let known = DType.allCases.map(\.safetensorsName).joined(separator: ", ")
      throw Malformed(
        label: "safetensors.C4", message: "'\(name)' has elements of type '\(spelling.prefix(32))'; known are \(known)")
    }
    guard shape.count <= TensorType.maximumRank else {
      throw Malformed(
        label: "safetensors.C4",
        message: "'\(name)' has \(shape.count) axes; a tensor has at most \(TensorType.maximumRank)")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Malformed(
        label: "safetensors.C5",
        message: "'\(name)' needs a beginning and an end that is not before it, found \(offsets)")
    }
    // Also what stands beside an extent of 0 must be possible.
    var (possible, size) = (dtype.byteCount, dtype.byteCount)
    for extent in shape {
      let (product, overflow) = possible.multipliedReportingOverflow(by: max(extent, 1))
      guard !overflow, product <= maximumByteCount else {
        throw Malformed(label: "safetensors.C5", message: "'\(name)' has the shape \(shape), larger than any memory")
      }
      (possible, size) = (product, size * extent)
    }
    guard offsets[1] - offsets[0] == size else {
      throw Malformed(
        label: "safetensors.C5",
        message: "'\(name)' of \(spelling) \(shape) has \(size) bytes; the header gives it \(offsets[1] - offsets[0])")
    }
    return Entry(name: name, dtype: dtype, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  private static let maximumByteCount = 1 << 46

  // MARK: - Places

  /// Puts the tensors in the order of their elements, and checks that these are all that follows the header.
  private mutating func place(after start: Int, in fileCount: Int) throws(Malformed) {
    entries.sort {
      ($0.bytes.lowerBound, $0.bytes.upperBound, $0.name) < ($1.bytes.lowerBound, $1.bytes.upperBound, $1.name)
    }
    var (end, previous) = (0, "the header")
    let count = fileCount - start
    for index in entries.indices {
      let (bytes, name) = (entries[index].bytes, entries[index].name)
      guard bytes.upperBound <= count else {
        throw Malformed(
          label: "safetensors.C6", message: "'\(name)' ends at byte \(bytes.upperBound) of \(count) that the file has")
      }
      if bytes.lowerBound < end {
        throw Malformed(
          label: "safetensors.C6", message: "'\(name)' begins at byte \(bytes.lowerBound), within \(previous)")
      }
      if bytes.lowerBound > end {
        throw Malformed(
          label: "safetensors.C6",
          message: "\(bytes.lowerBound - end) bytes between \(previous) and '\(name)' belong to no tensor")
      }
      (end, previous) = (bytes.upperBound, "'\(name)'")
      entries[index].bytes = start + bytes.lowerBound..<start + bytes.upperBound
    }
    guard end == count else {
      throw Malformed(
        label: "safetensors.C6", message: "\(count - end) bytes after \(previous) belong to no tensor")
    }
  }
}

extension DType {
  /// The name that safetensors has for it.
  var safetensorsName: String {
    switch self {
    case .bool: "BOOL"
    case .i8: "I8"
    case .i16: "I16"
    case .i32: "I32"
    case .i64: "I64"
    case .u8: "U8"
    case .u16: "U16"
    case .u32: "U32"
    case .u64: "U64"
    case .f16: "F16"
    case .bf16: "BF16"
    case .f32: "F32"
    case .f64: "F64"
    }
  }

  init?(safetensors name: String) {
    guard let match = DType.allCases.first(where: { $0.safetensorsName == name }) else { return nil }
    self = match
  }
}
