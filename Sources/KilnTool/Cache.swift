import ArgumentParser
import Foundation
import KilnRuntime

/// `kiln cache`: the compiled objects on disk.
struct Cache: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists or clears the compiled objects on disk.", subcommands: [List.self, Clear.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Lists the objects, the most recently used first.")

    mutating func run() throws {
      let cache = try Cache.folder()
      let entries = cache.entries()
      for entry in entries {
        let date = Date(timeIntervalSince1970: Double(entry.lastUse)).formatted(.iso8601)
        print("\(date)  \(String(entry.byteCount).leftPadded(to: 9))  \(entry.name)")
      }
      let bytes = entries.reduce(0) { $0 + $1.byteCount }
      print("\(entries.count) objects, \(bytes >> 10) KiB of at most \(cache.limit >> 20) MiB, in \(cache.folder)")
    }
  }

  struct Clear: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Deletes all objects.")

    mutating func run() throws {
      let cache = try Cache.folder()
      print("deleted \(cache.clear()) objects in \(cache.folder)")
    }
  }

  private static func folder() throws(ToolError) -> ObjectCache {
    if let cache = ObjectCache.user { return cache }
    throw ToolError(
      RuntimeError(
        .unavailable,
        "there is no cache: KILN_CACHE is off, or names a folder that cannot be made or that others may write to"))
  }
}

extension String {
  func leftPadded(to width: Int) -> String { String(repeating: " ", count: max(width - count, 0)) + self }
}
