/// A value of a `ScalarProgram`: parameters first, then instructions.
public struct ScalarID: EntityID {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

extension ScalarID: CustomStringConvertible {
  public var description: String { "%\(rawValue)" }
}

/// A function of scalars as data: straight-line SSA over `Primitive`s with one result.
///
/// Programs are what the map op means: the interpreters evaluate them, lowering inlines them, the back ends emit them.
public struct ScalarProgram: Hashable, Sendable {
  public enum Instruction: Hashable, Sendable {
    case constant(Scalar)
    case operation(Primitive, operands: [ScalarID], dtype: DType)

    /// The dtype of the value that the instruction defines.
    public var dtype: DType {
      switch self {
      case .constant(let scalar): scalar.dtype
      case .operation(_, operands: _, let dtype): dtype
      }
    }
  }

  public let parameters: [DType]
  public let instructions: [Instruction]
  public let result: ScalarID

  public init(parameters: [DType], instructions: [Instruction], result: ScalarID) {
    self.parameters = parameters
    self.instructions = instructions
    self.result = result
  }

  /// A program of one primitive.
  public init(_ primitive: Primitive, parameters: [DType], dtype: DType) {
    self.init(
      parameters: parameters,
      instructions: [.operation(primitive, operands: parameters.indices.map { ScalarID($0) }, dtype: dtype)],
      result: ScalarID(parameters.count))
  }

  /// The number of values: parameters and instructions.
  public var valueCount: Int { parameters.count + instructions.count }

  /// The number of operations; constants are not counted.
  public var operationCount: Int {
    instructions.count { if case .operation = $0 { true } else { false } }
  }

  public func dtype(of value: ScalarID) -> DType {
    value.index < parameters.count ? parameters[value.index] : instructions[value.index - parameters.count].dtype
  }

  public var resultDType: DType { dtype(of: result) }
}

extension ScalarProgram {
  /// Checks the program.
  ///
  /// - Throws: `scalar.C1` an operand or the result that is not defined before its use, `scalar.C2` an instruction
  ///   whose dtype is not the inferred one, or the constraint of a primitive.
  public func verify() throws(ConstraintFailure) {
    for (offset, instruction) in instructions.enumerated() {
      guard case .operation(let primitive, let operands, let dtype) = instruction else { continue }
      let id = ScalarID(parameters.count + offset)
      for operand in operands where operand >= id {
        throw ConstraintFailure("scalar.C1", "\(id) uses \(operand), which is not defined before it")
      }
      let inferred = try primitive.resultDType(operands: operands.map { self.dtype(of: $0) }, target: dtype)
      guard inferred == dtype else {
        throw ConstraintFailure("scalar.C2", "\(id) is \(inferred), not \(dtype)")
      }
    }
    guard result.index < valueCount else {
      throw ConstraintFailure("scalar.C1", "the result \(result) is not defined")
    }
  }
}

extension ScalarProgram: CustomStringConvertible {
  public var description: String {
    let list = parameters.enumerated().map { "%\($0.offset): \($0.element)" }.joined(separator: ", ")
    var lines = ["scalar(\(list)) -> \(resultDType) {"]
    for (offset, instruction) in instructions.enumerated() {
      let head = "  %\(parameters.count + offset): \(instruction.dtype) = "
      switch instruction {
      case .constant(let value):
        lines.append(head + value.description)
      case .operation(let primitive, let operands, dtype: _):
        lines.append(head + "\(primitive.spelling)(\(operands.map(\.description).joined(separator: ", ")))")
      }
    }
    lines.append("  return \(result)")
    lines.append("}")
    return lines.joined(separator: "\n")
  }
}
