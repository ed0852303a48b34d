import Kiln

/// What becomes of the losses of the samples.
public enum LossReduction: Hashable, Sendable, CaseIterable {
  /// Their mean. With weights it is Σ wᵢ lᵢ / Σ wᵢ, to which a sample that is ignored adds nothing, above or below; 0
  /// where no sample counts.
  case mean
  /// Their sum, each multiplied with its weight.
  case sum
  /// Each by itself, multiplied with its weight; 0 for one that is ignored.
  case none
}

extension Tensor where Scalar: TensorReal {
  /// The losses of the samples as `reduction` says.
  ///
  /// - Parameters:
  ///   - function: who asks, for messages.
  ///   - weights: of a shape that broadcasts to this one (`loss.C2`).
  ///   - isCounted: false where a sample is ignored.
  func reduced(
    _ reduction: LossReduction, weights: Tensor?, isCounted: Tensor<Bool>? = nil, _ function: String
  ) -> Tensor {
    var weights = weights
    if let given = weights {
      guard given.shape.broadcasts(to: shape) else {
        return failed(
          "loss.C2", "\(function): weights \(given.type) do not broadcast to the losses of the samples, \(type)",
          with: given.untyped)
      }
      weights = given.broadcast(to: shape)
    }
    if let isCounted {
      let ones = weights ?? .ones(like: self)
      weights = select(isCounted, ones, Tensor(0))
    }
    // A loss that is ignored may be infinite.
    let losses = isCounted.map { select($0, self, Tensor(0)) } ?? self
    guard let weights else {
      switch reduction {
      case .mean: return losses.mean()
      case .sum: return losses.sum()
      case .none: return losses
      }
    }
    let weighted = losses * weights
    switch reduction {
    case .mean:
      let total = weights.sum()
      return weighted.sum() / select(total .== Tensor(0), Tensor(1), total)
    case .sum: return weighted.sum()
    case .none: return weighted
    }
  }

  /// What stands for the loss if `other` has another shape (`loss.C1`), else nil: predictions and targets do not
  /// broadcast, because [n, 1] beside [n] would become n² losses.
  func failure(unlessShapeOf other: Tensor, _ function: String) -> Tensor? {
    shape.mayBe(other.shape)
      ? nil
      : failed(
        "loss.C1", "\(function) takes two tensors of one shape, found \(type) and \(other.type)", with: other.untyped)
  }
}

extension Shape {
  /// Whether it is `other`, at some call.
  func mayBe(_ other: Shape) -> Bool {
    rank == other.rank && zip(self, other).allSatisfy { Dimension.equality($0, $1) != false }
  }

  /// Whether a tensor of this shape, at some call, broadcasts to one of `other`.
  func broadcasts(to other: Shape) -> Bool {
    guard rank <= other.rank else { return false }
    return zip(self, other.suffix(rank)).allSatisfy { $0 == 1 || Dimension.equality($0, $1) != false }
  }

  /// The shape without `axis`.
  func without(_ axis: Int) -> Shape { Shape(indices.filter { $0 != axis }.map { self[$0] }) }
}
