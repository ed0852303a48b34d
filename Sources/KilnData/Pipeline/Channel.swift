import Foundation

/// What one thread hands to another: at most so many elements wait in it.
// @unchecked: the condition guards everything else.
final class Channel<Element: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private let limit: Int
  private var elements: [Element] = []
  private var isFinished = false
  private var isClosed = false

  init(limit: Int) { self.limit = limit }

  /// Waits for room, and puts an element in.
  /// - Returns: Whether somebody will take it: false when the channel is closed.
  func put(_ element: Element) -> Bool {
    condition.withLock {
      while elements.count >= limit, !isClosed { condition.wait() }
      if isClosed { return false }
      elements.append(element)
      condition.broadcast()
      return true
    }
  }

  /// Waits for an element, and takes it; nil after the last.
  func take() -> Element? {
    condition.withLock {
      while elements.isEmpty, !isFinished { condition.wait() }
      if elements.isEmpty { return nil }
      condition.broadcast()
      return elements.removeFirst()
    }
  }

  /// Says that no more elements come.
  func finish() {
    condition.withLock {
      isFinished = true
      condition.broadcast()
    }
  }

  /// Says that no more elements are taken, and drops those that wait.
  func close() {
    condition.withLock {
      isClosed = true
      elements = []
      condition.broadcast()
    }
  }
}
