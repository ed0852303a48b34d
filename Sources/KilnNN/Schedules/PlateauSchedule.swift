public import Kiln

/// A rate that becomes smaller when what is watched has stopped to become better. A tree of tensors: a compiled step or
/// a compiled validation updates it.
///
/// ```swift
/// var plateau = PlateauSchedule<Float>(rate: 0.1, patience: 3)
/// let validationLoss: Tensor<Float> = 0.7
/// plateau.update(by: validationLoss)
/// let rate = plateau.rate       // for the optimizer
/// ```
public struct PlateauSchedule<Scalar: TensorReal>: TensorTree {
  /// The rate now, a scalar.
  public private(set) var rate: Tensor<Scalar>
  /// The best that was seen.
  public private(set) var best: Tensor<Scalar>
  private var badCount: Tensor<Int32> = 0
  private var pause: Tensor<Int32> = 0
  private let settings: Settings

  private struct Settings: Hashable {
    var factor: Double
    var patience: Int
    var threshold: Double
    var cooldown: Int
    var least: Double
    var isGreaterBetter: Bool
  }

  /// - Parameters:
  ///   - rate: at the beginning.
  ///   - factor: what the rate is multiplied with: above 0 and below 1 (`schedule.C1`).
  ///   - patience: how many values in a row may be no better than the best.
  ///   - threshold: by what share of the best a value has to be better to count.
  ///   - cooldown: how many values after a change are not counted.
  ///   - least: the rate that is not fallen below.
  ///   - isGreaterBetter: for an accuracy, not a loss.
  public init(
    rate: Double, factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0,
    least: Double = 0, isGreaterBetter: Bool = false
  ) {
    self.rate = Tensor(Scalar(rate))
    best = Tensor(isGreaterBetter ? -Scalar.infinity : Scalar.infinity)
    settings = Settings(
      factor: factor, patience: patience, threshold: threshold, cooldown: cooldown, least: least,
      isGreaterBetter: isGreaterBetter)
    if !(factor > 0 && factor < 1) || patience < 0 || cooldown < 0 {
      self.rate = self.rate.failed(
        "schedule.C1",
        "a plateau schedule takes a factor above 0 and below 1, and counts that are not negative, found \(factor), "
          + "\(patience) and \(cooldown)")
    }
  }

  /// Takes notice of a value, a scalar. The rate changes when there were more than `patience` in a row that were no
  /// better than the best.
  public mutating func update(by value: Tensor<Scalar>) {
    let bound = best * Tensor(Scalar(settings.isGreaterBetter ? 1 + settings.threshold : 1 - settings.threshold))
    let isBetter = settings.isGreaterBetter ? value .> bound : value .< bound
    best = select(isBetter, value, best)
    let isPaused = pause .> 0
    pause = maximum(pause - 1, 0)
    let bad = select(isBetter .|| isPaused, Tensor<Int32>(0), badCount + 1)
    let isOver = bad .> Int32(clamping: settings.patience)
    rate = select(isOver, maximum(rate * Tensor(Scalar(settings.factor)), Tensor(Scalar(settings.least))), rate)
    pause = select(isOver, Tensor(Int32(clamping: settings.cooldown)), pause)
    badCount = select(isOver, Tensor<Int32>(0), bad)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(settings, "settings")
    visitor.visit(&rate, "rate")
    visitor.visit(&best, "best")
    visitor.visit(&badCount, "badCount")
    visitor.visit(&pause, "pause")
  }
}
