import CCallSite
package import KilnIR
import KilnRuntime
@_spi(Internal) import Runtime

/// Where in the user's program the running operation was written (Documentation/Decisions/0002).
enum CallSite {
  /// Frames kept per operation: enough for Kiln's own frames and a few of the user's.
  private static let depth = 24
  /// Lines that a diagnostic names beside its own.
  private static let callerLimit = 4

  /// The raw return addresses of the callers: no symbols, a few nanoseconds.
  static func here() -> SourceLocation {
    let addresses = [UInt](unsafeUninitializedCapacity: depth) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      count = base.withMemoryRebound(to: UInt.self, capacity: depth) { Int(kiln_return_addresses($0, Int32(depth))) }
    }
    return .returnAddresses(addresses)
  }

  /// The lines outside Kiln and the standard library that these addresses come from, the innermost first: that of the
  /// operation, and those of the calls around it in the same program or library.
  fileprivate static func resolve(_ addresses: [UInt]) -> [SourceLocation] {
    var lines: [Line] = []
    for line in self.lines(of: addresses)
    where line.location != lines.last?.location && line.image == (lines.first ?? line).image { lines.append(line) }
    return lines.prefix(1 + callerLimit).map(\.location)
  }

  /// Whether any of these addresses has a line, in whatever code.
  fileprivate static func haveLines(_ addresses: [UInt]) -> Bool {
    frames(of: addresses).contains { $0.symbol?.sourceLocation != nil }
  }

  /// Every call that is under way, as text.
  static func calls() -> String {
    let backtrace = try? Backtrace.capture(algorithm: .auto, limit: nil, images: images)
    let frames = backtrace?.symbolicated(with: images)?.frames ?? []
    return frames.map { "  \($0)" }.joined(separator: "\n")
  }

  private struct Line {
    let location: SourceLocation
    /// The number of the program or library that it is in.
    let image: Int
  }

  /// The user's lines at every address that was ever asked for; none for addresses in other code. Reading line tables
  /// takes milliseconds.
  private static let places = Lock(BoundedCache<UInt, [Line]>(limit: 1 << 20))

  /// The libraries of the process, read once: reading crashes while another thread unloads one, as drivers of OpenCL do
  /// when they compile. Code that is loaded later has no lines.
  private static let images = ImageMap.capture()

  /// Reads what reading lines needs, before anything in the process unloads libraries.
  static func prepare() { _ = images }

  private static func lines(of addresses: [UInt]) -> [Line] {
    var found = places.withLock { places in
      Dictionary(addresses.compactMap { address in places.find(address).map { (address, $0) } }) { $1 }
    }
    let unknown = addresses.filter { found[$0] == nil }
    if !unknown.isEmpty {
      for address in unknown { found[address] = [] }
      for frame in frames(of: unknown) {
        guard let symbol = frame.symbol, let line = symbol.sourceLocation, line.line > 0,
          let address = UInt(frame.captured.originalProgramCounter), !isForeign(symbol.rawName, line.path)
        else { continue }
        let location = SourceLocation.position(file: line.path, line: line.line, column: line.column)
        found[address]?.append(Line(location: location.shortened, image: symbol.imageIndex))
      }
      let byteCount = 256
      let known = found
      places.withLock { places in
        for address in unknown { _ = places.insert(known[address] ?? [], for: address, byteCount: byteCount) }
      }
    }
    return addresses.flatMap { found[$0] ?? [] }
  }

  /// The frames of all addresses, read at once. One address has several where functions were inlined into another, the
  /// innermost first.
  private static func frames(of addresses: [UInt]) -> [SymbolicatedBacktrace.Frame] {
    let frames = addresses.map { RichFrame<UInt>.returnAddress($0) }
    return Backtrace(architecture: architecture, frames: frames, images: images).symbolicated()?.frames ?? []
  }

  /// Whether the line is not a user's: it is Kiln's, the standard library's, or that of a thunk or a macro's expansion.
  /// The file decides, because the name of a member begins with the module of the extended type, even in a user's
  /// extension.
  private static func isForeign(_ name: String, _ path: String) -> Bool {
    isOurs(name, path) || path.contains("<compiler-generated>") || path.contains("@__swiftmacro_")
      || path.contains("/swift/stdlib/public/")
  }

  /// Optimised code has some paths relative to the folder in which it was built: Kiln's own, or one around it. In
  /// Kiln's own the path is that of a folder of Kiln, which another package may have as well, so there the name has to
  /// speak of Kiln, too.
  private static func isOurs(_ name: String, _ path: String) -> Bool {
    if path.hasPrefix("/") { return folders.contains { path.hasPrefix(root + $0) } }
    if folders.contains(where: { path.hasPrefix($0) }) {
      // A function of the standard library that was inlined there has a name of its own.
      return name.hasPrefix("$ss") || name.hasPrefix("$sS")
        || modules.contains { name.contains("\($0.utf8.count)\($0)") }
    }
    let components = root.split(separator: "/")
    return components.indices.contains { start in
      let outer = components[start...].joined(separator: "/")
      return folders.contains { path.hasPrefix("\(outer)/\($0)") }
    }
  }

  private static let folders = ["Sources/Kiln/", "Sources/KilnNN/", "Sources/KilnData/", "IR/", "Passes/", "Runtime/"]
  private static let modules = [
    "Kiln", "KilnNN", "KilnData", "KilnIR", "KilnPasses", "KilnRuntime", "KilnCPU", "KilnOpenCL",
  ]

  /// Where Kiln's sources lie, as the line tables say: compiler options may have changed the paths.
  private static let root: String = {
    let own = "Sources/Kiln/Diagnostics/CallSite.swift"
    var path = #filePath
    if case .returnAddresses(let addresses) = here() {
      let paths = frames(of: Array(addresses.prefix(1))).compactMap { $0.symbol?.sourceLocation?.path }
      path = paths.first { $0.hasPrefix("/") && $0.hasSuffix(own) } ?? path
    }
    return String(path.dropLast(own.utf8.count))
  }()

  #if arch(arm64)
    private static let architecture = "arm64"
  #else
    private static let architecture = "x86_64"
  #endif
}

