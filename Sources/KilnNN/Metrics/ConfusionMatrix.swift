public import Kiln

/// How often samples of each class were taken for each: a matrix [label, prediction] of counts, and what follows from
/// it.
///
/// `value` is the share on the diagonal, the accuracy.
public struct ConfusionMatrix: Metric {
  /// The counts, [classes, classes]: rows are labels, columns predictions.
  public private(set) var counts: Tensor<Int64>

  /// A matrix for this many classes.
  public init(classes: Int) { counts = .zeros([classes, classes]) }

  /// Adds a batch of logits [n, classes] and labels [n]; other shapes are a diagnostic (`metric.C1`). A label that is
  /// no class does not count.
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) {
    let classes = counts.dimensions[0]
    let isRight =
      logits.rank == 2 && logits.shape.mayBe([labels.shape.first ?? 0, Dimension(classes)]) && labels.rank == 1
    if let failure = metricFailure(
      "ConfusionMatrix", "logits [n, \(classes)] and labels [n]", logits, labels, isRight: isRight)
    {
      counts = failure.converted(to: Int64.self)
      return
    }
    let found = logits.argMax(axis: 1).oneHot(classes, as: Int32.self)
    let expected = labels.oneHot(classes, as: Int32.self)
    counts += matmul(expected.transposed(), found).converted(to: Int64.self)
  }

  public mutating func reset() { counts = .zeros(like: counts) }

  /// The share of samples that were taken for what they are; 0 without samples.
  public var value: Tensor<Float> { share(counts.diagonal().sum(), of: counts.sum()) }
  /// For each class, the share of what was taken for it that is of it; 0 for a class that nothing was taken for.
  public var precision: Tensor<Float> { share(counts.diagonal(), of: counts.sum(axes: [0])) }
  /// For each class, the share of its samples that were taken for it; 0 for a class without samples.
  public var recall: Tensor<Float> { share(counts.diagonal(), of: counts.sum(axes: [1])) }
  /// For each class, 2 · hits / (samples of it + samples taken for it), the harmonic mean of precision and recall; 0
  /// where both are 0.
  public var f1: Tensor<Float> {
    share(counts.diagonal() * 2, of: counts.sum(axes: [0]) + counts.sum(axes: [1]))
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&counts, "counts") }
}

/// Precision, recall and F1 of a yes or no. `value` is F1.
public struct BinaryScores: Metric {
  private var hits: Tensor<Int64> = 0
  private var predicted: Tensor<Int64> = 0
  private var actual: Tensor<Int64> = 0
  private let threshold: Float

  /// - Parameter threshold: logits above it mean yes.
  public init(threshold: Float = 0) { self.threshold = threshold }

  /// Adds a batch of logits and labels of one shape; others are a diagnostic (`metric.C1`).
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Bool>) {
    if let failure = binaryFailure("BinaryScores", logits, labels) {
      hits = failure.converted(to: Int64.self)
      return
    }
    let isYes = logits .> Tensor(threshold)
    hits += (isYes .&& labels).counted()
    predicted += isYes.counted()
    actual += labels.counted()
  }

  public mutating func reset() { (hits, predicted, actual) = (0, 0, 0) }

  /// The share of yes that is right; 0 where no sample was a yes.
  public var precision: Tensor<Float> { share(hits, of: predicted) }
  /// The share of what is a yes that was found; 0 where no sample is one.
  public var recall: Tensor<Float> { share(hits, of: actual) }
  /// F1, the harmonic mean of precision and recall; 0 where both are 0.
  public var value: Tensor<Float> { share(hits * 2, of: predicted + actual) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hits, "hits")
    visitor.visit(&predicted, "predicted")
    visitor.visit(&actual, "actual")
    visitor.constant(threshold, "threshold")
  }
}

/// The area under the receiver operating characteristic: the probability that a sample that is a yes has a greater
/// logit than one that is not (Hanley and McNeil, 1982). NaN unless there are both.
///
/// Samples are counted in bins of sigmoid(logit), so that the memory does not grow; two in one bin count as equal,
/// which is half.
public struct ROCArea: Metric {
  /// Samples by bin, [2, bins]: those that are not, and those that are.
  private var counts: Tensor<Int64>

  /// - Parameter bins: between 0 and 1.
  public init(bins: Int = 1000) { counts = .zeros([2, bins]) }

  /// Adds a batch of logits and labels of one shape; others are a diagnostic (`metric.C1`).
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Bool>) {
    if let failure = binaryFailure("ROCArea", logits, labels) {
      counts = failure.converted(to: Int64.self)
      return
    }
    let bins = counts.dimensions[1]
    let scaled = (sigmoid(logits) * Float(bins)).converted(to: Int32.self).flattened()
    let ofBin = minimum(scaled, Tensor(Int32(bins - 1))).oneHot(bins, as: Int32.self)
    let ofKind = labels.flattened().converted(to: Int32.self).oneHot(2, as: Int32.self)
    counts += matmul(ofKind.transposed(), ofBin).converted(to: Int64.self)
  }

  public mutating func reset() { counts = .zeros(like: counts) }

  public var value: Tensor<Float> {
    let (no, yes) = (counts[0], counts[1])
    // Twice the pairs: those of a lower bin, and half of those of the same.
    let below = no.cumulativeSum() * 2 - no
    let pairs = (yes * below).sum()
    let all = no.sum() * yes.sum() * 2
    return pairs.converted(to: Float.self) / all.converted(to: Float.self)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&counts, "counts") }
}

private func binaryFailure(_ function: String, _ logits: Tensor<Float>, _ labels: Tensor<Bool>) -> Tensor<Float>? {
  metricFailure(
    function, "logits and labels of one shape", logits, labels, isRight: logits.shape.mayBe(labels.shape))
}
