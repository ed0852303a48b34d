import CCallSite
package import KilnIR
import KilnRuntime
@_spi(Internal) import Runtime

/// Where in the user's program the running operation was written (Documentation/Decisions/0002).
enum CallSite {
  /// Frames kept per operation: enough for Kiln's own frames and a few of the user's.
  private static let depth = 16

  /// The raw return addresses of the callers: no symbols, a few nanoseconds.
  static func here() -> SourceLocation {
    let addresses = [UInt](unsafeUninitializedCapacity: depth) { buffer, count in
      guard let base = buffer.baseAddress else { return }
      count = base.withMemoryRebound(to: UInt.self, capacity: depth) { Int(kiln_return_addresses($0, Int32(depth))) }
    }
    return .returnAddresses(addresses)
  }

  /// The innermost line outside Kiln and the standard library that these addresses come from.
  fileprivate static func resolve(_ addresses: [UInt]) -> SourceLocation? {
    for address in addresses {
      if let place = place(of: address) { return place }
    }
    return nil
  }

  /// The user's line at the addresses that were asked for; nil for addresses in other code. Reading line tables takes
  /// milliseconds.
  private static let places = Lock(BoundedCache<UInt, SourceLocation?>(limit: 1 << 20))

  /// The libraries of the process, read once: reading crashes while another thread unloads one, as drivers of OpenCL do when
  /// they compile. Code that is loaded later has no lines.
  private static let images = ImageMap.capture()

  /// Reads what reading lines needs, before anything in the process unloads libraries.
  static func prepare() { _ = images }

  private static func place(of address: UInt) -> SourceLocation? {
    if let known = places.withLock({ $0.find(address) }) { return known }
    let backtrace = Backtrace(
      architecture: architecture, frames: [RichFrame<UInt>.returnAddress(address)], images: images)
    var place: SourceLocation?
    // One address has several frames where functions were inlined into another, the innermost first.
    for frame in backtrace.symbolicated()?.frames ?? [] {
      guard let symbol = frame.symbol, let line = symbol.sourceLocation, line.line > 0 else { continue }
      if isOurs(symbol.rawName) || isGenerated(line.path) { continue }
      place = .position(file: shortened(line.path), line: line.line, column: line.column)
      break
    }
    let byteCount = 256
    _ = places.withLock { $0.insert(place, for: address, byteCount: byteCount) }
    return place
  }

  /// Whether nobody wrote the line: thunks, and the expansions of macros.
  private static func isGenerated(_ path: String) -> Bool {
    path.contains("<compiler-generated>") || path.contains("@__swiftmacro_")
  }

  /// Mangled names begin with the module of the declaration; `Ss`, `Sa` … are the standard library's types.
  private static func isOurs(_ name: String) -> Bool {
    guard name.hasPrefix("$s") else { return false }
    let rest = name.dropFirst(2)
    if let first = rest.first, first == "s" || first == "S" { return true }
    return ["4Kiln", "6KilnNN", "6KilnIR", "10KilnPasses", "11KilnRuntime"].contains { rest.hasPrefix($0) }
  }

  /// Paths below the working directory are shown relative to it.
  private static func shortened(_ path: String) -> String {
    guard let directory = System.workingDirectory, path.hasPrefix(directory + "/") else { return path }
    return String(path.dropFirst(directory.utf8.count + 1))
  }

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
    switch self {
    case .returnAddresses(let addresses): CallSite.resolve(addresses) ?? fallback
    case .unknown: fallback
    case .position: self
    }
  }
}

extension KilnError {
  /// The error with every location as a file and a line. An operation whose line is not known is reported "in the closure
  /// of" `fallback`.
  package func resolved(else fallback: SourceLocation = .unknown) -> KilnError {
    KilnError(
      diagnostics.map { diagnostic in
        var result = diagnostic
        result.location = diagnostic.location.resolved()
        if result.location == .unknown, fallback != .unknown {
          result.location = fallback.resolved()
          result.notes.append("the line is that of the enclosing call: this program has no line tables")
        }
        return result
      })
  }
}
