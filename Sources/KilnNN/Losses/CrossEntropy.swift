public import Kiln

/// The cross-entropy of softmax(logits) and labels: -log softmax(logits)[label], as `logSoftmax` computes it.
///
/// ```swift
/// let logits: Tensor<Float> = [[2, 1, -1], [0, 3, 0]]
/// let loss = softmaxCrossEntropy(logits, Tensor<Int32>([0, 1]), labelSmoothing: 0.1)
/// ```
/// With smoothing ε (Szegedy and others, "Rethinking the Inception Architecture for Computer Vision", 2016) it is
/// (1 - ε) · that + ε · the mean of -log softmax(logits) over the classes.
///
/// - Parameters:
///   - logits: [..., classes], or with the classes along `axis`.
///   - labels: the shape of `logits` without `axis`; a label outside of the classes that is not ignored is an error at
///     the run (`gather.R1`; of a gradient, `scatter.R1`).
///   - weights: of samples, in a shape that broadcasts to that of the labels.
///   - labelSmoothing: ε, from 0 to below 1.
///   - ignored: samples with this label do not count, as padding.
/// - Returns: A scalar, or with `.none` the shape of the labels. Shapes that do not fit are `loss.C1` and `loss.C2`, an
///   ε that does not exist `loss.C3`.
public func softmaxCrossEntropy<Scalar: TensorReal, Label: TensorInteger>(
  _ logits: Tensor<Scalar>, _ labels: Tensor<Label>, axis: Int = -1, weights: Tensor<Scalar>? = nil,
  labelSmoothing: Scalar = 0, ignoring ignored: Label? = nil, reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  let function = "softmaxCrossEntropy"
  let place = axis < 0 ? axis + logits.rank : axis
  guard (0..<logits.rank).contains(place), labels.shape.mayBe(logits.shape.without(place)) else {
    return logits.failed(
      "loss.C1",
      "\(function) takes logits with classes along axis \(axis) and labels of their shape without it, found "
        + "\(logits.type) and \(labels.type)", with: labels.untyped)
  }
  if let failure = logits.failure(unlessSmoothing: labelSmoothing, function) { return failure }
  let isCounted = ignored.map { labels .!= Tensor($0) }
  // An ignored label may be no class.
  let classes = isCounted.map { select($0, labels, Tensor(0)) } ?? labels
  let logs = logSoftmax(logits, axis: place)
  var losses = -logs.takeAlong(classes.expandingShape(at: place), axis: place).squeezed(place)
  if labelSmoothing != 0 {
    losses = Tensor(1 - labelSmoothing) * losses - Tensor(labelSmoothing) * logs.mean(axes: [place])
  }
  return losses.reduced(reduction, weights: weights, isCounted: isCounted, function)
}

/// The cross-entropy of softmax(logits) and a distribution over the classes: -Σ targets · log softmax(logits).
///
/// With smoothing ε the targets are (1 - ε) · `targets` + ε / classes.
///
/// - Parameters:
///   - targets: probabilities, of the shape of `logits`.
///   - weights: of samples, in a shape that broadcasts to that of `logits` without `axis`.
/// - Returns: See the form with labels.
public func softmaxCrossEntropy<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, _ targets: Tensor<Scalar>, axis: Int = -1, weights: Tensor<Scalar>? = nil,
  labelSmoothing: Scalar = 0, reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  let function = "softmaxCrossEntropy"
  if let failure = logits.failure(unlessShapeOf: targets, function) { return failure }
  if let failure = logits.failure(unlessSmoothing: labelSmoothing, function) { return failure }
  let logs = logSoftmax(logits, axis: axis)
  var losses = -(targets * logs).sum(axes: [axis])
  if labelSmoothing != 0 {
    losses = Tensor(1 - labelSmoothing) * losses - Tensor(labelSmoothing) * logs.mean(axes: [axis])
  }
  return losses.reduced(reduction, weights: weights, function)
}

/// The cross-entropy of sigmoid(logits) and probabilities, element by element: max(x, 0) - x · y + log(1 + exp(-|x|)).
///
/// With smoothing ε the targets are (1 - ε) · `targets` + ε / 2.
///
/// - Parameters:
///   - targets: from 0 to 1, of the shape of `logits`.
///   - weights: in a shape that broadcasts to that of `logits`.
/// - Returns: A scalar, or with `.none` the shape of `logits`. Shapes that do not fit are `loss.C1` and `loss.C2`, an
///   ε that does not exist `loss.C3`.
public func sigmoidCrossEntropy<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, _ targets: Tensor<Scalar>, weights: Tensor<Scalar>? = nil, labelSmoothing: Scalar = 0,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  let function = "sigmoidCrossEntropy"
  if let failure = logits.failure(unlessShapeOf: targets, function) { return failure }
  if let failure = logits.failure(unlessSmoothing: labelSmoothing, function) { return failure }
  var targets = targets
  if labelSmoothing != 0 { targets = Tensor(1 - labelSmoothing) * targets + Tensor(labelSmoothing / 2) }
  // Both sides have the derivative sigmoid(x) - y, also at 0.
  let isPositive = logits .> Tensor(0)
  let linear = select(isPositive, logits, Tensor(0)) - logits * targets
  let losses = linear + softplus(select(isPositive, -logits, logits))
  return losses.reduced(reduction, weights: weights, function)
}

/// The cross-entropy of sigmoid(logits) and truth values; see the form with probabilities.
public func sigmoidCrossEntropy<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, _ labels: Tensor<Bool>, weights: Tensor<Scalar>? = nil, labelSmoothing: Scalar = 0,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  sigmoidCrossEntropy(
    logits, labels.converted(to: Scalar.self), weights: weights, labelSmoothing: labelSmoothing, reduction: reduction)
}

/// The divergence of Kullback and Leibler of a distribution from softmax(logits): Σ p (log p - log softmax(logits)).
///
/// Where p is 0, so is its term ("On Information and Sufficiency", 1951).
///
/// - Parameters:
///   - targets: the distribution p, of the shape of `logits`.
///   - weights: of samples, in a shape that broadcasts to that of `logits` without `axis`.
/// - Returns: A scalar, or with `.none` the shape of `logits` without `axis`. Shapes that do not fit are `loss.C1` and
///   `loss.C2`.
public func klDivergence<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, _ targets: Tensor<Scalar>, axis: Int = -1, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  let function = "klDivergence"
  if let failure = logits.failure(unlessShapeOf: targets, function) { return failure }
  let isPresent = targets .> Tensor(0)
  let logTargets = log(select(isPresent, targets, Tensor(1)))
  let terms = targets * (logTargets - logSoftmax(logits, axis: axis))
  return terms.sum(axes: [axis]).reduced(reduction, weights: weights, function)
}

extension Tensor where Scalar: TensorReal {
  /// What stands for the loss if smoothing is not from 0 to below 1 (`loss.C3`), else nil.
  fileprivate func failure(unlessSmoothing smoothing: Scalar, _ function: String) -> Tensor? {
    (0..<1).contains(smoothing)
      ? nil : failed("loss.C3", "\(function) takes label smoothing from 0 to below 1, found \(smoothing)")
  }
}
