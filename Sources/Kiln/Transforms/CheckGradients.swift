public import KilnIR
import KilnPasses

/// What `checkGradients` found.
public struct GradientReport: Sendable, CustomStringConvertible {
  /// One derivative in two ways.
  public struct Finding: Sendable, CustomStringConvertible {
    /// The tensor: `arg0.layers.0.weight`.
    public let name: String
    /// The element, in row-major order.
    public let index: Int
    /// The derivative that Kiln gives.
    public let derived: Double
    /// The central difference.
    public let difference: Double

    /// The distance of the two, relative to the larger where that is above 1.
    public var error: Double {
      let distance = (derived - difference).magnitude / max(1, derived.magnitude, difference.magnitude)
      return distance.isNaN ? .infinity : distance
    }

    public var description: String {
      "\(name)[\(index)]: the derivative is \(derived), the central difference \(difference), error \(error)"
    }
  }

  /// The largest error that passes.
  public let tolerance: Double
  /// How many derivatives were compared.
  public let count: Int
  /// Those that do not pass, the worst first.
  public let failures: [Finding]
  /// The largest error of all.
  public let largestError: Double
  /// How far the derivative along a direction is in forward mode from that in reverse mode, relative as in `Finding`.
  public let modeError: Double

  /// Whether all derivatives agree with the differences, and forward with reverse mode.
  public var passes: Bool { failures.isEmpty && modeError <= tolerance }

  public var description: String {
    let summary =
      "\(count) derivatives, \(failures.count) wrong; largest error \(largestError), forward against reverse "
      + "\(modeError), tolerance \(tolerance)"
    return ([summary] + failures.prefix(10).map { "  \($0)" }).joined(separator: "\n")
  }
}

/// Compares the derivatives of a function at `input` with central differences, and forward with reverse mode.
///
/// ```swift
/// let report = try checkGradients(at: x) { x in softplus(x) }
/// assert(report.passes, "\(report)")
/// ```
/// The value may have any shape: a weighted sum of it is differentiated. Use f64: the differences of f32 have three
/// good digits, and stay away from kinks, where differences mean nothing.
///
/// - Parameters:
///   - tolerance: the largest error that passes, relative where derivatives exceed 1; 1e-6 for f64 and 0.02 for smaller
///     reals unless given.
///   - samples: how many elements of each tensor are moved, spread evenly.
/// - Throws: what the function and its derivative have to say, with what `f` threw as the `cause`; `checkGradients.C1`
///   inside a trace, where tensors have no numbers.
public func checkGradients<each Input: TensorTree, Scalar: TensorReal>(
  at input: repeat each Input, tolerance: Double? = nil, samples: Int = 64, file: StaticString = #filePath,
  line: UInt = #line, @TensorBody of f: (repeat each Input) throws -> Tensor<Scalar>
) throws(KilnError) -> GradientReport {
  let location = SourceLocation(file, line)
  if Trace.current != nil {
    throw KilnError("checkGradients.C1", "gradients are checked at numbers; a traced tensor has none", at: location)
  }
  let closure = try ClosureTransform(location, .tree()).run(f, at: repeat each input) { $0 }
  return try GradientChecker(closure).report(tolerance: tolerance, samples: max(samples, 1))
}

/// The numbers of a check, all in Double.
private struct GradientChecker<Output> {
  private let closure: TransformedClosure<Output>
  private let active: [Int]
  private let weights: [Double]
  private let isPrecise: Bool

  init(_ closure: TransformedClosure<Output>) {
    self.closure = closure
    active = closure.realLeaves
    weights = Self.numbers(closure.resultTypes[0].shape.elementCount, 0.5...1.5)
    isPrecise = closure.resultTypes[0].dtype == .f64 && active.allSatisfy { closure.leaves[$0].dtype == .f64 }
  }

