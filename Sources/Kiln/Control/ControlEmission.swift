import KilnIR
import KilnPasses

/// Records a control op in the current trace, or runs it.
enum ControlEmission {
  /// What a captured value is, so that two closures that use it share a parameter.
  private enum Identity: Hashable {
    case object(ObjectIdentifier)
    case value(trace: ObjectIdentifier, ValueID)

    init(_ capture: Trace.Capture) {
      switch capture {
      case .variable(let variable): self = .object(ObjectIdentifier(variable))
      case .tensor(let core):
        if let (trace, value) = core.traced {
          self = .value(trace: ObjectIdentifier(trace), value)
        } else {
          self = .object(ObjectIdentifier(core))
        }
      }
    }
  }

  /// - Parameters:
  ///   - functions: traced inside the current trace. All take the same parameters, but for what they captured.
  ///   - arguments: the operands but for the captured ones, in order.
  ///   - parameterCount: how many parameters each function has beside its captured ones.
  ///   - op: the op, given the names of the functions and the number of captured operands.
  static func emit(
    _ functions: [RecordedFunction], parameterCount: Int, _ arguments: [TensorCore],
    op: ([String], Int) -> ControlOp
  ) throws(KilnError) -> [TensorCore] {
    let outer = Trace.current
    var captures: [Trace.Capture] = []
    var places: [Identity: Int] = [:]
    let own = functions.map { function in
      function.captures.map { capture in
        let identity = Identity(capture)
        if let place = places[identity] { return place }
        places[identity] = captures.count
        captures.append(capture)
        return captures.count - 1
      }
    }
    let captured = captures.map { $0.core(in: outer) }
    var module = outer?.module ?? Module()
    var names: [String] = []
    for (recorded, own) in zip(functions, own) {
      let renamed: [String: String]
      do { renamed = try module.link(recorded.callees) } catch { throw KilnError(error) }
      let function = recorded.function.replacingCallees(renamed)
      names.append(
        try module.add(
          function, as: function.name, arguments: parameterCount, capturing: captured.map(\.type), places: own))
    }
    let op = op(names, captures.count)
    let operands = arguments + captured
    if let outer {
      let types = try inferred(op, operands, in: module)
      return outer.recordControl(op, in: module, operands) ?? types.map { Failure.lastPoison($0) }
    }
    return try run(op, operands, in: module)
  }

  private static func inferred(
    _ op: ControlOp, _ operands: [TensorCore], in module: Module
  ) throws(KilnError) -> [TensorType] {
    do throws(ConstraintFailure) {
      var sizes = SizeQuestions()
      // What only a call decides is asked where the op is recorded.
      return try Op.control(op).infer(operands.map(\.type), in: module, &sizes)
    } catch {
      throw KilnError(error)
    }
  }

  /// As a program of its own.
  private static func run(
    _ op: ControlOp, _ operands: [TensorCore], in module: Module
  ) throws(KilnError) -> [TensorCore] {
    var builder = FunctionBuilder(module.unusedName("main"), in: module)
    var module = module
    do throws(ConstraintFailure) {
      let values = operands.enumerated().map { builder.addParameter("x\($0)", $1.type) }
      let results = try builder.emit(.control(op), values)
      try module.append(builder.finish(results))
    } catch {
      throw KilnError(error)
    }
    return try Programs.run(module, builder.name, operands)
  }
}
