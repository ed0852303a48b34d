import KilnIR
import KilnRuntime

/// Records eager operations, so that the gradient of a value can be asked for afterwards.
///
/// ```swift
/// let tape = GradientTape()
/// let y = tape.record {
///   tape.watch(x)
///   return (x * x).sum()
/// }
/// let slope = tape.gradient(of: y, with: x)
/// ```
/// A tape records what its own closure `record` does in this task, on watched tensors and on what was computed from
/// them, and nothing else: tensors carry no history, and without a tape there is nothing on the way of an operation.
/// Tapes nest, for higher derivatives. A compiled function called on a tape is traced at every such call.
///
/// A tape keeps what it has recorded alive until its first gradient; one that is persistent, until it goes itself.
/// Where the function can be written as a closure, `gradient(at:of:)` does the same work, keeps nothing, and compiles.
public final class GradientTape: Sendable {
  private let recorder = TapeRecorder()
  private let isPersistent: Bool
  private let isUsed = Lock(false)

  /// - Parameter persistent: whether more than one gradient may be taken.
  public init(persistent: Bool = false) { isPersistent = persistent }

  /// Runs `body` and records its operations. It may be called again to record more.
  public func record<Result>(_ body: () throws -> Result) rethrows -> Result {
    let outer = RecordingTapes.current
    let tapes = outer?.contains(recorder) == true ? outer : RecordingTapes(recorder, outer: outer)
    return try Ambient.with(tapes: tapes, body)
  }

  /// Follows the real tensors of `trees` from here on: gradients can be taken with respect to them.
  ///
  /// A tensor that the tape has used already (`tape.C5`), or of a trace (`tape.C2`), is a diagnostic.
  public func watch<each Tree: TensorTree>(_ tree: repeat each Tree) {
    let signature = signature("tensor", of: repeat each tree)
    if let failure = signature.treeFailure { _ = Failure.poison(failure, TensorType(.f32, .scalar)) }
    for core in signature.leaves where core.dtype.isReal {
      if let diagnostic = recorder.watch(core) { _ = Failure.poison(diagnostic, core.type) }
    }
  }

  /// The derivative of the scalar `value` with respect to watched tensors: trees like `source`. That of a tensor that
  /// is not real, or that the value does not depend on, is zero.
  ///
  /// A value that the tape did not see made from watched tensors (`tape.C3`), a source that was not watched (`tape.C4`)
  /// and a second gradient of a tape that is not persistent (`tape.C1`) are diagnostics, as are a value that is not a
  /// real scalar (`gradient.C2`) and sources none of which is real (`gradient.C3`).
  public func gradient<Scalar: TensorReal, each Source: TensorTree>(
    of value: Tensor<Scalar>, with source: repeat each Source, file: StaticString = #filePath, line: UInt = #line
  ) -> (repeat each Source) {
    let location = SourceLocation(file, line)
    let signature = signature("source", of: repeat each source)
    let leaves = signature.leaves
    do throws(KilnError) {
      if let failure = signature.treeFailure { throw KilnError(failure) }
      return replacingTensors(of: repeat each source, by: try gradient(of: value.core, leaves, at: location))
    } catch {
      return poisoned(repeat each source, by: error.resolved(else: location))
    }
  }

  private func gradient(
    of value: TensorCore, _ leaves: [TensorCore], at location: SourceLocation
  ) throws(KilnError) -> [TensorCore] {
    let isSecond = isUsed.withLock { isUsed in
      defer { isUsed = true }
      return isUsed && !isPersistent
    }
    if isSecond {
      throw KilnError(
        "tape.C1", "this tape has given its gradient and forgotten what it recorded", at: location,
        notes: ["GradientTape(persistent: true) gives any number of gradients"])
    }
    defer { if !isPersistent { recorder.release() } }
    try requireReal(leaves, location)
    let real = leaves.filter(\.dtype.isReal)
    return filling(leaves.map(\.type), with: try recorder.gradient(of: value, with: real, at: location))
  }
}
