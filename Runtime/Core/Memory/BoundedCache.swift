/// A table that gives up what was used least recently when what it holds passes a limit in bytes.
///
/// Dropped values are handed to the caller, who lets go of them outside of the lock that guards the table: the end of a
/// program or a kernel takes time.
package struct BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private struct Entry: Sendable {
    var value: Value
    var byteCount: Int
    var lastUse: UInt64
  }

  /// The most bytes kept, but for the newest value and for those that somebody uses.
  package let limit: Int
  /// Bytes of all values, as their makers stated them.
  package private(set) var byteCount = 0
  private var entries: [Key: Entry] = [:]
  private var clock: UInt64 = 0
  /// Where the next search for values to drop begins: above the limit if the last one found them all in use.
  private var threshold: Int

  package init(limit: Int) {
    self.limit = limit
    threshold = limit
  }

  package var count: Int { entries.count }

  /// The value of `key`, which is then the one used last.
  package mutating func find(_ key: Key) -> Value? {
    guard let index = entries.index(forKey: key) else { return nil }
    clock += 1
    entries.values[index].lastUse = clock
    return entries.values[index].value
  }

  /// Stores a value, which replaces one that is there.
  ///
  /// - Parameter isUsed: whether dropping the value would free nothing, because somebody else holds it.
  /// - Returns: the values that were dropped.
  package mutating func insert(
    _ value: Value, for key: Key, byteCount: Int, isUsed: (inout Value) -> Bool = { _ in false }
  ) -> [Value] {
    clock += 1
    let old = entries.updateValue(Entry(value: value, byteCount: byteCount, lastUse: clock), forKey: key)
    self.byteCount += byteCount - (old?.byteCount ?? 0)
    return (old.map { [$0.value] } ?? []) + shrink(sparing: key, isUsed)
  }

  /// States anew how many bytes the value of `key` takes, if it is still there.
  /// - Returns: the values that were dropped.
  package mutating func charge(_ key: Key, byteCount: Int) -> [Value] {
    guard let index = entries.index(forKey: key) else { return [] }
    self.byteCount += byteCount - entries.values[index].byteCount
    entries.values[index].byteCount = byteCount
    return shrink(sparing: key) { _ in false }
  }

  /// Drops every value that is not in use.
  package mutating func removeAll(isUsed: (inout Value) -> Bool = { _ in false }) -> [Value] {
    drop(downTo: 0, sparing: nil, isUsed)
  }

  private mutating func shrink(sparing key: Key, _ isUsed: (inout Value) -> Bool) -> [Value] {
    guard byteCount > threshold else { return [] }
    return drop(downTo: limit / 4 * 3, sparing: key, isUsed)
  }

  private mutating func drop(downTo goal: Int, sparing key: Key?, _ isUsed: (inout Value) -> Bool) -> [Value] {
    var dropped: [Value] = []
    var usedBytes = 0
    for (candidate, _) in entries.map({ ($0.key, $0.value.lastUse) }).sorted(by: { $0.1 < $1.1 }) {
      if byteCount <= goal { break }
      guard candidate != key, let index = entries.index(forKey: candidate) else { continue }
      if isUsed(&entries.values[index].value) {
        usedBytes += entries.values[index].byteCount
      } else {
        byteCount -= entries.values[index].byteCount
        dropped.append(entries.remove(at: index).value.value)
      }
    }
    threshold = max(limit, usedBytes + usedBytes / 4)
    return dropped
  }
}
