public import KilnIR

/// A tensor whose element type is known when the program runs: for importers, embedders and code that treats all
/// tensors of a model alike.
public struct AnyTensor: Sendable {
  package var core: TensorCore

  package init(_ core: TensorCore) { self.core = core }

  /// The same value without its static element type.
  public init(_ tensor: Tensor<some TensorElement>) { self = tensor.untyped }

  /// The extents, outermost first.
  public var shape: Shape { core.shape }
  /// The element type.
  public var dtype: DType { core.dtype }
  /// Element type and shape.
  public var type: TensorType { core.type }
}

/// What typed and untyped tensors share. Only `Tensor` and `AnyTensor` conform.
public protocol TensorProtocol: Sendable, CustomStringConvertible {
  /// The same value without its static element type.
  var untyped: AnyTensor { get }
  /// Takes a tensor that is known to have the right element type.
  init(unchecked untyped: AnyTensor)
}

extension AnyTensor: TensorProtocol {
  public var untyped: AnyTensor { self }
  public init(unchecked untyped: AnyTensor) { self = untyped }
}

extension TensorProtocol {
  package var core: TensorCore { untyped.core }
  package init(core: TensorCore) { self.init(unchecked: AnyTensor(core)) }

  /// The extents as integers. In a program that serves many sizes (`shape[axis].size` is nil) this asks for those of
  /// the call that is traced, and the program then serves these alone; `shape[axis]` computes with any.
  public var dimensions: [Int] { untyped.shape.dimensions }
  /// The number of axes.
  public var rank: Int { untyped.shape.rank }
  /// The number of elements as an integer, which asks as `dimensions` does; `shape.size` is the one of any call.
  public var count: Int { untyped.shape.elementCount }
}
