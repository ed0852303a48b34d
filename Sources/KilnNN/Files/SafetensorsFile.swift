public import Kiln

/// A safetensors file: named tensors of any element type, as Hugging Face's library and PyTorch's users write them.
///
/// ```swift
/// let file = try SafetensorsFile("model.safetensors")
/// print(file.names, file.metadata)
/// let weight = try file.tensor("fc1.weight", of: Float.self)
/// ```
/// Opening a file reads and checks its header. The elements of a tensor are read when it is asked for; the file stays
/// mapped as long as this value lives. One that is replaced by `write` in the meantime stays as it was.
public struct SafetensorsFile: Sendable {
  /// Where the file is.
  public let path: String
  /// What the writer noted beside the tensors.
  public let metadata: [String: String]
  /// The names of the tensors, in the order of their elements.
  public let names: [String]

  private let file: MappedFile
  private let entries: [String: SafetensorsHeader.Entry]

  /// Opens a file and checks its header.
  /// - Throws: `safetensors.C1` when it cannot be read; `C2` for a length of the header that cannot be, `C3` for one
  ///   that is not JSON of this form, `C4` for a tensor without one of its fields or of an unknown type, `C5` where
  ///   shape and place do not fit, `C6` for gaps, overlaps and bytes that are missing or left over.
  public init(_ path: String) throws(KilnError) {
    self.path = path
    file = try MappedFile(path, label: "safetensors.C1")
    let header: SafetensorsHeader
    do throws(SafetensorsHeader.Malformed) { header = try SafetensorsHeader(file.bytes) } catch {
      throw KilnError.atCall(error.label, "\(path): \(error.message)")
    }
    metadata = header.metadata
    names = header.entries.map(\.name)
    entries = Dictionary(header.entries.map { ($0.name, $0) }) { first, _ in first }
  }

  /// Element type and shape of the tensor `name`; nil if the file lacks it.
  public func type(of name: String) -> TensorType? {
    entries[name].map { TensorType($0.dtype, Shape($0.shape)) }
  }

  /// The tensor `name`, whose elements are read now.
  /// - Throws: `safetensors.C8` when the file lacks it.
  public func tensor(_ name: String) throws(KilnError) -> AnyTensor {
    let entry = try entry(name)
    return AnyTensor(entry.dtype, entry.shape, bytes: UnsafeRawBufferPointer(rebasing: file.bytes[entry.bytes]))
  }

  /// The tensor `name` with elements of `type`.
  /// - Throws: `safetensors.C8` when the file lacks it, or it has another element type.
  public func tensor<Scalar: TensorElement>(
    _ name: String, of type: Scalar.Type
  ) throws(KilnError) -> Tensor<Scalar> {
    guard let tensor = Tensor<Scalar>(try tensor(name)) else {
      let found = try entry(name).dtype
      throw KilnError.atCall("safetensors.C8", "\(path): '\(name)' has elements \(found), expected \(Scalar.dtype)")
    }
    return tensor
  }

  private func entry(_ name: String) throws(KilnError) -> SafetensorsHeader.Entry {
    if let entry = entries[name] { return entry }
    let near = names.filter { $0.hasSuffix(name.split(separator: ".").last ?? "") }.prefix(8)
    throw KilnError.atCall(
      "safetensors.C8", "\(path): there is no tensor '\(name)' among \(names.count)",
      notes: near.isEmpty ? [] : ["there is " + near.map { "'\($0)'" }.joined(separator: ", ")])
  }
}

extension SafetensorsFile {
  /// Writes `tensors` by their names, with notes for whoever reads the file.
  ///
  /// What was there is replaced when the new file is on the disk, and stays if something fails. The bytes depend on the
  /// tensors, their names and `metadata` alone. The elements of greater types come first, so all lie aligned.
  ///
  /// - Throws: `safetensors.C1` when the file cannot be written, `safetensors.C7` for a name that stands there twice,
  ///   the name `__metadata__`, and a tensor without elements (of a trace, or after a mistake).
  public static func write(
    _ tensors: [(name: String, tensor: AnyTensor)], metadata: [String: String] = [:], to path: String
  ) throws(KilnError) {
    var names: Set<String> = []
    for (name, tensor) in tensors {
      guard name != SafetensorsHeader.metadataName else {
        throw KilnError.atCall("safetensors.C7", "\(path) cannot be written: the format keeps the name '\(name)'")
      }
      guard names.insert(name).inserted else {
        throw KilnError.atCall("safetensors.C7", "\(path) cannot be written: two tensors have the name '\(name)'")
      }
      guard tensor.hasElements else {
        throw KilnError.atCall("safetensors.C7", "\(path) cannot be written: '\(name)' has a type and no elements")
      }
    }
    let ordered = tensors.sorted { a, b in
      (b.tensor.dtype.byteCount, a.name) < (a.tensor.dtype.byteCount, b.name)
    }
    let parts = [header(ordered, metadata)].lazy + ordered.lazy.map(\.tensor.bytes)
    try writeDurably(parts, to: path, label: "safetensors.C1")
  }

  /// The length of the header, and the header, which blanks fill up to a multiple of 8 bytes.
  private static func header(_ tensors: [(name: String, tensor: AnyTensor)], _ metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let notes = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0.key)):\(quoted($0.value))" }
      members.append("\(quoted(SafetensorsHeader.metadataName)):{\(notes.joined(separator: ","))}")
    }
    var end = 0
    for (name, tensor) in tensors {
      let (dimensions, start) = (tensor.dimensions, end)
      end += dimensions.reduce(tensor.dtype.byteCount, *)
      let shape = dimensions.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(name)):{\"dtype\":\"\(tensor.dtype.safetensorsName)\",\"shape\":[\(shape)],\"data_offsets\":[\(start),\(end)]}"
      )
    }
    var header = Array("{\(members.joined(separator: ","))}".utf8)
    header += Array(repeating: UInt8(ascii: " "), count: -header.count & 7)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
  }

  /// A string of JSON.
  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\0"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
