import KilnIR

/// What stands in an array literal of a tensor: a number written out, or a list.
public struct TensorLiteral<Scalar: TensorElement> {
  fileprivate enum Content {
    case scalar(Scalar)
    case list([TensorLiteral])
  }
  fileprivate let content: Content
}

extension TensorLiteral: ExpressibleByArrayLiteral {
  public init(arrayLiteral elements: TensorLiteral...) { content = .list(elements) }
}

extension TensorLiteral: ExpressibleByIntegerLiteral where Scalar: ExpressibleByIntegerLiteral {
  public init(integerLiteral value: Scalar.IntegerLiteralType) { content = .scalar(Scalar(integerLiteral: value)) }
}

extension TensorLiteral: ExpressibleByFloatLiteral where Scalar: ExpressibleByFloatLiteral {
  public init(floatLiteral value: Scalar.FloatLiteralType) { content = .scalar(Scalar(floatLiteral: value)) }
}

extension TensorLiteral: ExpressibleByBooleanLiteral where Scalar == Bool {
  public init(booleanLiteral value: Bool) { content = .scalar(value) }
}

extension Tensor: ExpressibleByArrayLiteral {
  /// Numbers written out, in lists of one length at each depth; of variables make a tensor by `Tensor([a, b])`.
  ///
  /// ```swift
  /// let y: Tensor<Float> = [[1, 0], [0.5, -0.5]]
  /// ```
  /// Lists of different lengths, or numbers beside lists, are a diagnostic (`tensor.C2`).
  public init(arrayLiteral elements: TensorLiteral<Scalar>...) {
    var lists = [elements]
    var counts: [[Int]] = []
    while true {
      let next = lists.flatMap { $0 }
      let inner = next.compactMap { element -> [TensorLiteral<Scalar>]? in
        guard case .list(let list) = element.content else { return nil }
        return list
      }
      if inner.isEmpty { break }
      guard inner.count == next.count else {
        self.init(
          core: Failure.poison(
            ConstraintFailure("tensor.C2", "an array literal has numbers beside lists at depth \(counts.count + 1)"),
            TensorType(Scalar.dtype, [elements.count])))
        return
      }
      counts.append(inner.map(\.count))
      lists = inner
    }
    let bits = lists.flatMap { $0 }.compactMap { element -> UInt64? in
      guard case .scalar(let scalar) = element.content else { return nil }
      return scalar.irScalar.bits
    }
    self.init(core: .nested(Scalar.dtype, bits, counts, elements.count))
  }
}
