import KilnIR
import KilnRuntime

/// Keys for eager code that does not want to hand them on: key i is `RandomKey(seed:).folding(in: i)`.
///
/// A generator has a state that a compiled program could not see change, so using it inside a trace is a diagnostic
/// (`random.C1`): draw a key outside and pass it. Any thread may use it.
public final class Generator: Sendable {
  private let root: RandomKey
  private let drawn = Lock<UInt32>(0)

  /// A generator that gives the same keys wherever it has this seed.
  public init(seed: UInt64) {
    // Also where a trace records, the key is a plain tensor.
    root = Ambient.with(trace: nil) { RandomKey(seed: seed) }
  }

  /// A key that no earlier call has given.
  public func key() -> RandomKey {
    guard Trace.current == nil else {
      return RandomKey(
        words: Tensor(
          core: root.words.core.failed(
            "random.C1",
            "a Generator used in a trace would give the same numbers in every call; draw a key outside and pass it, as an "
              + "argument or as inout state")))
    }
    let number = drawn.withLock { number in
      defer { number &+= 1 }
      return number
    }
    return root.folding(in: number)
  }
}
