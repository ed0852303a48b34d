import Foundation
import Kiln
import KilnData
import Synchronization
import Testing

/// Counts up to `end`; counts its own steps, its iterators, and those of them that are alive.
private struct Numbers: Sequence, Sendable {
  final class Counts: Sendable {
    let steps = Atomic(0)
    let iterators = Atomic(0)
    let alive = Atomic(0)
  }
  let end: Int
  let counts = Counts()

  final class Iterator: IteratorProtocol {
    private let numbers: Numbers
    private var number = 0

    init(_ numbers: Numbers) {
      self.numbers = numbers
      numbers.counts.alive.add(1, ordering: .relaxed)
      numbers.counts.iterators.add(1, ordering: .releasing)
    }

    deinit { numbers.counts.alive.subtract(1, ordering: .relaxed) }

    func next() -> Int? {
      if number == numbers.end { return nil }
      numbers.counts.steps.add(1, ordering: .relaxed)
      number += 1
      return number - 1
    }
  }

  func makeIterator() -> Iterator { Iterator(self) }
}

@Suite("Prefetching", .serialized)
struct PrefetchThreadTests {
  /// Whether `condition` holds within ten seconds.
  private func soon(_ condition: () -> Bool) -> Bool {
    for _ in 0..<2000 {
      if condition() { return true }
      Thread.sleep(forTimeInterval: 0.005)
    }
    return condition()
  }

  @Test("the elements and their order are those of the sequence, whatever the lead")
  func order() {
    for count in [1, 2, 7, 1000] {
      #expect(Array(Numbers(end: 300).prefetched(count)) == Array(0..<300))
      #expect(Array(Numbers(end: 300).prefetched(count) { $0 * 2 }) == Array(0..<300).map { $0 * 2 })
    }
    #expect(Array(Numbers(end: 0).prefetched()) == [])
    let iterator = Numbers(end: 1).prefetched().makeIterator()
    #expect(iterator.next() == 0 && iterator.next() == nil && iterator.next() == nil)
  }

  @Test("a thread gets as far ahead as it may")
  func lead() {
    let numbers = Numbers(end: .max)
    let iterator = numbers.prefetched(3).makeIterator()
    #expect(iterator.next() == 0)
    // One was taken, three wait, and one is in the hand of the thread.
    #expect(soon { numbers.counts.steps.load(ordering: .relaxed) == 5 })
    Thread.sleep(forTimeInterval: 0.05)
    #expect(numbers.counts.steps.load(ordering: .relaxed) == 5)
    withExtendedLifetime(iterator) {}
  }

  @Test("the thread stops when its consumer goes, in the middle of an endless sequence as at its end")
  func stops() {
    let numbers = Numbers(end: .max)
    for turn in 0..<20 {
      for element in numbers.prefetched(2) where element == turn { break }
    }
    // An iterator that is never asked has a thread, too.
    _ = numbers.prefetched(4).makeIterator()
    // A thread may begin after its consumer has gone.
    #expect(soon { numbers.counts.iterators.load(ordering: .acquiring) == 21 })
    #expect(soon { numbers.counts.alive.load(ordering: .relaxed) == 0 })
    let steps = numbers.counts.steps.load(ordering: .relaxed)
    Thread.sleep(forTimeInterval: 0.05)
    #expect(numbers.counts.steps.load(ordering: .relaxed) == steps && steps > 0)
    let few = Numbers(end: 5)
    #expect(Array(few.prefetched()).count == 5)
    #expect(soon { few.counts.alive.load(ordering: .relaxed) == 0 })
  }

  @Test("several iterators of one sequence have a thread each")
  func several() async {
    let numbers = Numbers(end: 200).prefetched(3)
    let sums = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 { group.addTask { numbers.reduce(0, +) } }
      return await group.reduce(into: []) { $0.append($1) }
    }
    #expect(sums == Array(repeating: 19_900, count: 8))
  }

  @Test("tensors are computed by the thread")
  func tensors() throws {
    let batches = try Dataset.digits.prefix(300).batched(100).prefetched(2) { images, labels in
      (images * 2, labels + 1)
    }
    let (images, labels) = (batches.map { $0.0.scalars }, batches.map { $0.1.scalars })
    let digits = try Dataset.digits
    #expect(images.flatMap { $0 } == digits.inputs[0..<300].scalars.map { $0 * 2 })
    #expect(labels.flatMap { $0 } == digits.targets[0..<300].scalars.map { $0 + 1 })
  }

  @Test("a mistake in the thread is the consumer's, at its place in the sequence")
  func mistakes() {
    struct Unreadable: Error {}
    var taken: [Int] = []
    let thrown = failure {
      try withDiagnostics {
        let numbers = Numbers(end: 10).prefetched(2) { number in
          if number == 3 { throw Unreadable() }
          return number
        }
        for number in numbers { taken.append(number) }
      }
    }
    #expect(taken == [0, 1, 2])
    #expect(thrown.contains("Unreadable() [prefetch.C1]") && thrown.contains("PrefetchThreadTests.swift:"), "\(thrown)")
    let shapes = failure {
      try withDiagnostics {
        let products = [2, 3].prefetched(1) { matmul(Tensor<Float>.ones([1, $0]), Tensor<Float>.ones([2, 1])) }
        for product in products { _ = product }
      }
    }
    #expect(shapes.contains("matmul.C2") && shapes.contains("PrefetchThreadTests.swift:"), "\(shapes)")
    #expect(failure { try withDiagnostics { _ = [1].prefetched(0) } }.contains("not 0 [prefetch.C2]"))
  }
}
