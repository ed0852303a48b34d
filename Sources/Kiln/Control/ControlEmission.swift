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
    let captured = captures.map { capture in
      switch capture {
      case .tensor(let core): core
      case .variable(let variable): outer?.read(variable) ?? variable.current
      }
    }
    var module = outer?.module ?? Module()
    var names: [String] = []
    for (function, own) in zip(functions, own) {
      names.append(
        try module.add(function, parameterCount: parameterCount, captured: captured.map(\.type), places: own))
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
      return try Op.control(op).infer(operands.map(\.type), in: module)
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

extension Module {
  /// Adds a traced function with its callees. Names that are taken by other functions give way to free ones.
  ///
  /// - Parameters:
  ///   - captured: the types of the captured parameters that it shall have.
  ///   - places: which of these its own captured parameters are.
  /// - Returns: its name here.
  fileprivate mutating func add(
    _ recorded: RecordedFunction, parameterCount: Int, captured: [TensorType], places: [Int]
  ) throws(KilnError) -> String {
    var names: [String: String] = [:]
    for callee in recorded.callees.functions {
      let callee = callee.replacingCallees { names[$0] ?? $0 }
      if self[callee.name] == callee {
        names[callee.name] = callee.name
      } else {
        let name = unusedName(callee.name)
        names[callee.name] = name
        try add(callee.renamed(name))
      }
    }
    let function = recorded.function.replacingCallees { names[$0] ?? $0 }
    var rewriter = Rewriter(unusedName(function.name), in: self)
    var arguments = function.parameters.prefix(parameterCount).map { rewriter.addParameter($0) }
    let hidden = captured.enumerated().map {
      rewriter.addParameter(Function.Parameter("captured\($0)", $1, isHidden: true))
    }
    arguments += places.map { hidden[$0] }
    let values = try rewriter.copyBody(of: function, arguments: arguments)
    try add(rewriter.finish(function.results.map { values[$0] }))
    return rewriter.name
  }
}

extension Function {
  /// The function with calls of others in the place of its own.
  func replacingCallees(_ transform: (String) -> String) -> Function {
    let replaced = instructions.elements.map { instruction in
      guard case .control(let op) = instruction.op else { return instruction }
      var instruction = instruction
      instruction.op = .control(op.replacingCallees(transform))
      return instruction
    }
    return Function(
      name: name, parameters: parameters, instructions: EntityTable(replaced), results: results, valueTypes: valueTypes,
      locations: locations)
  }
}
