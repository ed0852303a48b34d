public import Kiln

/// The share of samples whose greatest logit is that of their label; 0 without samples.
public struct Accuracy: Metric {
  private var hits: Tensor<Int64> = 0
  private var count: Tensor<Int64> = 0
  private let ignored: Int32?

  /// - Parameter ignored: samples with this label do not count.
  public init(ignoring ignored: Int32? = nil) { self.ignored = ignored }

  /// Adds a batch of logits [..., classes] and labels [...]; other shapes are a diagnostic (`metric.C1`).
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) {
    if let failure = labelFailure("Accuracy", logits, labels) {
      hits = failure.converted(to: Int64.self)
      return
    }
    let isCounted = counted(labels, ignoring: ignored)
    hits += ((logits.argMax(axis: -1) .== labels) .&& isCounted).counted()
    count += isCounted.counted()
  }

  public mutating func reset() { (hits, count) = (0, 0) }
  public var value: Tensor<Float> { share(hits, of: count) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hits, "hits")
    visitor.visit(&count, "count")
    visitor.constant(ignored, "ignored")
  }
}

/// The share of samples whose label is among the `k` greatest logits, of equal ones the first; 0 without samples.
public struct TopKAccuracy: Metric {
  private var hits: Tensor<Int64> = 0
  private var count: Tensor<Int64> = 0
  private let k: Int
  private let ignored: Int32?

  /// - Parameters:
  ///   - k: how many classes a sample may name.
  ///   - ignored: samples with this label do not count.
  public init(_ k: Int = 5, ignoring ignored: Int32? = nil) {
    self.k = k
    self.ignored = ignored
  }

  /// Adds a batch of logits [..., classes] and labels [...]; other shapes are a diagnostic (`metric.C1`).
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) {
    if let failure = labelFailure("TopKAccuracy", logits, labels) {
      hits = failure.converted(to: Int64.self)
      return
    }
    let isCounted = counted(labels, ignoring: ignored)
    let places = select(isCounted, labels, 0).expandingShape(at: -1)
    let own = logits.takeAlong(places, axis: -1)
    let classes = Tensor<Int32>.range(logits.shape[logits.rank - 1])
    let isBefore = (logits .> own) .|| ((logits .== own) .&& (classes .< places))
    let rank = isBefore.converted(to: Int32.self).sum(axes: [-1])
    hits += ((rank .< Int32(clamping: k)) .&& isCounted).counted()
    count += isCounted.counted()
  }

  public mutating func reset() { (hits, count) = (0, 0) }
  public var value: Tensor<Float> { share(hits, of: count) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hits, "hits")
    visitor.visit(&count, "count")
    visitor.constant(k, "k")
    visitor.constant(ignored, "ignored")
  }
}

/// e to the mean of -log softmax(logits)[label], over all batches (Jelinek and others, 1977): how many classes a model
/// hesitates between. 1 without samples.
public struct Perplexity: Metric {
  private var sum: Tensor<Float> = 0
  private var count: Tensor<Int64> = 0
  private let ignored: Int32?

  /// - Parameter ignored: samples with this label do not count.
  public init(ignoring ignored: Int32? = nil) { self.ignored = ignored }

  /// Adds a batch of logits [..., classes] and labels [...]; other shapes are a diagnostic (`loss.C1`).
  public mutating func update(_ logits: Tensor<Float>, _ labels: Tensor<Int32>) {
    sum += softmaxCrossEntropy(logits, labels, ignoring: ignored, reduction: .sum)
    count += counted(labels, ignoring: ignored).counted()
  }

  public mutating func reset() { (sum, count) = (0, 0) }
  public var value: Tensor<Float> { exp(sum / maximum(count, 1).converted(to: Float.self)) }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&sum, "sum")
    visitor.visit(&count, "count")
    visitor.constant(ignored, "ignored")
  }
}

private func counted(_ labels: Tensor<Int32>, ignoring ignored: Int32?) -> Tensor<Bool> {
  ignored.map { labels .!= Tensor($0) } ?? .full(labels.shape, true)
}

private func labelFailure(_ function: String, _ logits: Tensor<Float>, _ labels: Tensor<Int32>) -> Tensor<Float>? {
  metricFailure(
    function, "logits [..., classes] and labels [...]", logits, labels,
    isRight: logits.rank > 0 && labels.shape.mayBe(logits.shape.without(logits.rank - 1)))
}
