public import Kiln

/// A rate for each step, as a formula on the number of the step: a compiled step computes it, and no other rate
/// compiles anything.
///
/// ```swift
/// let schedule = Schedule.warmUp(steps: 100, then: .cosine(from: 1e-3, steps: 5000))
/// var optimizer = Optimizer(Adam(), for: Tensor<Float>.zeros([3]))
/// optimizer.rate = schedule.rate(at: optimizer.stepCount)   // in the step, before the update
/// ```
/// Steps are counted from 0. After the last one that a schedule speaks of the rate stays.
public indirect enum Schedule: Hashable, Sendable {
  /// The same rate in each step.
  case constant(Double)
  /// `rate` · `factor`ᵏ after k times `every` steps.
  case step(_ rate: Double, every: Int, factor: Double)
  /// `rate` · `factor`ᵗ in step t.
  case exponential(_ rate: Double, factor: Double)
  /// A straight line that reaches its end after `steps`.
  case linear(from: Double, to: Double, steps: Int)
  /// Half a cosine that reaches its end after `steps` (Loshchilov and Hutter, "SGDR", 2017).
  case cosine(from: Double, to: Double = 0, steps: Int)
  /// In the first `steps` a line from the share `from` of the first rate of another schedule to that rate, then that
  /// schedule from its beginning (Goyal and others, "Accurate, Large Minibatch SGD", 2017).
  case warmUp(steps: Int, from: Double = 0, then: Schedule)
  /// Up to `peak` and down again, both by half a cosine (Smith and Topin, "Super-Convergence", 2018): from
  /// `peak` / `divisor`, for the share `rise` of all `steps`, then down to that by `lastDivisor`, in the last step.
  case oneCycle(peak: Double, steps: Int, rise: Double = 0.3, divisor: Double = 25, lastDivisor: Double = 1e4)

  /// The rate of the step of that number, counted from 0: a scalar. Counts of steps below 1, and a factor, a divisor or
  /// a share that is not positive, are a diagnostic (`schedule.C1`).
  public func rate<Scalar: TensorReal>(at step: Tensor<Int32>) -> Tensor<Scalar> {
    if let fault { return Tensor<Scalar>(0).failed("schedule.C1", fault, with: AnyTensor(step)) }
    let number = step.converted(to: Scalar.self)
    switch self {
    case .constant(let rate): return Tensor(Scalar(rate))
    case .step(let rate, let every, let factor):
      return Tensor(Scalar(rate)) * power(factor, (step / Tensor(Int32(clamping: every))).converted(to: Scalar.self))
    case .exponential(let rate, let factor): return Tensor(Scalar(rate)) * power(factor, number)
    case .linear(let start, let end, let steps):
      return Tensor(Scalar(start)) + Tensor(Scalar(end - start)) * share(number, of: Double(steps))
    case .cosine(let start, let end, let steps): return halfCosine(start, end, share(number, of: Double(steps)))
    case .warmUp(let steps, let share, let next):
      let after: Tensor<Scalar> = next.rate(at: maximum(step - Int32(clamping: steps), 0))
      let rise = Tensor(Scalar(share)) + Tensor(Scalar(1 - share)) * self.share(number, of: Double(steps))
      return rise * after
    case .oneCycle(let peak, let steps, let rise, let divisor, let lastDivisor):
      let (top, last) = (rise * Double(steps) - 1, Double(steps - 1))
      let up = halfCosine(peak / divisor, peak, share(number, of: top))
      let down = halfCosine(peak, peak / divisor / lastDivisor, share(number - Tensor(Scalar(top)), of: last - top))
      return select(number .<= Tensor(Scalar(top)), up, down)
    }
  }

  private var fault: String? {
    switch self {
    case .constant: nil
    case .step(_, let every, let factor):
      every >= 1 && factor > 0 ? nil : "a step schedule takes a positive factor every 1 or more steps, found \(self)"
    case .exponential(_, let factor):
      factor > 0 ? nil : "an exponential schedule takes a positive factor, found \(self)"
    case .linear(_, _, let steps), .cosine(_, _, let steps), .warmUp(let steps, _, _):
      steps >= 1 ? nil : "a schedule takes at least 1 step, found \(self)"
    case .oneCycle(_, let steps, let rise, let divisor, let lastDivisor):
      rise * Double(steps) > 1 && rise < 1 && divisor > 0 && lastDivisor > 0
        ? nil : "one cycle takes positive divisors, and steps for a rise and a fall, found \(self)"
    }
  }

  /// How far `number` is on the way to `end`: from 0 to 1.
  private func share<Scalar: TensorReal>(_ number: Tensor<Scalar>, of end: Double) -> Tensor<Scalar> {
    clamp(number / Tensor(Scalar(end)), 0, 1)
  }

  private func halfCosine<Scalar: TensorReal>(_ start: Double, _ end: Double, _ share: Tensor<Scalar>) -> Tensor<Scalar>
  {
    Tensor(Scalar(end)) + Tensor(Scalar((start - end) / 2)) * (Tensor(1) + cos(Tensor(Scalar.pi) * share))
  }

  /// With the logarithm of 1 + (base - 1): a base near 1 keeps its digits.
  private func power<Scalar: TensorReal>(_ base: Double, _ exponent: Tensor<Scalar>) -> Tensor<Scalar> {
    exp(exponent * logOnePlus(Tensor(Scalar(base - 1))))
  }
}
