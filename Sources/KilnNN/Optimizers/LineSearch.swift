import Kiln

/// A point with the value and the gradient of a function there.
struct Sample {
  var x: [Double]
  var value: Double
  var gradient: [Double]

  /// The greatest magnitude of an element of the gradient.
  var slope: Double { gradient.map(\.magnitude).max() ?? 0 }
  var isFinite: Bool { value.isFinite && gradient.allSatisfy(\.isFinite) }
}

/// Looks along a direction for a step that fulfils the strong Wolfe conditions: the value is less by a share of what
/// the slope promises, and the slope has become flatter.
///
/// Source: J. Nocedal and S. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 3.5 and 3.6.
struct LineSearch {
  private let start: Sample
  private let direction: [Double]
  private let startSlope: Double

  private static let decrease = 1e-4
  private static let flattening = 0.9
  private static let evaluationLimit = 25

  init(_ start: Sample, _ direction: [Double]) {
    (self.start, self.direction) = (start, direction)
    startSlope = dot(start.gradient, direction)
  }

  /// A length of the step, and what is there.
  private struct Trial {
    var length: Double
    var sample: Sample
    var slope: Double
  }

  /// - Returns: The point that was found; nil where none has a less value, which rounding decides at a minimum.
  func sample(
    from length: Double, _ evaluate: ([Double]) throws(KilnError) -> Sample
  ) throws(KilnError) -> Sample? {
    guard startSlope < 0 else { return nil }
    func trial(_ length: Double) throws(KilnError) -> Trial {
      let sample = try evaluate(zip(start.x, direction).map { $0 + length * $1 })
      return Trial(length: length, sample: sample, slope: dot(sample.gradient, direction))
    }
    var previous = Trial(length: 0, sample: start, slope: startSlope)
    var next = length
    for _ in 0..<Self.evaluationLimit {
      let current = try trial(next)
      if !current.sample.isFinite {
        // Outside of where the function is defined: nearer.
        next = (previous.length + next) / 2
        continue
      }
      if !decreasesEnough(current) || current.sample.value >= previous.sample.value && previous.length > 0 {
        return try zoom(previous, current, trial)
      }
      if isFlat(current) { return current.sample }
      if current.slope >= 0 { return try zoom(current, previous, trial) }
      previous = current
      next = current.length * 2
    }
    return previous.length > 0 ? previous.sample : nil
  }

  /// Between a trial that decreases enough and another, of which one has the minimum of the line between them.
  private func zoom(
    _ low: Trial, _ high: Trial, _ trial: (Double) throws(KilnError) -> Trial
  ) throws(KilnError) -> Sample? {
    var (low, high) = (low, high)
    for _ in 0..<Self.evaluationLimit {
      let current = try trial(Self.cubicMinimum(low, high))
      if !current.sample.isFinite || !decreasesEnough(current) || current.sample.value >= low.sample.value {
        high = current
      } else {
        if isFlat(current) { return current.sample }
        if current.slope * (high.length - low.length) >= 0 { high = low }
        low = current
      }
      if (high.length - low.length).magnitude <= 1e-14 * max(high.length, low.length) { break }
    }
    return low.length > 0 ? low.sample : nil
  }

  private func decreasesEnough(_ trial: Trial) -> Bool {
    trial.sample.value <= start.value + Self.decrease * trial.length * startSlope
  }

  private func isFlat(_ trial: Trial) -> Bool { trial.slope.magnitude <= -Self.flattening * startSlope }

  /// Where the cubic through both values and slopes has its minimum, kept away from the ends (formula 3.59).
  private static func cubicMinimum(_ a: Trial, _ b: Trial) -> Double {
    let width = b.length - a.length
    let d = a.slope + b.slope - 3 * (b.sample.value - a.sample.value) / width
    let root = (d * d - a.slope * b.slope).squareRoot() * (width < 0 ? -1 : 1)
    let found = b.length - width * (b.slope + root - d) / (b.slope - a.slope + 2 * root)
    let (least, most) = (
      min(a.length, b.length) + 0.1 * width.magnitude, max(a.length, b.length) - 0.1 * width.magnitude
    )
    return found.isFinite ? min(max(found, least), most) : a.length + width / 2
  }
}
