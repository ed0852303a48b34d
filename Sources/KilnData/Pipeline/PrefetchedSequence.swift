import Foundation
import Kiln

/// The elements of a sequence, made ahead of time by a thread; see `prefetched`.
public struct PrefetchedSequence<Base: Sequence & Sendable, Output: Sendable>: Sequence, Sendable {
  fileprivate let base: Base
  fileprivate let count: Int
  fileprivate let transform: @Sendable (Base.Element) throws -> Output

  /// Takes what the thread has made, in the order of the sequence. The thread ends with this object, as soon as the
  /// element is made that it works on.
  public final class Iterator: IteratorProtocol {
    private let channel: Channel<Result<Output, any Error>>

    fileprivate init(_ sequence: PrefetchedSequence) {
      let channel = Channel<Result<Output, any Error>>(limit: sequence.count)
      self.channel = channel
      let thread = Thread {
        sequence.run(into: channel)
        channel.finish()
      }
      thread.name = "kiln-prefetch"
      // That of a program's first thread: an eager operation may compile.
      thread.stackSize = 8 << 20
      thread.start()
    }

    deinit { channel.close() }

    public func next() -> Output? {
      switch channel.take() {
      case .success(let element): return element
      case .failure(let error):
        // The thread has ended, so this is the last element.
        CallUnderWay().report(
          error as? KilnError ?? .atCall("prefetch.C1", "the closure of prefetched threw: \(error)"))
        return nil
      case nil: return nil
      }
    }
  }

  public func makeIterator() -> Iterator { Iterator(self) }

  private func run(into channel: Channel<Result<Output, any Error>>) {
    var iterator = base.makeIterator()
    while true {
      do {
        // What is wrong is reported by the one who takes it, and not by a thread that no one sees.
        let element = try withDiagnostics { try iterator.next().map(transform) }
        guard let element, channel.put(.success(element)) else { return }
      } catch {
        _ = channel.put(.failure(error))
        return
      }
    }
  }
}

extension Sequence where Self: Sendable, Element: Sendable {
  /// The elements, made by a thread that is at most `count` of them ahead.
  ///
  /// ```swift
  /// let batches = try Dataset.digits.batched(100).prefetched(2)
  /// for (images, labels) in batches { print(images.shape, labels.shape) }
  /// ```
  /// The order is that of the sequence. Each iterator has a thread of its own, which stops when the iterator goes, also
  /// in the middle. A mistake in an element is reported where the element is taken, and is the end of the sequence. A
  /// count below 1 is `prefetch.C2`.
  public func prefetched(_ count: Int = 2) -> PrefetchedSequence<Self, Element> { prefetched(count) { $0 } }
}

extension Sequence where Self: Sendable {
  /// What `transform` makes of the elements, by a thread that is at most `count` of them ahead.
  ///
  /// ```swift
  /// let batches = try Dataset.digits.batched(100).prefetched(2) { images, labels in (1 - images, labels) }
  /// for (images, labels) in batches { print(images.shape, labels.shape) }
  /// ```
  /// What `transform` throws is reported where the element is taken: `prefetch.C1`, or the `KilnError` itself.
  public func prefetched<Output: Sendable>(
    _ count: Int = 2, _ transform: @escaping @Sendable (Element) throws -> Output
  ) -> PrefetchedSequence<Self, Output> {
    if count < 1 { report("prefetch.C2", "a thread is 1 element or more ahead, not \(count)") }
    return PrefetchedSequence(base: self, count: Swift.max(count, 1), transform: transform)
  }
}
