import KilnIR

/// The key of random numbers: two words, from which every draw is computed. Nothing else is kept anywhere.
///
/// A draw is a function of the key and the shape: the same key gives the same numbers, on every device, eager and
/// compiled. So use a key once. Make new ones with `split`, `folding(in:)`, or, from a key held in a variable,
/// `next()`:
///
/// ```swift
/// var key = RandomKey(seed: 1)
/// let x = Tensor<Float>.randomNormal([3, 4], key: key.next())
/// ```
/// A key is a `TensorTree`: pass it to a compiled function as an argument, or as `inout` state, to draw anew in each
/// call. A key that the closure captures is the same in each.
///
/// The words of a draw come from the counters (0, i), i being the number of the element in row-major order (in its two
/// words, high and low); `split` uses the counters (2^31, i), `folding(in:)` (2^31 + 1, data).
public struct RandomKey: TensorTree, Sendable {
  /// u32[2]
  public var words: Tensor<UInt32>

  /// The key of a seed: its high and its low word.
  public init(seed: UInt64) {
    words = Tensor([UInt32(truncatingIfNeeded: seed >> 32), UInt32(truncatingIfNeeded: seed)])
  }

  /// A key from a tensor u32[2]; `key.C1` if it has another shape.
  public init(words: Tensor<UInt32>) {
    self.words =
      words.shape.mayEqual([2])
      ? Tensor(core: words.core.broadcast([2], axes: [0]))
      : Tensor(core: words.core.failed("key.C1", "a key is a tensor u32[2], found \(words.type)"))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&words, "words") }

  /// `count` independent keys, at most 65,536 (`key.C2`).
  public func split(_ count: Int = 2) -> [RandomKey] {
    guard (0...1 << 16).contains(count) else {
      return [
        RandomKey(
          words: Tensor(core: words.core.failed("key.C2", "a key is split into 0 to 65,536 keys, not \(count)")))
      ]
    }
    let counters: Tensor<UInt32> = .range(count)
    let (x, y) = Threefry.words(key: parts, counter: (Tensor(1 << 31), counters))
    return (0..<count).map { RandomKey(words: stacked([x[$0], y[$0]])) }
  }

  /// The key for `data`, such as the number of a step, which may be traced.
  public func folding(in data: Tensor<UInt32>) -> RandomKey {
    let (x, y) = Threefry.words(key: parts, counter: (Tensor(1 << 31 + 1), data))
    return RandomKey(words: stacked([x, y]))
  }

  /// The key for `data`.
  @_disfavoredOverload public func folding(in data: UInt32) -> RandomKey { folding(in: Tensor(data)) }

  /// A key to draw with; this one becomes another.
  public mutating func next() -> RandomKey {
    let keys = split()
    self = keys[0]
    return keys[1]
  }

  private var parts: (Tensor<UInt32>, Tensor<UInt32>) { (words[0], words[1]) }

  /// Two words for each of `count` elements.
  func draw(_ count: Dimension) -> (Tensor<UInt32>, Tensor<UInt32>) {
    let low: Tensor<UInt32> = .range(count)
    // The high words of a number that calls bring are computed; they are 0 for all but the largest.
    if Dimension.isAtLeast(Dimension(1 << 32), count) == true {
      return Threefry.words(key: parts, counter: (Tensor(0), low))
    }
    let high = (Tensor<UInt64>.range(count) >> Tensor(32)).converted(to: UInt32.self)
    return Threefry.words(key: parts, counter: (high, low))
  }
}
