public import Kiln

// Losses of real numbers, element by element. Predictions and targets have one shape (`loss.C1`), weights one that
// broadcasts to it (`loss.C2`); the result is a scalar, or with `.none` of that shape.

/// The squared error (x - y)² of predictions x and targets y, of one shape (`loss.C1`).
///
/// - Parameter weights: in a shape that broadcasts to it (`loss.C2`).
/// - Returns: A scalar, or with `.none` the shape of the predictions.
public func squaredError<Scalar: TensorReal>(
  _ predictions: Tensor<Scalar>, _ targets: Tensor<Scalar>, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  elementLoss("squaredError", predictions, targets, weights, reduction) { x, y in
    let difference = x - y
    return difference * difference
  }
}

/// The absolute error |x - y| of predictions x and targets y; its derivative where they are equal is 0. See
/// `squaredError` for shapes and weights.
public func absoluteError<Scalar: TensorReal>(
  _ predictions: Tensor<Scalar>, _ targets: Tensor<Scalar>, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  elementLoss("absoluteError", predictions, targets, weights, reduction) { x, y in abs(x - y) }
}

/// Huber's loss ("Robust Estimation of a Location Parameter", 1964): d² / 2 where |d| = |x - y| is at most `delta`, and
/// delta · (|d| - delta / 2) beyond. See `squaredError` for shapes and weights.
///
/// - Parameter delta: above 0 (`loss.C3`).
public func huberLoss<Scalar: TensorReal>(
  _ predictions: Tensor<Scalar>, _ targets: Tensor<Scalar>, delta: Scalar = 1, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  guard delta > 0 else { return predictions.failed("loss.C3", "huberLoss takes a delta above 0, found \(delta)") }
  return elementLoss("huberLoss", predictions, targets, weights, reduction) { x, y in
    let difference = x - y
    let distance = abs(difference)
    return select(
      distance .<= Tensor(delta), Tensor(0.5) * difference * difference,
      Tensor(delta) * (distance - Tensor(delta / 2)))
  }
}

/// log cosh(x - y) of predictions x and targets y, as d + softplus(-2d) - log 2: smooth, and it overflows nowhere. See
/// `squaredError` for shapes and weights.
public func logCoshLoss<Scalar: TensorReal>(
  _ predictions: Tensor<Scalar>, _ targets: Tensor<Scalar>, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  elementLoss("logCoshLoss", predictions, targets, weights, reduction) { x, y in
    let difference = x - y
    return difference + softplus(Tensor(-2) * difference) - Tensor(Scalar(0.6931471805599453))
  }
}

/// The hinge loss max(0, 1 - y · x) of scores x and labels y, which are -1 or 1 (Cortes and Vapnik, "Support-Vector
/// Networks", 1995). See `squaredError` for shapes and weights.
public func hingeLoss<Scalar: TensorReal>(
  _ scores: Tensor<Scalar>, _ labels: Tensor<Scalar>, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  elementLoss("hingeLoss", scores, labels, weights, reduction) { x, y in relu(Tensor(1) - y * x) }
}

private func elementLoss<Scalar: TensorReal>(
  _ function: String, _ x: Tensor<Scalar>, _ y: Tensor<Scalar>, _ weights: Tensor<Scalar>?, _ reduction: LossReduction,
  _ loss: (Tensor<Scalar>, Tensor<Scalar>) -> Tensor<Scalar>
) -> Tensor<Scalar> {
  x.failure(unlessShapeOf: y, function) ?? loss(x, y).reduced(reduction, weights: weights, function)
}

// MARK: - Of vectors

/// 1 - the cosine of the angle between x and y along `axis`; where one of them is 0 it is 1, and so is what their
/// lengths are replaced by below `epsilon`.
///
/// - Parameters:
///   - x: [..., features], or with the features along `axis`.
///   - y: of the shape of `x` (`loss.C1`).
///   - weights: in a shape that broadcasts to that of `x` without `axis` (`loss.C2`).
///   - epsilon: the least length that is divided by.
/// - Returns: A scalar, or with `.none` the shape of `x` without `axis`.
public func cosineLoss<Scalar: TensorReal>(
  _ x: Tensor<Scalar>, _ y: Tensor<Scalar>, axis: Int = -1, weights: Tensor<Scalar>? = nil, epsilon: Scalar = 1e-8,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  if let failure = x.failure(unlessShapeOf: y, "cosineLoss") { return failure }
  func length(_ x: Tensor<Scalar>) -> Tensor<Scalar> { maximum(x.norm(axes: [axis]), Tensor(epsilon)) }
  let cosine = (x * y).sum(axes: [axis]) / (length(x) * length(y))
  return (Tensor(1) - cosine).reduced(reduction, weights: weights, "cosineLoss")
}

/// max(0, ‖anchor - positive‖ - ‖anchor - negative‖ + margin): an anchor is to be nearer to what is like it than to
/// what is not, by the margin (Balntas and others, "Learning local feature descriptors with triplets", 2016).
///
/// - Parameters:
///   - anchor: [..., features], or with the features along `axis`.
///   - positive: of the shape of `anchor` (`loss.C1`), as `negative`.
///   - margin: not negative (`loss.C3`).
///   - order: p of the norm.
///   - weights: in a shape that broadcasts to that of `anchor` without `axis` (`loss.C2`).
/// - Returns: A scalar, or with `.none` the shape of `anchor` without `axis`.
public func tripletLoss<Scalar: TensorReal>(
  _ anchor: Tensor<Scalar>, _ positive: Tensor<Scalar>, _ negative: Tensor<Scalar>, margin: Scalar = 1,
  order: Double = 2, axis: Int = -1, weights: Tensor<Scalar>? = nil, reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  for other in [positive, negative] {
    if let failure = anchor.failure(unlessShapeOf: other, "tripletLoss") { return failure }
  }
  guard margin >= 0 else {
    return anchor.failed("loss.C3", "tripletLoss takes a margin that is not negative, found \(margin)")
  }
  let near = (anchor - positive).norm(order, axes: [axis])
  let far = (anchor - negative).norm(order, axes: [axis])
  return relu(near - far + Tensor(margin)).reduced(reduction, weights: weights, "tripletLoss")
}