  func report(tolerance: Double?, samples: Int) throws(KilnError) -> GradientReport {
    let tolerance = tolerance ?? (isPrecise ? 1e-6 : 0.02)
    let gradients = try pulled()
    var findings: [GradientReport.Finding] = []
    for (place, gradient) in zip(active, gradients) {
      let numbers = try closure.leaves[place].doubles()
      let step = max(1, numbers.count / samples)
      for index in stride(from: 0, to: numbers.count, by: step) {
        let difference = try difference(place, numbers, index)
        findings.append(
          GradientReport.Finding(
            name: closure.leafNames[place], index: index, derived: gradient[index], difference: difference))
      }
    }
    let failures = findings.filter { !($0.error <= tolerance) }.sorted { $0.error > $1.error }
    return GradientReport(
      tolerance: tolerance, count: findings.count, failures: failures,
      largestError: findings.map(\.error).max() ?? 0, modeError: try modeError(gradients))
  }

  private func pulled() throws(KilnError) -> [[Double]] {
    let derived = try closure.differentiated(Differentiation.vjp)
    let cotangent = TensorCore.make(closure.resultTypes[0], weights)
    var gradients: [[Double]] = []
    for gradient in try closure.run(derived, [cotangent]).dropFirst() { gradients.append(try gradient.doubles()) }
    return gradients
  }

  private func modeError(_ gradients: [[Double]]) throws(KilnError) -> Double {
    let derived = try closure.differentiated(Differentiation.jvp)
    let directions = gradients.map { Self.numbers($0.count, -1...1) }
    let tangents = zip(active, directions).map { TensorCore.make(closure.leaves[$0].type, $1) }
    let pushed = try closure.run(derived, tangents)[1].doubles()
    let forward = zip(pushed, weights).reduce(0) { $0 + $1.0 * $1.1 }
    let reverse = zip(gradients, directions).reduce(0) { sum, pair in
      zip(pair.0, pair.1).reduce(sum) { $0 + $1.0 * $1.1 }
    }
    return GradientReport.Finding(name: "", index: 0, derived: forward, difference: reverse).error
  }

  /// Of fourth order, so that in f64 it has more digits than the tolerance asks for.
  private func difference(_ place: Int, _ numbers: [Double], _ index: Int) throws(KilnError) -> Double {
    let step = (isPrecise ? 1e-3 : 0.02) * max(1, numbers[index].magnitude)
    func moved(_ distance: Double) throws(KilnError) -> Double {
      var numbers = numbers
      numbers[index] += distance
      var copy = closure
      copy.leaves[place] = .make(closure.leaves[place].type, numbers)
      let value = try copy.run((closure.module, closure.name))[0].doubles()
      return zip(value, weights).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let near = try moved(step) - moved(-step)
    let far = try moved(2 * step) - moved(-2 * step)
    return (8 * near - far) / (12 * step)
  }

  /// Fixed numbers without a pattern that derivatives could have.
  private static func numbers(_ count: Int, _ range: ClosedRange<Double>) -> [Double] {
    (0..<count).map { index in
      let fraction = (Double(index + 1) * 0.6180339887498949).truncatingRemainder(dividingBy: 1)
      return range.lowerBound + fraction * (range.upperBound - range.lowerBound)
    }
  }
}

extension TensorCore {
  /// The elements of a real tensor.
  fileprivate func doubles() throws(KilnError) -> [Double] {
    let host = try moved(to: nil)
    let (bytes, width, dtype) = (host.bytes, dtype.byteCount, dtype)
    return (0..<interned.elementCount).map { index in
      let bits = (0..<width).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64(bytes[index * width + $1]) }
      return Scalar(dtype, bits: bits).doubleValue
    }
  }

  fileprivate static func make(_ type: TensorType, _ numbers: [Double]) -> TensorCore {
    make(type) { buffer in
      for (index, number) in numbers.enumerated() {
        let bits = Scalar(type.dtype, number).bits
        withUnsafeBytes(of: bits.littleEndian) { bytes in
          let width = type.dtype.byteCount
          UnsafeMutableRawBufferPointer(rebasing: buffer[(index * width)..<((index + 1) * width)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<width]))
        }
      }
    }
  }
}
