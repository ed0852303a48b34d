public import Kiln

/// Where a minimization has ended.
public struct Minimum<Point> {
  /// The point with the least value that was found.
  public let point: Point
  /// The value there.
  public let value: Double
  /// The greatest magnitude of an element of the gradient there.
  public let slope: Double
  /// How many steps were made.
  public let stepCount: Int
  /// How many values and gradients were computed.
  public let evaluationCount: Int
  /// Whether the slope is as small as was asked for.
  public let isConverged: Bool
}

/// Minimizes a smooth function of few parameters, such as a fit to data that are taken as a whole: the limited-memory
/// method of Broyden, Fletcher, Goldfarb and Shanno.
///
/// ```swift
/// let start = Tensor<Double>([-1.2, 1])
/// let minimum = try LBFGS().minimize(start) { x in
///   let valley = x[1] - x[0] * x[0]
///   return (1 - x[0]) * (1 - x[0]) + 100 * valley * valley
/// }
/// print(minimum.point, minimum.value, minimum.isConverged)
/// ```
/// The function and its gradient are one compiled plan. The direction is computed on the host, with f64, from the last
/// `history` steps; the length of a step fulfils the strong Wolfe conditions, so every step makes the value less.
///
/// Source: J. Nocedal and S. Wright, "Numerical Optimization", 2nd edition, 2006, algorithms 7.4 and 7.5, with the line
/// search of 3.5 and 3.6.
public struct LBFGS: Hashable, Sendable {
  private let steps: Int
  private let history: Int
  private let tolerance: Double

  /// - Parameters:
  ///   - steps: how many are made at most; not negative (`optimizer.C3`).
  ///   - history: how many steps the direction is computed from; at least 1.
  ///   - tolerance: the greatest magnitude of an element of the gradient at which the point is a minimum; at least 0.
  public init(steps: Int = 200, history: Int = 10, tolerance: Double = 1e-8) {
    (self.steps, self.history, self.tolerance) = (steps, history, tolerance)
  }

  /// Changes the parameters of `start` (its real tensors that are trained, all of one element type) so that `value`
  /// becomes small.
  /// - Throws: `optimizer.C3` for numbers that `init` does not take, `optimizer.C4` for a start where the value or its
  ///   gradient is not finite, and every diagnostic of the trace, the compilation or a run.
  public func minimize<Point: TensorTree, Scalar: TensorReal>(
    _ start: Point, file: StaticString = #filePath, line: UInt = #line,
    of value: @escaping @Sendable (Point) -> Tensor<Scalar>
  ) throws(KilnError) -> Minimum<Point> {
    guard steps >= 0, history >= 1, tolerance >= 0 else {
      throw KilnError.atCall(
        "optimizer.C3",
        "L-BFGS takes steps from 0, a history from 1 and a tolerance from 0, found \(steps), \(history), \(tolerance)")
    }
    let compiled = compile(file: file, line: line) { (point: Point) in valueAndGradient(at: point) { value($0) } }
    let isTrained = zip(start.tensors, start.isTrained).map { $0.tensor.dtype == Scalar.dtype && $1 }
    var evaluationCount = 0
    func evaluate(_ x: [Double]) throws(KilnError) -> Sample {
      evaluationCount += 1
      let (value, gradient) = try compiled.run(start.with(x, isTrained, of: Scalar.self))
      return Sample(x: x, value: Double(value.item), gradient: gradient.numbers(isTrained, of: Scalar.self))
    }
    var current = try evaluate(start.numbers(isTrained, of: Scalar.self))
    guard current.isFinite else {
      throw KilnError.atCall(
        "optimizer.C4", "L-BFGS begins where the value is \(current.value), or its gradient not finite")
    }
    var pairs: [(s: [Double], y: [Double])] = []
    var stepCount = 0
    while stepCount < steps, current.slope > tolerance {
      let direction = Self.direction(current.gradient, pairs)
      // The first step has no scale of its own.
      let length = pairs.isEmpty ? min(1, 1 / current.gradient.map(\.magnitude).reduce(0, +)) : 1
      guard let next = try LineSearch(current, direction).sample(from: length, evaluate) else { break }
      let (s, y) = (zip(next.x, current.x).map(-), zip(next.gradient, current.gradient).map(-))
      // Wolfe's conditions make this positive, but for rounding.
      if dot(s, y) > 1e-10 * dot(y, y) {
        pairs.append((s, y))
        if pairs.count > history { pairs.removeFirst() }
      }
      current = next
      stepCount += 1
    }
    return Minimum(
      point: start.with(current.x, isTrained, of: Scalar.self), value: current.value, slope: current.slope,
      stepCount: stepCount, evaluationCount: evaluationCount, isConverged: current.slope <= tolerance)
  }

  /// Minus the gradient times an estimate of the inverse of the second derivative, by two loops over the pairs.
  private static func direction(_ gradient: [Double], _ pairs: [(s: [Double], y: [Double])]) -> [Double] {
    var q = gradient
    var factors: [Double] = []
    for (s, y) in pairs.reversed() {
      let factor = dot(s, q) / dot(s, y)
      factors.append(factor)
      q = zip(q, y).map { $0 - factor * $1 }
    }
    if let (s, y) = pairs.last {
      let scale = dot(s, y) / dot(y, y)
      q = q.map { $0 * scale }
    }
    for ((s, y), factor) in zip(pairs, factors.reversed()) {
      let other = dot(y, q) / dot(s, y)
      q = zip(q, s).map { $0 + (factor - other) * $1 }
    }
    return q.map(-)
  }
}

extension TensorTree {
  /// The elements of the tensors that are marked, one after the other.
  fileprivate func numbers<Scalar: TensorReal>(_ isMarked: [Bool], of type: Scalar.Type) -> [Double] {
    zip(tensors, isMarked).filter(\.1).flatMap { $0.0.tensor.scalars(as: Scalar.self)?.map { Double($0) } ?? [] }
  }

  /// The tree with these elements in the tensors that are marked.
  fileprivate func with<Scalar: TensorReal>(_ numbers: [Double], _ isMarked: [Bool], of type: Scalar.Type) -> Self {
    var (result, rest, place) = (self, numbers[...], 0)
    result.updateTensors { _, tensor in
      defer { place += 1 }
      guard isMarked[place] else { return tensor }
      let part = rest.prefix(tensor.count)
      rest = rest.dropFirst(tensor.count)
      return AnyTensor(Tensor<Scalar>(part.map { Scalar($0) }, shape: tensor.dimensions))
    }
    return result
  }
}

func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
