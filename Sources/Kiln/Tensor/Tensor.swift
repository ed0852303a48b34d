public import KilnIR

/// A rectangular array of numbers of one type: the value that Kiln computes with.
///
/// Outside of a trace an operation on tensors runs at once. Inside a closure that is traced (by `trace`, `compile`,
/// `gradient`) it is recorded, and the tensor has a type and no elements. Tensors never change: `x += y` makes a new
/// one.
///
/// Shapes broadcast as in NumPy, element types never mix. A mistake at run time (shapes that do not fit, an axis that
/// is not there) is a diagnostic at the line of the operation: it stops the program, unless `try f.run(x)` or
/// `withDiagnostics` throws it.
public struct Tensor<Scalar: TensorElement>: Sendable {
  public internal(set) var untyped: AnyTensor

  /// The extents, outermost first.
  public var shape: Shape { untyped.core.shape }
  /// The element type of the IR.
  public var dtype: DType { Scalar.dtype }
  /// Element type and shape.
  public var type: TensorType { untyped.core.type }

  /// The tensor with its static element type, or nil if it has another one.
  public init?(_ tensor: AnyTensor) {
    guard tensor.dtype == Scalar.dtype else { return nil }
    untyped = tensor
  }
}

extension Tensor: TensorProtocol {
  public init(unchecked untyped: AnyTensor) { self.untyped = untyped }
}

/// A tensor beside a Swift number in a mixed operator. Only `Tensor` conforms; that the mixed operators stand in an
/// extension of this protocol is what keeps formulas quick to check and free of ambiguity
/// (Documentation/Decisions/0001).
public protocol TensorOperand<Scalar>: Sendable {
  /// The type of the elements.
  associatedtype Scalar: TensorElement
  /// The tensor itself.
  var asTensor: Tensor<Scalar> { get }
}

extension Tensor: TensorOperand {
  public var asTensor: Tensor<Scalar> { self }
}

extension Tensor: ExpressibleByFloatLiteral where Scalar: ExpressibleByFloatLiteral {
  /// A scalar; beside a tensor it takes that tensor's element type.
  public init(floatLiteral value: Scalar.FloatLiteralType) { self.init(Scalar(floatLiteral: value)) }
}

extension Tensor: ExpressibleByIntegerLiteral where Scalar: ExpressibleByIntegerLiteral {
  /// A scalar; beside a tensor it takes that tensor's element type.
  public init(integerLiteral value: Scalar.IntegerLiteralType) { self.init(Scalar(integerLiteral: value)) }
}

extension Tensor: ExpressibleByBooleanLiteral where Scalar == Bool {
  /// A scalar.
  public init(booleanLiteral value: Bool) { self.init(value) }
}
