import CZlib
import Kiln

/// The longest content of a compressed file that is read, in bytes: a small file can pretend to be any size.
private let maximumInflatedCount = 1 << 32

/// The bytes of a file; those of one in gzip's format are its content.
/// - Throws: `label` when it cannot be read, `gzip.C1` when its compression is damaged.
func uncompressedFile(_ path: String, label: String) throws(KilnError) -> [UInt8] {
  let file = try MappedFile(path, label: label)
  let bytes = withExtendedLifetime(file) { Array(file.bytes) }
  return bytes.starts(with: [0x1F, 0x8B]) ? try inflated(bytes[...], path) : bytes
}

/// The content of a file in gzip's format (RFC 1952), which may have several members.
/// - Throws: `gzip.C1` when the file is damaged or cut off, with the byte at which that is seen.
func inflated(_ bytes: ArraySlice<UInt8>, _ path: String) throws(KilnError) -> [UInt8] {
  var stream = z_stream()
  // 15 bits of window, and 16 for the header of gzip.
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw KilnError.atCall("gzip.C1", "\(path): zlib cannot be started")
  }
  defer { inflateEnd(&stream) }
  var content: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  let (message, consumed): (String?, Int) = bytes.withUnsafeBufferPointer { input in
    let capacity = UInt32(piece.count)
    var consumed = 0
    // The input in parts, as zlib counts it in 32 bits.
    while true {
      let part = min(input.count - consumed, 1 << 30)
      stream.next_in = input.baseAddress.map { UnsafeMutablePointer(mutating: $0 + consumed) }
      stream.avail_in = UInt32(part)
      let status = piece.withUnsafeMutableBufferPointer { output in
        stream.next_out = output.baseAddress
        stream.avail_out = capacity
        return inflate(&stream, Z_NO_FLUSH)
      }
      consumed += part - Int(stream.avail_in)
      content += piece.prefix(Int(capacity - stream.avail_out))
      switch status {
      case Z_STREAM_END where consumed == input.count: return (nil, consumed)
      case Z_STREAM_END: if inflateReset(&stream) != Z_OK { return ("zlib cannot go on", consumed) }
      case Z_OK where content.count > maximumInflatedCount:
        return ("the content has more than \(maximumInflatedCount) bytes", consumed)
      case Z_OK: break
      case Z_BUF_ERROR: return ("the file is cut off", consumed)
      default: return (stream.msg.map { String(cString: $0) } ?? "status \(status) of zlib", consumed)
      }
    }
  }
  if let message { throw KilnError.atCall("gzip.C1", "\(path): damaged at byte \(consumed): \(message)") }
  return content
}
