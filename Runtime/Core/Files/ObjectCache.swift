import Glibc
import SystemPackage

/// Compiled objects on disk, each named by the digest of all that decides its content.
///
/// A file holds a magic, the key, the payload's length and SHA-256, and the payload. A file that is damaged, or is not
/// what its name says, is a miss and is deleted; so is the least recently used one when the folder passes its limit.
/// The cache never makes a program fail: what cannot be read or written is compiled again.
package final class ObjectCache: Sendable {
  /// One stored object.
  package struct Entry: Sendable, Hashable {
    /// The key in hexadecimal digits.
    package let name: String
    package let byteCount: Int
    /// Seconds since 1970 when it was last used.
    package let lastUse: Int
  }

  /// The cache of the user: `KILN_CACHE` names its folder, or is `off`. Otherwise it is `kiln` in `XDG_CACHE_HOME` or
  /// `~/.cache`. Nil if it is off, or if the folder is not safe to load code from.
  package static let user: ObjectCache? = folderOfUser().flatMap { ObjectCache(folder: $0) }

  package let folder: String
  package let limit: Int
  private let counters = Lock((sequence: 0, byteCount: Int?.none))

  /// - Parameter limit: the most bytes kept; 256 MiB unless said.
  /// - Returns: nil if the folder cannot be made, belongs to someone else, or others may write in it.
  package init?(folder: String, limit: Int = 256 << 20) {
    self.folder = folder
    self.limit = limit
    try? FileSystem.makeFolder(folder, permissions: .ownerReadWriteExecute)
    guard let status = try? FilePath(folder).stat(), status.type == .directory, status.userID.rawValue == geteuid(),
      status.permissions.isDisjoint(with: [.groupWrite, .otherWrite])
    else { return nil }
  }

  /// The object stored under `key`.
  package func object(for key: Digest) -> [UInt8]? {
    let path = path(of: key)
    guard let file = ObjectFile.read(path) else { return nil }
    guard let payload = ObjectFile.payload(of: file, key: key) else {
      FileSystem.remove(path)
      return nil
    }
    utimensat(AT_FDCWD, path, nil, 0)
    return payload
  }

  /// Stores `object` under `key`: written aside and renamed, so that readers see all of it or nothing.
  package func store(_ object: [UInt8], for key: Digest) {
    let sequence = counters.withLock { counters in
      counters.sequence += 1
      return counters.sequence
    }
    let aside = "\(folder)/.\(getpid())-\(sequence)"
    let bytes = ObjectFile.bytes(key: key, payload: object)
    do throws(Errno) {
      try FileSystem.write(bytes, to: path(of: key), draft: aside, permissions: .ownerReadWrite)
    } catch {
      return
    }
    let full = counters.withLock { counters in
      let total = (counters.byteCount ?? entries().reduce(0) { $0 + $1.byteCount } - bytes.count) + bytes.count
      counters.byteCount = total
      return total > limit
    }
    if full { trim() }
  }

  /// What is stored, the most recently used first.
  package func entries() -> [Entry] {
    fileNames().compactMap { file in
      guard file.hasSuffix(ObjectFile.suffix),
        let status = try? FilePath("\(folder)/\(file)").stat(followTargetSymlink: false)
      else { return nil }
      return Entry(
        name: String(file.dropLast(ObjectFile.suffix.count)), byteCount: Int(status.size),
        lastUse: status.st_mtim.tv_sec)
    }.sorted { ($1.lastUse, $0.name) < ($0.lastUse, $1.name) }
  }

  /// Deletes everything, files that a killed process left behind included. Returns how many objects there were.
  @discardableResult
  package func clear() -> Int {
    var count = 0
    for file in fileNames() {
      if file.hasSuffix(ObjectFile.suffix) {
        if FileSystem.remove("\(folder)/\(file)") { count += 1 }
      } else if file.first == ".", file.dropFirst().first?.isNumber == true {
        FileSystem.remove("\(folder)/\(file)")
      }
    }
    counters.withLock { $0.byteCount = 0 }
    return count
  }

  /// Deletes the least recently used objects until three quarters of the limit are left.
  private func trim() {
    var kept = 0
    for entry in entries() {
      if kept + entry.byteCount > limit / 4 * 3 {
        FileSystem.remove("\(folder)/\(entry.name)\(ObjectFile.suffix)")
      } else {
        kept += entry.byteCount
      }
    }
    counters.withLock { $0.byteCount = kept }
  }

  private func path(of key: Digest) -> String { "\(folder)/\(key)\(ObjectFile.suffix)" }

  private func fileNames() -> [String] { (try? FileSystem.names(in: folder)) ?? [] }

  private static func folderOfUser() -> String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let chosen = variable("KILN_CACHE") { return chosen == "off" ? nil : chosen }
    if let caches = variable("XDG_CACHE_HOME") { return "\(caches)/kiln" }
    return variable("HOME").map { "\($0)/.cache/kiln" }
  }
}
