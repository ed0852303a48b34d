import Synchronization

/// The sizes at hand while a program with symbolic sizes is traced, and which of them the trace asked for as numbers.
///
/// Code that asks a symbolic dimension for its number gets the one of the call at hand; the program then serves that
/// number alone.
package final class SizePins: Sendable {
  @TaskLocal package static var current: SizePins?

  /// The sizes of the call that is traced.
  package let sizes: [String: Int]
  private let pinned = Mutex([String: SourceLocation]())
  /// The user's line that runs now.
  private let location: @Sendable () -> SourceLocation

  package init(_ sizes: [String: Int], location: @escaping @Sendable () -> SourceLocation) {
    self.sizes = sizes
    self.location = location
  }

  /// The names that were asked for, each with the line that did first.
  package var pins: [String: SourceLocation] { pinned.withLock { $0 } }

  static func pin(_ dimension: Dimension) -> Int {
    guard let pins = current, let size = dimension.bound(to: pins.sizes).size else {
      preconditionFailure("\(dimension) has a size at calls only: bind the module first")
    }
    let location = pins.location()
    pins.pinned.withLock { pinned in
      for name in dimension.names where pinned[name] == nil { pinned[name] = location }
    }
    return size
  }
}
