public import Kiln

/// Attention with several heads (Vaswani and others, Attention is all you need, 2017): queries, keys and values are
/// projections of the input, `attention` mixes the values of each head, and a projection puts the heads together.
///
/// ```swift
/// let x = Tensor<Float>.zeros([2, 5, 32])
/// let layer = MultiHeadAttention(width: 32, heads: 4, isCausal: true, key: RandomKey(seed: 1))
/// let y = layer(x)                                                       // [2, 5, 32]
/// let masked = layer(x, mask: lengthMask(Tensor<Int32>([5, 3]), length: 5).expandingShape(at: 1))
/// ```
/// Takes and gives [batch, time, width].
public struct MultiHeadAttention<Scalar: TensorReal>: PureLayer {
  /// [width, heads · headWidth]
  public var query: Dense<Scalar>
  /// [width, keyValueHeads · headWidth]
  public var key: Dense<Scalar>
  /// [width, keyValueHeads · headWidth]
  public var value: Dense<Scalar>
  /// [heads · headWidth, width]
  public var output: Dense<Scalar>
  /// Turns queries and keys by their places, if there is one; it has the width of a head.
  public var rotary: RotaryPositions<Scalar>?
  /// How many mixtures are made at once.
  public let heads: Int
  /// How many heads keys and values have: each serves `heads / keyValueHeads` neighbouring ones of the queries (Ainslie
  /// and others, GQA: training generalized multi-query transformer models, 2023).
  public let keyValueHeads: Int
  /// Whether a query looks at no later key.
  public let isCausal: Bool

  /// A layer with new parameters.
  /// - Parameters:
  ///   - keyValueHeads: As many as `heads` unless given; it divides them (`layer.C2`).
  ///   - headWidth: The length of a head's vectors: width / heads unless given.
  ///   - rotary: Turns queries and keys by their places (`RotaryPositions`).
  public init(
    width: Int, heads: Int, keyValueHeads: Int? = nil, headWidth: Int? = nil, isCausal: Bool = false,
    hasBias: Bool = true, rotary: Rotary? = nil, of type: Scalar.Type = Float.self, key: RandomKey
  ) {
    let shared = keyValueHeads ?? heads
    let keys = key.split(4)
    let isRight =
      width > 0 && heads > 0 && shared > 0 && heads.isMultiple(of: shared) && (headWidth ?? 1) > 0
      && (headWidth != nil || width.isMultiple(of: heads))
    let one = isRight ? headWidth ?? width / heads : 1
    query = Dense(inputs: width, outputs: heads * one, hasBias: hasBias, of: type, key: keys[0])
    self.key = Dense(inputs: width, outputs: shared * one, hasBias: hasBias, of: type, key: keys[1])
    value = Dense(inputs: width, outputs: shared * one, hasBias: hasBias, of: type, key: keys[2])
    output = Dense(inputs: heads * one, outputs: width, hasBias: hasBias, of: type, key: keys[3])
    (self.heads, self.keyValueHeads, self.isCausal) = (heads, shared, isCausal)
    self.rotary = rotary.map { RotaryPositions(width: one, $0, of: type) }
    guard isRight else {
      query.weight = Tensor(
        failed: "layer.C2",
        "MultiHeadAttention cannot cut a width of \(width) into \(heads) heads, of which \(shared) have keys and "
          + "values",
        shape: [1, 1].asShape, operands: [])
      return
    }
  }

  public func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { self(x, mask: nil) }

  /// Attention of `x` [batch, m, width] to `memory` [batch, n, width]: to itself if it is nil.
  ///
  /// - Parameter mask: Where it is false the query does not look at the key: [m, n], [batch, m, n] or
  ///   [batch, heads, m, n]; axes of 1 are the same for all.
  public func callAsFunction(
    _ x: Tensor<Scalar>, memory: Tensor<Scalar>? = nil, mask: Tensor<Bool>? = nil
  ) -> Tensor<Scalar> {
    let source = memory ?? x
    if let failure = fault(x, source) { return failure }
    if let mask, !(2...4).contains(mask.rank) {
      return misfit(
        "MultiHeadAttention", takes: "a mask [m, n], [batch, m, n] or [batch, heads, m, n]", mask.untyped,
        shape: x.shape)
    }
    var (queries, keys) = (split(query(x), heads), split(key(source), keyValueHeads))
    if let rotary { (queries, keys) = (rotary(queries), rotary(keys)) }
    return joined(
      attention(queries, keys, split(value(source), keyValueHeads), mask: mask.map(spread), isCausal: isCausal))
  }

