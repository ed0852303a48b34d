import Glibc

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
}

/// The bytes of a regular file, nil if it is none or cannot be read.
func readFile(_ path: String, followsLinks: Bool = false) -> [UInt8]? {
  let file = open(path, O_RDONLY | (followsLinks ? 0 : O_NOFOLLOW) | O_CLOEXEC | O_NONBLOCK)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= 1 << 30 else { return nil }
  let size = Int(status.st_size)
  return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
    while count < size {
      let got = read(file, buffer.baseAddress! + count, size - count)
      guard got > 0 else { break }
      count += got
    }
  }
}

/// Writes a new file that only the user may read; false if that failed.
func writeFile(_ path: String, _ bytes: [UInt8]) -> Bool {
  let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
  guard file >= 0 else { return false }
  var done = 0
  while done < bytes.count {
    let written = bytes.withUnsafeBytes { write(file, $0.baseAddress! + done, bytes.count - done) }
    guard written > 0 else { break }
    done += written
  }
  return close(file) == 0 && done == bytes.count
}

/// Makes a folder and those above it, for the user alone; true if it is there in the end.
func makeFolder(_ path: String) -> Bool {
  var status = stat()
  if stat(path, &status) == 0 { return status.st_mode & S_IFMT == S_IFDIR }
  if let slash = path.lastIndex(of: "/"), slash > path.startIndex, !makeFolder(String(path[..<slash])) { return false }
  return mkdir(path, 0o700) == 0 || errno == EEXIST
}
