import SystemPackage

/// The layout of a file of the object cache.
enum ObjectFile {
  static let suffix = ".object"
  private static let magic = Array("KILNOBJ1".utf8)
  private static let headerBytes = 8 + 32 + 8 + 32

  static func bytes(key: Digest, payload: [UInt8]) -> [UInt8] {
    var file = magic + key.bytes
    file += (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (8 * $0)) }
    file += SHA256.hash(payload).bytes
    return file + payload
  }

  /// The payload, if `file` is whole and was stored under `key`.
  static func payload(of file: [UInt8], key: Digest) -> [UInt8]? {
    guard file.count >= headerBytes, file[..<8].elementsEqual(magic), file[8..<40].elementsEqual(key.bytes),
      (0..<8).allSatisfy({ file[40 + $0] == UInt8(truncatingIfNeeded: (file.count - headerBytes) >> (8 * $0)) })
    else { return nil }
    let payload = Array(file[headerBytes...])
    return file[48..<80].elementsEqual(SHA256.hash(payload).bytes) ? payload : nil
  }

  /// The bytes of the file at `path`; nil if it is a link, is not a regular file, is larger than 1 GiB, or cannot be
  /// read.
  static func read(_ path: String) -> [UInt8]? {
    let options: FileDescriptor.OpenOptions = [.noFollow, .closeOnExec, .nonBlocking]
    guard let file = try? FileDescriptor.open(FilePath(path), .readOnly, options: options) else { return nil }
    return try? file.closeAfter {
      let status = try file.stat()
      return status.type == .regular && status.size <= 1 << 30 ? try file.readAll() : nil
    }
  }
}