  /// Causal attention of the next places `x` [batch, m, width] to all before them, which `cache` has, and to each
  /// other. Their keys and values go into the cache.
  ///
  /// A program serves every place, since the cache keeps its shape. One more place than its capacity is a diagnostic
  /// when the function runs (`dynamicUpdateSlice.R1`).
  public func callAsFunction(_ x: Tensor<Scalar>, cache: inout AttentionCache<Scalar>) -> Tensor<Scalar> {
    if let failure = fault(x, x) { return failure }
    let start = cache.count
    var (queries, keys) = (split(query(x), heads), split(key(x), keyValueHeads))
    if let rotary { (queries, keys) = (rotary(queries, offset: start), rotary(keys, offset: start)) }
    cache.append(keys, split(value(x), keyValueHeads))
    let rows = Tensor<Int32>.range(x.shape[1]).expandingShape(at: 1) + start
    let mask = Tensor<Int32>.range(cache.keys.shape[3]).expandingShape(at: 0) .<= rows
    return joined(attention(queries, cache.keys, cache.values, mask: mask))
  }

  private func fault(_ x: Tensor<Scalar>, _ source: Tensor<Scalar>) -> Tensor<Scalar>? {
    let width = query.weight.dimensions[0]
    if query.weight.isFailed { return query(x) }
    let fits = [x, source].allSatisfy { $0.rank == 3 && $0.mayHave(width, at: 2) }
    guard fits, Dimension.equality(x.shape[0], source.shape[0]) != false else {
      return misfit(
        "MultiHeadAttention", takes: "[batch, time, \(width)], and a memory of the same batch", x.untyped,
        source.untyped, shape: x.shape)
    }
    return nil
  }

  /// [batch, time, heads · d] as [batch, keyValueHeads, heads of each, time, d].
  private func split(_ x: Tensor<Scalar>, _ heads: Int) -> Tensor<Scalar> {
    let groups = heads / keyValueHeads
    let d = x.shape[2] / heads
    return x.reshaped(from: 2, to: [Dimension(keyValueHeads), Dimension(groups), d]).transposed(0, 2, 3, 1, 4)
  }

  private func joined(_ x: Tensor<Scalar>) -> Tensor<Scalar> { output(x.transposed(0, 3, 1, 2, 4).flattened(from: 2)) }

  /// A mask for the five axes of `split`.
  private func spread(_ mask: Tensor<Bool>) -> Tensor<Bool> {
    switch mask.rank {
    case 3: return mask.expandingShape(at: 1).expandingShape(at: 1)
    case 4 where mask.mayHave(1, at: 1): return mask.expandingShape(at: 1)
    case 4:
      let heads = [Dimension(keyValueHeads), Dimension(self.heads / keyValueHeads)]
      return mask.reshaped(from: 1, to: heads + mask.shape.suffix(2))
    default: return mask
    }
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&query, "query")
    visitor.visit(&key, "key")
    visitor.visit(&value, "value")
    visitor.visit(&output, "output")
    visitor.visit(&rotary, "rotary")
    visitor.constant(heads, "heads")
    visitor.constant(keyValueHeads, "keyValueHeads")
    visitor.constant(isCausal, "isCausal")
  }
}

/// Keys and values of the places so far, for decoding one after the other: a part of the state of a compiled step.
public struct AttentionCache<Scalar: TensorReal>: TensorTree, Sendable {
  /// [batch, keyValueHeads, 1, capacity, headWidth]
  public private(set) var keys: Tensor<Scalar>
  /// [batch, keyValueHeads, 1, capacity, headWidth]
  public private(set) var values: Tensor<Scalar>
  /// How many places it has, a scalar.
  public private(set) var count = Tensor<Int32>(0)

  /// An empty cache of `attention` for so many places.
  public init(for attention: MultiHeadAttention<Scalar>, batch: Int = 1, capacity: Int) {
    let heads = attention.keyValueHeads
    let shape = [batch, heads, 1, capacity, attention.key.weight.dimensions[1] / max(heads, 1)]
    (keys, values) = (.zeros(shape), .zeros(shape))
  }

  fileprivate mutating func append(_ keys: Tensor<Scalar>, _ values: Tensor<Scalar>) {
    let zero = Tensor<Int32>(0)
    let starts = [zero, zero, zero, count, zero]
    self.keys = self.keys.dynamicUpdateSlice(keys, at: starts, bounds: .check)
    self.values = self.values.dynamicUpdateSlice(values, at: starts, bounds: .check)
    count += Tensor<Int32>.ones([keys.shape[3]]).sum()
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&keys, "keys")
    visitor.visit(&values, "values")
    visitor.visit(&count, "count")
  }
}