extension SourceLocation {
  /// The location of a named call that gives its own file and line.
  init(_ file: StaticString, _ line: UInt) { self = .position(file: "\(file)", line: Int(line), column: 0) }

  /// Raw return addresses as a file and a line, or `fallback` where the program has no line tables.
  package func resolved(else fallback: SourceLocation = .unknown) -> SourceLocation {
    lines.first ?? fallback.shortened
  }

  /// The line, and those of the calls around it, as far as they are known.
  fileprivate var lines: [SourceLocation] {
    switch self {
    case .returnAddresses(let addresses): CallSite.resolve(addresses)
    case .unknown: []
    case .position: [shortened]
    }
  }

  /// Paths below the working directory are shown relative to it.
  fileprivate var shortened: SourceLocation {
    guard case .position(let file, let line, let column) = self, file.hasPrefix("/"),
      let directory = System.workingDirectory, file.hasPrefix(directory + "/")
    else { return self }
    return .position(file: String(file.dropFirst(directory.utf8.count + 1)), line: line, column: column)
  }
}

extension Diagnostic {
  /// The diagnostic with a file and a line, and in a note the lines from where its code was called.
  ///
  /// One whose line is not known is reported at `fallback`, the call that encloses it, and says so.
  func resolved(else fallback: SourceLocation = .unknown) -> Diagnostic {
    var result = self
    let lines = location.lines
    result.location = lines.first ?? .unknown
    if lines.count > 1 {
      result.notes.append("called from " + lines.dropFirst().map(\.description).joined(separator: ", from "))
    }
    guard lines.isEmpty, fallback != .unknown else { return result }
    result.location = fallback.resolved()
    result.notes.append("the line is that of the enclosing call: \(whyNoLine)")
    return result
  }

  private var whyNoLine: String {
    guard case .returnAddresses(let addresses) = location else { return "no line of its own is known" }
    return CallSite.haveLines(addresses)
      ? "the compiler kept no line for the operation" : "this program has no line tables"
  }
}

extension KilnError {
  /// The error with every location as a file and a line. An operation whose line is not known is reported "in the
  /// closure of" `fallback`.
  package func resolved(else fallback: SourceLocation = .unknown) -> KilnError {
    KilnError(diagnostics.map { $0.resolved(else: fallback) }, cause: cause)
  }
}
