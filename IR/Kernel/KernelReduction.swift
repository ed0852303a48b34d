/// One reduction effect of a stage.
public struct KernelReduction: Hashable, Sendable {
  public enum Operation: Hashable, Sendable {
    /// Sums and products of reals follow R2, all others are order-free (R3).
    case reduce(ReductionKind)
    /// The `i32` number of the first extreme among the stage's elements (E9).
    case argReduce(ArgReductionKind)
    /// The sum of the products with another value of the body, as D1 says.
    case dot(BodyID)
  }

  /// Its number among all reduced values of the kernel.
  public let number: Int
  public let operation: Operation
  /// What is reduced; the left operand of a dot.
  public let value: BodyID
  /// The dtype of that value.
  public let dtype: DType

  public init(number: Int, operation: Operation, value: BodyID, dtype: DType) {
    self.number = number
    self.operation = operation
    self.value = value
    self.dtype = dtype
  }
}

extension KernelReduction.Operation {
  /// The dtype of the reduced value, for elements of a dtype.
  public func resultDType(_ dtype: DType) -> DType {
    switch self {
    case .reduce, .dot: dtype
    case .argReduce: .i32
    }
  }
}

extension KernelReduction {
  public var resultDType: DType { operation.resultDType(dtype) }

  /// Elements of a block whose value Tree16 combines with those of the others (Numerics.md R2, D1); nil for reductions
  /// that are order-free (R3).
  public var block: Int? {
    switch operation {
    case .reduce(let kind): kind.isBlocked(dtype) ? KernelDefinition.reductionBlock : nil
    case .argReduce: nil
    case .dot: KernelDefinition.contractionBlock
    }
  }

  /// Whether the elements of a block are combined in lanes (R2).
  public var isBlocked: Bool { block != nil && !isDot }

  public var isDot: Bool { if case .dot = operation { true } else { false } }
  public var isArgReduce: Bool { if case .argReduce = operation { true } else { false } }

  /// The kind in which elements, or block values, are combined.
  public var kind: ReductionKind { if case .reduce(let kind) = operation { kind } else { .sum } }

  /// What the reduction may meet any number of times.
  public var neutral: Scalar {
    switch operation {
    case .dot: .zero(dtype)
    case .argReduce(let kind): kind.neutral(dtype)
    case .reduce(let kind): kind.neutral(dtype)
    }
  }

  /// The value of a reduction over no elements.
  public var empty: Scalar {
    switch operation {
    case .dot: .zero(dtype)
    case .reduce(let kind): kind.empty(dtype)
    case .argReduce: .zero(.i32)
    }
  }
}

extension ReductionKind {
  /// Whether elements of a dtype are combined in blocks (Numerics.md R2); otherwise in any order (R3).
  public func isBlocked(_ dtype: DType) -> Bool { dtype.isReal && (self == .sum || self == .product) }

  /// What a reduction may meet any number of times: -0 for sums of reals and 1 for products are exact (R2).
  public func neutral(_ dtype: DType) -> Scalar {
    switch self {
    case .sum: dtype.isReal ? Scalar(dtype, -0.0) : .zero(dtype)
    case .product: .one(dtype)
    case .max: .extreme(dtype, isLeast: true)
    case .min: .extreme(dtype, isLeast: false)
    case .and: Scalar(dtype, bits: dtype.bitMask)
    case .or: .zero(dtype)
    }
  }

  /// The value of a reduction over no elements.
  func empty(_ dtype: DType) -> Scalar { self == .sum ? .zero(dtype) : neutral(dtype) }

  /// The primitive that combines two elements.
  public var primitive: Primitive {
    switch self {
    case .sum: .add
    case .product: .multiply
    case .max: .maximum
    case .min: .minimum
    case .and: .and
    case .or: .or
    }
  }
}

extension ArgReductionKind {
  /// What every element is at least as extreme as.
  public func neutral(_ dtype: DType) -> Scalar { .extreme(dtype, isLeast: self == .max) }
}

extension Scalar {
  /// The least or the greatest value of a dtype; infinities for reals.
  fileprivate static func extreme(_ dtype: DType, isLeast: Bool) -> Scalar {
    if dtype.isReal { return Scalar(dtype, isLeast ? -.infinity : .infinity) }
    let sign = dtype.isSignedInteger ? dtype.bitMask ^ (dtype.bitMask >> 1) : 0
    return Scalar(dtype, bits: isLeast ? sign : dtype.bitMask ^ sign)
  }
}
