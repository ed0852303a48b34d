public import Kiln

/// Ends the training with an error when the loss of a step is NaN (`training.C5`). The message has the step, and the
/// operation that made the first NaN or the tensor that brought it; the state is that before the step.
///
/// ```swift
/// let callbacks: [any TrainingCallback] = [ProgressLine(), NaNStop()]
/// ```
/// While nothing is wrong it costs a copy of the state in each epoch. To find the step at fault, the epoch is gone
/// through again, so its batches have to be the same; the operation is found by the interpreter.
public struct NaNStop: TrainingCallback {
  /// Ends the training at a NaN.
  public init() {}

  public var stopsAtNaN: Bool { true }
  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {}
}

extension TrainingStep {
  /// Goes through the steps of an epoch that has met a NaN, up to the one that makes it, and finds the operation.
  mutating func faultOfNaN(
    from start: TrainingState<Model, Rule, Scalar>, _ batches: some Sequence<(Model.Input, Target)>, epoch: Int
  ) throws(KilnError) -> KilnError {
    state = start
    var number = 0
    var iterator = batches.makeIterator()
    while let (input, target) = try nextBatch(&iterator) {
      number += 1
      let before = state
      let loss = try run(input, target)
      // The loss is that before the step, so parameters may be NaN a step earlier.
      guard loss.item.isNaN || state.tensors.contains(where: { $0.tensor.hasNaN }) else { continue }
      state = before
      let step = "step \(number) of epoch \(epoch)"
      guard let origin = try originOfNaN(before, input, target) else { break }
      return KilnError.atCall("training.C5", "\(step) makes a NaN: \(origin.message)", notes: origin.notes)
    }
    return KilnError.atCall(
      "training.C5",
      "a loss of epoch \(epoch) is NaN; gone through again it is not, so the batches were not the same")
  }

  private func originOfNaN(
    _ state: TrainingState<Model, Rule, Scalar>, _ input: Model.Input, _ target: Target
  ) throws(KilnError) -> NaNOrigin? {
    let program = try trace(state, input, target) { state, input, target in
      var state = state
      let loss = body(&state, input, target)
      return (loss, state)
    }
    let inputs = state.tensors + input.tensors + target.tensors
    return try program.originOfNaN(inputs.map(\.tensor))
  }
}

extension NaNOrigin {
  fileprivate var message: String {
    switch self {
    case .input(let name, let type):
      // The arguments of the step.
      if name.hasPrefix("arg1") {
        "the input of the batch has one already (\(name.dropFirst(4))\(type))"
      } else if name.hasPrefix("arg2") {
        "the target of the batch has one already (\(name.dropFirst(4))\(type))"
      } else {
        "\(name.hasPrefix("arg0.") ? String(name.dropFirst(5)) : name) has one already (\(type))"
      }
    case .operation(let op, let result, _, let location):
      "the first comes from `\(op)` at \(location), in \(result)"
    }
  }

  fileprivate var notes: [String] {
    guard case .operation(_, _, let operands, _) = self else { return [] }
    return operands.enumerated().map { "operand \($0) is \($1)" } + ["the state is that before the step"]
  }
}

extension AnyTensor {
  /// Whether any element is NaN.
  fileprivate var hasNaN: Bool {
    if let numbers = scalars(as: Float.self) { return numbers.contains(where: \.isNaN) }
    return scalars(as: Double.self)?.contains(where: \.isNaN) ?? false
  }
}
