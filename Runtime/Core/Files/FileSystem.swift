package import SystemPackage

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Files and folders. swift-system opens, reads, writes and describes files; what it does not have stands here: making,
/// listing, renaming and deleting.
package enum FileSystem {
  /// The bytes of a file.
  package static func read(_ path: String) throws(Errno) -> [UInt8] {
    try typed {
      let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      return try file.closeAfter { try file.readAll() }
    }
  }

  /// Writes a file. One that is already there is replaced only when the new one is complete.
  /// - Parameter draft: where the bytes are written before the file gets its name; in the same folder.
  package static func write(
    _ bytes: [UInt8], to path: String, draft: String? = nil,
    permissions: FilePermissions = [.ownerReadWrite, .groupRead, .otherRead]
  ) throws(Errno) {
    try replace(path, draft, permissions) { file in _ = try file.writeAll(bytes) }
  }

  /// Writes a file of `parts` that is on the disk when this returns. One that is already there is replaced only then.
  package static func writeDurably(_ parts: some Sequence<[UInt8]>, to path: String) throws(Errno) {
    try replace(path, nil, [.ownerReadWrite, .groupRead, .otherRead]) { file in
      for part in parts { _ = try file.writeAll(part) }
      guard fsync(file.rawValue) == 0 else { throw Errno(rawValue: errno) }
    }
    // The name is on the disk when its folder is; not every system lets a folder be written out.
    let folder = FilePath(path).removingLastComponent()
    try typed {
      let file = try FileDescriptor.open(folder.isEmpty ? "." : folder, .readOnly, options: .closeOnExec)
      try file.closeAfter { _ = fsync(file.rawValue) }
    }
  }

  private static func replace(
    _ path: String, _ draft: String?, _ permissions: FilePermissions, _ write: (FileDescriptor) throws -> Void
  ) throws(Errno) {
    let draft = draft ?? "\(path).\(getpid()).tmp"
    try typed {
      let file = try FileDescriptor.open(
        FilePath(draft), .writeOnly, options: [.create, .truncate, .noFollow, .closeOnExec], permissions: permissions)
      do {
        try file.closeAfter { try write(file) }
        try rename(draft, path)
      } catch {
        remove(draft)
        throw error
      }
    }
  }

  /// The names of the entries of a folder, in no particular order.
  package static func names(in folder: String) throws(Errno) -> [String] {
    guard let stream = opendir(folder) else { throw Errno(rawValue: errno) }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes a folder and those above it, unless they are already there.
  package static func makeFolder(_ path: String, permissions: FilePermissions) throws(Errno) {
    let path = FilePath(path)
    var folder = FilePath(root: path.root, [])
    for component in path.components {
      folder.append(component)
      if let type = try? folder.stat().type, type == .directory { continue }
      guard mkdir(folder.string, permissions.rawValue) == 0 || errno == EEXIST else { throw Errno(rawValue: errno) }
    }
  }

  /// Replaces `path`, which is a folder without folders in it or does not exist, by a folder of `files`. As long as
  /// they are not all written, the old one stays.
  package static func replaceFolder(
    _ path: String, with files: [(name: String, bytes: ArraySlice<UInt8>)]
  ) throws(Errno) {
    let path = FilePath(path).string  // without a slash at the end
    let (draft, old) = ("\(path).\(getpid()).tmp", "\(path).\(getpid()).old")
    removeFolder(draft)
    guard mkdir(draft, 0o755) == 0 else { throw Errno(rawValue: errno) }
    do throws(Errno) {
      for file in files { try write(Array(file.bytes), to: "\(draft)/\(file.name)") }
      let isThere = (try? names(in: path)) != nil
      if isThere { try rename(path, old) }
      do throws(Errno) { try rename(draft, path) } catch {
        if isThere { try? rename(old, path) }
        throw error
      }
    } catch {
      removeFolder(draft)
      throw error
    }
    removeFolder(old)
  }

  /// Deletes a file. Returns whether there was one that could be deleted.
  @discardableResult
  package static func remove(_ path: String) -> Bool { unlink(path) == 0 }

  private static func removeFolder(_ path: String) {
    for name in (try? names(in: path)) ?? [] { remove("\(path)/\(name)") }
    rmdir(path)
  }

  private static func rename(_ old: String, _ new: String) throws(Errno) {
    #if canImport(Glibc)
      let status = Glibc.rename(old, new)
    #else
      let status = Darwin.rename(old, new)
    #endif
    guard status == 0 else { throw Errno(rawValue: errno) }
  }

  /// swift-system's functions throw `Errno` only, but most do not say so in their types.
  private static func typed<Result>(_ body: () throws -> Result) throws(Errno) -> Result {
    do { return try body() } catch { throw error as? Errno ?? .ioError }
  }
}

extension FileDescriptor {
  /// The bytes of the file, from the current offset up to the size that its status gives.
  func readAll() throws -> [UInt8] {
    let size = Int(try stat().size)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let rest = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[count...])
        let got = try read(into: rest)
        if got == 0 { break }
        count += got
      }
    }
  }
}
