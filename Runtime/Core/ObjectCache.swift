import Glibc

/// Compiled objects on disk, each named by the digest of all that decides its content.
///
/// A file holds a magic, the key, the payload's length and SHA-256, and the payload. A file that is damaged, or is not what
/// its name says, is a miss and is deleted; so is the least recently used one when the folder passes its limit. The cache
/// never makes a program fail: what cannot be read or written is compiled again.
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
    guard makeFolder(folder) else { return nil }
    var status = stat()
    guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      status.st_mode & (S_IWGRP | S_IWOTH) == 0
    else { return nil }
  }

  /// The object stored under `key`.
  package func object(for key: Digest) -> [UInt8]? {
    let path = path(of: key)
    guard let file = readFile(path) else { return nil }
    guard let payload = ObjectFile.payload(of: file, key: key) else {
      unlink(path)
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
    guard writeFile(aside, bytes), rename(aside, path(of: key)) == 0 else {
      unlink(aside)
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
      guard file.hasSuffix(ObjectFile.suffix) else { return nil }
      var status = stat()
      guard lstat("\(folder)/\(file)", &status) == 0 else { return nil }
      return Entry(
        name: String(file.dropLast(ObjectFile.suffix.count)), byteCount: Int(status.st_size),
        lastUse: status.st_mtim.tv_sec)
    }.sorted { ($1.lastUse, $0.name) < ($0.lastUse, $1.name) }
  }

  /// Deletes everything, files that a killed process left behind included. Returns how many objects there were.
  @discardableResult
  package func clear() -> Int {
    var count = 0
    for file in fileNames() {
      if file.hasSuffix(ObjectFile.suffix) {
        if unlink("\(folder)/\(file)") == 0 { count += 1 }
      } else if file.first == ".", file.dropFirst().first?.isNumber == true {
        unlink("\(folder)/\(file)")
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
        unlink("\(folder)/\(entry.name)\(ObjectFile.suffix)")
      } else {
        kept += entry.byteCount
      }
    }
    counters.withLock { $0.byteCount = kept }
  }

  private func path(of key: Digest) -> String { "\(folder)/\(key)\(ObjectFile.suffix)" }

  private func fileNames() -> [String] {
    guard let directory = opendir(folder) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let item = readdir(directory) {
      names.append(withUnsafeBytes(of: &item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
    }
    return names
  }

  private static func folderOfUser() -> String? {
    func variable(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
    if let chosen = variable("KILN_CACHE") { return chosen == "off" ? nil : chosen }
    if let caches = variable("XDG_CACHE_HOME") { return "\(caches)/kiln" }
    return variable("HOME").map { "\($0)/.cache/kiln" }
  }
}
