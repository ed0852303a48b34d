import CCallSite

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What the operating system said.
struct SystemError: Error {
  let message: String

  /// The reason of the call that failed last.
  static var last: SystemError { SystemError(message: String(cString: strerror(errno))) }
}

/// The few things that the front end wants from the operating system.
enum System {
  /// The working directory, without a slash at its end.
  static var workingDirectory: String? {
    guard let text = getcwd(nil, 0) else { return nil }
    defer { free(text) }
    return String(cString: text)
  }

  /// The name of the running program, without its folder.
  static var programName: String {
    let path = CommandLine.arguments.first ?? "program"
    return path.split(separator: "/").last.map(String.init) ?? "program"
  }

  static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  /// Writes what was printed and waits in a buffer.
  static func flushOutput() { kiln_flush_output() }

  /// Ends the process by a signal, of which no handler hears.
  static func abort() -> Never {
    signal(SIGABRT, SIG_DFL)
    #if canImport(Glibc)
      Glibc.abort()
    #else
      Darwin.abort()
    #endif
  }

  static func writeToStandardError(_ text: String) {
    var text = text
    text.withUTF8 { _ = Self.write(2, UnsafeRawBufferPointer($0)) }
  }

  /// The bytes of a file.
  static func read(_ path: String) throws(SystemError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .last }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes { buffer in
        #if canImport(Glibc)
          Glibc.read(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #else
          Darwin.read(descriptor, buffer.baseAddress! + done, buffer.count - done)
        #endif
      }
      guard count >= 0 else { throw .last }
      if count == 0 { break }
      done += count
    }
    return Array(bytes.prefix(done))
  }

  /// Writes a file, which takes the place of one that is there only when it is complete.
  static func write(_ bytes: [UInt8], to path: String) throws(SystemError) {
    let temporary = "\(path).\(getpid()).tmp"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .last }
    let isWritten = bytes.withUnsafeBytes { write(descriptor, $0) }
    let error = SystemError.last
    guard close(descriptor) == 0, isWritten else {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, path) == 0 else {
      let error = SystemError.last
      unlink(temporary)
      throw error
    }
  }

  /// The names of what lies in a folder; nil if it cannot be read, as where there is none.
  static func fileNames(in path: String) -> [String]? {
    guard let folder = opendir(path) else { return nil }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        String(cString: UnsafeRawPointer(pointer).assumingMemoryBound(to: CChar.self))
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes a folder of `files` and puts it in the place of `path`, a folder of files alone or nothing.
  static func replaceFolder(_ path: String, with files: [(name: String, bytes: ArraySlice<UInt8>)]) throws(SystemError)
  {
    var path = path
    while path.hasSuffix("/") && path.utf8.count > 1 { path.removeLast() }
    let (temporary, old) = ("\(path).\(getpid()).tmp", "\(path).\(getpid()).old")
    removeFolder(temporary)
    guard mkdir(temporary, 0o755) == 0 else { throw .last }
    do throws(SystemError) {
      for file in files { try write(Array(file.bytes), to: "\(temporary)/\(file.name)") }
      let isThere = fileNames(in: path) != nil
      if isThere { guard rename(path, old) == 0 else { throw .last } }
      guard rename(temporary, path) == 0 else {
        let error = SystemError.last
        if isThere { rename(old, path) }
        throw error
      }
    } catch {
      removeFolder(temporary)
      throw error
    }
    removeFolder(old)
  }

  /// Removes a folder with the files in it.
  private static func removeFolder(_ path: String) {
    for name in fileNames(in: path) ?? [] { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  private static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest)
      #if canImport(Glibc)
        let count = Glibc.write(descriptor, part.baseAddress, part.count)
      #else
        let count = Darwin.write(descriptor, part.baseAddress, part.count)
      #endif
      guard count > 0 else { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }
}
