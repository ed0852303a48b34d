public import Kiln

/// A tensor that a layer changes in training by itself, such as a mean over many batches: no gradient reaches it, and
/// optimizers leave it alone (`TensorTree.isTrained`).
///
/// In the tree it has the name of the property that holds it, like a tensor.
public struct RunningStatistic<Scalar: TensorReal>: TensorTree, Sendable {
  private var tensor: Tensor<Scalar>

  /// The statistic. Derivatives treat it as a constant.
  public var value: Tensor<Scalar> {
    get { stopGradient(tensor) }
    set { tensor = stopGradient(newValue) }
  }

  /// A statistic that begins with `value`.
  public init(_ value: Tensor<Scalar>) { tensor = value }

  /// `value` a little nearer to that of a batch: (1 - momentum) · value + momentum · batch.
  public mutating func move(to batch: Tensor<Scalar>, momentum: Double) {
    value = Tensor(Scalar(1 - momentum)) * value + Tensor(Scalar(momentum)) * batch
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(NotTrained(), "isTrained")
    tensor.visit(&visitor)
  }
}

/// Shown by `visit` as a constant, says that the tensors from there to the end of the subtree are not trained.
///
/// ```swift
/// struct Frozen<Body: TensorTree>: TensorTree {
///   var body: Body
///   mutating func visit(_ visitor: inout some TensorVisitor) {
///     visitor.constant(NotTrained(), "isTrained")
///     visitor.visit(&body, "body")
///   }
/// }
/// ```
public struct NotTrained: Hashable, Sendable {
  /// The mark.
  public init() {}
}

extension TensorTree {
  /// For each of `tensors`, in their order, whether an optimizer changes it: whether it is real, and neither a
  /// `RunningStatistic` nor otherwise marked as `NotTrained`.
  public var isTrained: [Bool] {
    var copy = self
    var visitor = TrainedVisitor()
    copy.visit(&visitor)
    return visitor.isTrained
  }

  /// The tensors that an optimizer changes, with their names, in the order of the visit.
  public var parameters: [(name: String, tensor: AnyTensor)] {
    zip(tensors, isTrained).filter(\.1).map(\.0)
  }
}

private struct TrainedVisitor: TensorVisitor {
  static var isReadOnly: Bool { true }
  var isTrained: [Bool] = []
  private var depth = 0
  /// Where the subtree began that is not trained.
  private var mark: Int?

  mutating func leaf(_ tensor: inout AnyTensor) { isTrained.append(mark == nil && tensor.dtype.isReal) }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
    if Value.self == NotTrained.self, mark == nil { mark = depth }
  }
  mutating func enter(_ name: String) { depth += 1 }
  mutating func enter(_ index: Int) { depth += 1 }
  mutating func leave() {
    if mark == depth { mark = nil }
    depth -= 1
  }
}
