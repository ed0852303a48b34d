public import Kiln

/// One way through a model: whether it trains, and the random bits for it.
///
/// ```swift
/// let step = compile { (key: inout RandomKey, network: Dropout<Float>, x: Tensor<Float>) in
///   var (network, pass) = (network, ForwardPass(training: key.next()))
///   return network(x, &pass)
/// }
/// ```
/// A pass is made in the step that uses it, from a key that is an argument or a part of its state: then each step has
/// other bits, and nothing is compiled again. A pass that a compiled closure captures has the same bits in every call.
public struct ForwardPass: Sendable {
  private let key: RandomKey?
  private var drawCount: UInt32 = 0

  /// Whether layers do what they do in training only.
  public var isTraining: Bool { key != nil }

  /// A pass without random bits, in which no layer changes.
  public static let inference = ForwardPass(key: nil)

  /// A pass that trains, with the random bits of `key`.
  public init(training key: RandomKey) { self.init(key: key) }

  private init(key: RandomKey?) { self.key = key }

  /// Another key for each layer that asks, in the order in which they ask: `key.folding(in: n)` for the n-th. Nil in
  /// inference.
  ///
  /// A pass counts in Swift, so the body of a `scan` gets one key for all its turns: fold the number of the turn in.
  public mutating func nextKey() -> RandomKey? {
    guard let key else { return nil }
    defer { drawCount += 1 }
    return key.folding(in: drawCount)
  }
}
