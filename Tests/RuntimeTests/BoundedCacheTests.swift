import Testing

@testable import KilnRuntime

@Suite("Limits of what is kept")
struct BoundedCacheTests {
  final class Item: Sendable {}

  @Test("the least recently used values go, down to three quarters of the limit")
  func order() {
    var cache = BoundedCache<Int, Int>(limit: 100)
    for key in 0..<10 { #expect(cache.insert(key, for: key, byteCount: 10).isEmpty) }
    #expect(cache.find(0) == 0)
    #expect(cache.insert(10, for: 10, byteCount: 10) == [1, 2, 3, 4])
    #expect(cache.find(0) == 0 && cache.find(1) == nil && cache.byteCount == 70 && cache.count == 7)
    #expect(cache.insert(11, for: 0, byteCount: 20) == [0])
    #expect(cache.byteCount == 80)
    #expect(cache.charge(0, byteCount: 60).sorted() == [5, 6, 7, 8, 9].prefix(5).sorted())
    #expect(cache.find(0) == 11 && cache.byteCount == 70)
  }

  @Test("a value larger than the limit stays until the next one comes")
  func large() {
    var cache = BoundedCache<Int, Int>(limit: 100)
    #expect(cache.insert(1, for: 1, byteCount: 1000).isEmpty)
    #expect(cache.find(1) == 1)
    #expect(cache.insert(2, for: 2, byteCount: 10) == [1])
  }

  @Test("what somebody uses stays, and is not looked for at every insertion")
  func used() {
    var cache = BoundedCache<Int, Item>(limit: 100)
    var held: [Item] = []
    var questions = 0
    func isUsed(_ item: inout Item) -> Bool {
      questions += 1
      return !isKnownUniquelyReferenced(&item)
    }
    for key in 0..<1000 {
      let item = Item()
      held.append(item)
      #expect(cache.insert(item, for: key, byteCount: 10, isUsed: isUsed).isEmpty)
    }
    #expect(cache.count == 1000 && questions < 100 * 1000)
    held.removeLast(500)
    #expect(cache.removeAll(isUsed: isUsed).count == 500)
    #expect(cache.byteCount == 5000)
    held = []
    #expect(cache.removeAll(isUsed: isUsed).count == 500 && cache.byteCount == 0)
  }

  @Test("blocks of sizes that are no longer asked for give way to those in use")
  func sizes() throws {
    var lists = FreeLists<Int>(limit: 10_240)
    let (small, large) = (try #require(SizeClass(byteCount: 1024)), try #require(SizeClass(byteCount: 4096)))
    #expect(lists.give(back: 1, large).isEmpty && lists.give(back: 2, large).isEmpty)
    #expect(lists.give(back: 3, small).isEmpty && lists.give(back: 4, small).isEmpty)
    #expect(lists.give(back: 5, small) == [1])
    #expect(lists.byteCount == 4096 + 3 * 1024)
    #expect(lists.take(small) == 5 && lists.take(large) == 2 && lists.take(large) == nil)
    #expect(lists.removeAll().sorted() == [3, 4] && lists.byteCount == 0)
  }

  @Test("what was not needed for thousands of returns goes; what is used stays")
  func surplus() throws {
    var lists = FreeLists<Int>(limit: 1 << 40)
    let (small, large) = (try #require(SizeClass(byteCount: 1024)), try #require(SizeClass(byteCount: 1 << 30)))
    for block in 0..<10 { #expect(lists.give(back: block, large).isEmpty) }
    #expect(lists.give(back: 100, small).isEmpty)
    var dropped: [Int] = []
    for _ in 0..<10_000 {
      // Two of the large blocks are at work.
      let (a, b, c) = (lists.take(large), lists.take(large), lists.take(small))
      dropped += lists.give(back: try #require(a), large) + lists.give(back: try #require(b), large)
      dropped += lists.give(back: try #require(c), small)
    }
    #expect(dropped.count == 8 && lists.byteCount == 2 * (1 << 30) + 1024)
  }

  @Test("the limits add up")
  func limits() {
    for total in [1 << 20, 256 << 20, 64 << 30] {
      let limits = MemoryLimits(total: total)
      #expect(limits.buffers + limits.programs + limits.code == total && limits.code <= 128 << 20)
    }
  }
}
