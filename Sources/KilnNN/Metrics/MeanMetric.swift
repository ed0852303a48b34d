public import Kiln

/// The mean of numbers, such as losses, each with a weight; NaN without any.
public struct MeanMetric: Metric {
  private var sum: Tensor<Float> = 0
  private var weight: Tensor<Float> = 0

  /// A mean of nothing yet.
  public init() {}

  /// Adds the elements of a batch, each with the weight 1.
  public mutating func update(_ values: Tensor<Float>) { update(values, .ones(like: values)) }

  /// Adds the elements of a batch with weights of their shape; another is a diagnostic (`metric.C1`).
  public mutating func update(_ values: Tensor<Float>, _ weights: Tensor<Float>) {
    if let failure = metricFailure(
      "MeanMetric", "values and weights of one shape", values, weights, isRight: values.shape.mayBe(weights.shape))
    {
      sum = failure
      return
    }
    sum += (values * weights).sum()
    weight += weights.sum()
  }

  public mutating func reset() { (sum, weight) = (0, 0) }
  public var value: Tensor<Float> { sum / weight }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&sum, "sum")
    visitor.visit(&weight, "weight")
  }
}

/// R², the share of the variance of the targets that the predictions explain: 1 - Σ (y - x)² / Σ (y - ȳ)². NaN or minus
/// infinity where the targets do not vary.
///
/// Means and squares of batches are combined as Chan, Golub and LeVeque do ("Updating Formulae and a Pairwise
/// Algorithm", 1979), so that a great mean costs no digits.
public struct RSquared: Metric {
  private var errors: Tensor<Float> = 0
  private var mean: Tensor<Float> = 0
  private var squares: Tensor<Float> = 0
  private var count: Tensor<Float> = 0

  /// R² of nothing yet.
  public init() {}

  /// Adds a batch of predictions and targets of one shape; others are a diagnostic (`metric.C1`).
  public mutating func update(_ predictions: Tensor<Float>, _ targets: Tensor<Float>) {
    if let failure = metricFailure(
      "RSquared", "predictions and targets of one shape", predictions, targets,
      isRight: predictions.shape.mayBe(targets.shape))
    {
      errors = failure
      return
    }
    let difference = targets - predictions
    errors += (difference * difference).sum()
    let (number, batchMean) = (Tensor<Float>.ones(like: targets).sum(), targets.mean())
    let centered = targets - batchMean
    let (total, step) = (count + number, batchMean - mean)
    squares += (centered * centered).sum() + step * step * count * number / total
    mean += step * number / total
    count = total
  }

  public mutating func reset() { (errors, mean, squares, count) = (0, 0, 0, 0) }
  public var value: Tensor<Float> { 1 - errors / squares }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&errors, "errors")
    visitor.visit(&mean, "mean")
    visitor.visit(&squares, "squares")
    visitor.visit(&count, "count")
  }
}
