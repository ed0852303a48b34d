/// Ops that call functions, or speak to the transforms.
public enum ControlOp: Hashable, Sendable {
  /// Calls a function of the module. The last `captured` operands are values of the enclosing trace that the callee uses.
  case call(callee: String, captured: Int)
  /// The operand; derivatives stop here.
  case stopGradient

  var spelling: String {
    switch self {
    case .call: "call"
    case .stopGradient: "stopGradient"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .call(let callee, let captured):
      [NamedAttribute("callee", .symbol(callee))] + (captured == 0 ? [] : [NamedAttribute("captured", .integer(captured))])
    case .stopGradient: []
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> ControlOp? {
    switch spelling {
    case "call":
      try reader.allow("callee", "captured")
      let captured = reader["captured"] == nil ? 0 : try reader.integer("captured")
      return .call(callee: try reader.symbol("callee"), captured: captured)
    case "stopGradient":
      try reader.allow()
      return .stopGradient
    default: return nil
    }
  }

  func infer(_ operands: [TensorType], in module: Module) throws(ConstraintFailure) -> [TensorType] {
    switch self {
    case .call(let callee, let captured):
      guard let function = module[callee] else {
        throw ConstraintFailure("call.C1", "there is no function @\(callee) before this one")
      }
      let expected = function.signature.parameters
      try require(
        operands == expected, "call.C2",
        "@\(callee) takes (\(expected.map(\.description).joined(separator: ", "))), "
          + "found (\(operands.map(\.description).joined(separator: ", ")))")
      try require(
        captured >= 0 && captured <= operands.count, "call.C3",
        "\(captured) captured operands of \(operands.count) operands")
      return function.signature.results
    case .stopGradient:
      try requireOperands(1, operands, of: spelling)
      return operands
    }
  }
}
