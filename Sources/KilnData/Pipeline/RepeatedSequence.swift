/// The elements of a sequence several times over; see `repeated`.
public struct RepeatedSequence<Base: Sequence>: Sequence {
  fileprivate let base: Base
  fileprivate let count: Int?

  /// Goes through the sequence again and again.
  public struct Iterator: IteratorProtocol {
    private let base: Base
    private var current: Base.Iterator?
    private var left: Int?
    private var isFirst = true

    fileprivate init(_ base: Base, _ count: Int?) { (self.base, left) = (base, count) }

    public mutating func next() -> Base.Element? {
      while true {
        if let element = current?.next() {
          isFirst = false
          return element
        }
        // A whole turn that gave nothing: there is nothing to repeat.
        if left == 0 || current != nil && isFirst { return nil }
        left = left.map { $0 - 1 }
        (current, isFirst) = (base.makeIterator(), true)
      }
    }
  }

  public func makeIterator() -> Iterator { Iterator(base, count) }
}

extension RepeatedSequence: Sendable where Base: Sendable {}

extension Sequence {
  /// The elements `count` times over, or without end if it is nil. The sequence is gone through anew for each.
  ///
  /// ```swift
  /// let three = [1, 2].repeated(3)                       // 1, 2, 1, 2, 1, 2
  /// let steps = [1, 2].repeated().prefix(5)              // 1, 2, 1, 2, 1
  /// print(Array(three), Array(steps))
  /// ```
  /// A negative count is `repeat.C1`.
  public func repeated(_ count: Int? = nil) -> RepeatedSequence<Self> {
    if let count, count < 0 {
      report("repeat.C1", "a sequence is repeated 0 times or more, not \(count)")
      return RepeatedSequence(base: self, count: 0)
    }
    return RepeatedSequence(base: self, count: count)
  }
}
