import Kiln
import KilnIR
import KilnPasses

extension Backend {
  /// One instruction after the other, as eager code runs them.
  package static let eager = Backend("eager") { module, entry, inputs in
    let inputs = inputs.map { value in
      TensorCore.make(value.type) { bytes in value.bytes.withUnsafeBytes { bytes.copyMemory(from: $0) } }
    }
    let results = try withDiagnostics { try run(module.require(entry), in: module, inputs) }
    return try results.map { try TensorValue($0.type, bytes: Array($0.bytes)) }
  }

  private static func run(_ function: Function, in module: Module, _ inputs: [TensorCore]) throws -> [TensorCore] {
    var values = inputs
    for instruction in function.instructions.elements {
      let operands = instruction.operands.map { values[$0.index] }
      if case .control(let op) = instruction.op, op != .stopGradient {
        values += try call(instruction.op, in: module, operands)
      } else {
        values.append(emit(instruction.op, operands))
      }
    }
    return function.results.map { values[$0.index] }
  }

  /// An op that calls functions, as a program of its own: so do the closures of eager code.
  private static func call(_ op: Op, in module: Module, _ operands: [TensorCore]) throws -> [TensorCore] {
    var module = module
    var builder = FunctionBuilder(module.unusedName("call"), in: module)
    let parameters = operands.enumerated().map { builder.addParameter("x\($0)", $1.type) }
    let results = try builder.emit(op, parameters)
    try module.append(builder.finish(results))
    return try module.run(builder.name, operands.map { AnyTensor($0) }).map(\.core)
  }
}
