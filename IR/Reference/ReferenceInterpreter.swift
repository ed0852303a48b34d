/// Runs tensor functions instruction by instruction, each over whole arrays: slow, readable, and the meaning of the IR.
///
///     let results = try ReferenceInterpreter.run(module, function: "main", inputs: [x, y])
///
/// Constant folding uses `evaluate`, so a folded value is the interpreted value.
public enum ReferenceInterpreter {
  /// Larger values than this are not computed here.
  public static let maximumByteCount = 1 << 32

  /// The results of a function of a verified module.
  /// - Parameter inputs: one value per parameter, hidden ones included.
  /// - Throws: `run.C1` without such a function, `run.C2` for other inputs than the parameters say, `run.C3` for a
  ///   value too large to compute, `size.C1` to `size.C3` for inputs whose sizes do not fit, `gather.R1` and
  ///   `scatter.R1` for an index out of range, at the line of the op.
  public static func run(
    _ module: Module, function name: String, inputs: [TensorValue]
  ) throws(KilnError) -> [TensorValue] {
    try run(module, function: name, inputs: inputs, observing: nil)
  }

  /// Looks at an op that was evaluated, also in the functions that others run; ends the run where it gives false.
  package typealias Observer = (
    _ op: Op, _ operands: [TensorValue], _ results: [TensorValue], _ location: SourceLocation
  ) -> Bool

  /// As `run` without an observer, which ends the run with no results.
  package static func run(
    _ module: Module, function name: String, inputs: [TensorValue], observing observer: Observer?
  ) throws(KilnError) -> [TensorValue] {
    guard let function = module[name] else {
      let names = module.functions.map { "@\($0.name)" }.joined(separator: ", ")
      throw KilnError("run.C1", "there is no function @\(name); there are: \(names.isEmpty ? "none" : names)")
    }
    if function.isSymbolic {
      let bound = try module.bound(toArguments: inputs.map(\.type.shape), of: function)
      return try run(bound, function: name, inputs: inputs, observing: observer)
    }
    let (expected, found) = (function.parameters.map(\.type), inputs.map(\.type))
    guard expected == found else {
      throw KilnError(
        "run.C2",
        "@\(name) takes (\(expected.map(\.description).joined(separator: ", "))), "
          + "found (\(found.map(\.description).joined(separator: ", ")))")
    }
    // A stack of its own: a chain of many thousand calls must not overflow the thread's.
    var stack: [Activity] = [.function(Frame(function, inputs))]
    var returned: [TensorValue]?
    while !stack.isEmpty {
      switch try stack[stack.count - 1].advance(returned, in: module, observer) {
      case .start(let activity):
        stack.append(activity)
        returned = nil
      case .finished(let results):
        stack.removeLast()
        returned = results
      case .stopped: return []
      }
    }
    return returned ?? []
  }

  static func callee(_ name: String, in module: Module) throws(KilnError) -> Function {
    guard let function = module[name] else { throw KilnError("run.C1", "there is no function @\(name)") }
    return function
  }
}
