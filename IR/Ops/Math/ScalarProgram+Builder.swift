extension ScalarProgram {
  /// Builds a program instruction by instruction; equal instructions become one value.
  public struct Builder {
    public let parameters: [DType]
    public private(set) var instructions: [Instruction] = []
    private var interned: [Instruction: ScalarID] = [:]

    public init(parameters: [DType]) { self.parameters = parameters }

    public func parameter(_ index: Int) -> ScalarID { ScalarID(index) }

    public func dtype(of value: ScalarID) -> DType {
      value.index < parameters.count ? parameters[value.index] : instructions[value.index - parameters.count].dtype
    }

    /// The value of `instruction`, appended unless an equal one is there.
    ///
    /// - Throws: the constraint that the instruction breaks.
    public mutating func append(
      _ primitive: Primitive, _ operands: [ScalarID], target: DType? = nil
    ) throws(ConstraintFailure) -> ScalarID {
      let dtype = try primitive.resultDType(operands: operands.map { self.dtype(of: $0) }, target: target)
      return intern(.operation(primitive, operands: operands, dtype: dtype))
    }

    public mutating func constant(_ value: Scalar) -> ScalarID { intern(.constant(value)) }

    /// Appends another program applied to `operands`, which have the dtypes of its parameters; returns its result.
    public mutating func inline(_ program: ScalarProgram, _ operands: [ScalarID]) -> ScalarID {
      precondition(operands.map { dtype(of: $0) } == program.parameters, "operands fit the parameters")
      var values = operands
      values.reserveCapacity(program.valueCount)
      for instruction in program.instructions {
        switch instruction {
        case .constant:
          values.append(intern(instruction))
        case .operation(let primitive, let operands, let dtype):
          values.append(intern(.operation(primitive, operands: operands.map { values[$0.index] }, dtype: dtype)))
        }
      }
      return values[program.result.index]
    }

    /// The program with the result `result`, without the instructions that it does not need.
    ///
    /// Mutating only so that `build(result: builder.add(a, b))` sees the builder after its argument is emitted.
    public mutating func build(result: ScalarID) -> ScalarProgram {
      var needed = [Bool](repeating: false, count: parameters.count + instructions.count)
      needed[result.index] = true
      for (offset, instruction) in instructions.enumerated().reversed() where needed[parameters.count + offset] {
        if case .operation(_, let operands, dtype: _) = instruction {
          for operand in operands { needed[operand.index] = true }
        }
      }
      var renamed = parameters.indices.map { ScalarID($0) }
      var kept: [Instruction] = []
      for (offset, instruction) in instructions.enumerated() {
        renamed.append(ScalarID(parameters.count + kept.count))
        guard needed[parameters.count + offset] else { continue }
        switch instruction {
        case .constant:
          kept.append(instruction)
        case .operation(let primitive, let operands, let dtype):
          kept.append(.operation(primitive, operands: operands.map { renamed[$0.index] }, dtype: dtype))
        }
      }
      return ScalarProgram(parameters: parameters, instructions: kept, result: renamed[result.index])
    }

    private mutating func intern(_ instruction: Instruction) -> ScalarID {
      if let known = interned[instruction] { return known }
      let id = ScalarID(parameters.count + instructions.count)
      instructions.append(instruction)
      interned[instruction] = id
      return id
    }
  }
}

/// One function per primitive. An ill-typed call is a mistake in a table of this module and stops.
extension ScalarProgram.Builder {
  public mutating func emit(_ primitive: Primitive, _ operands: ScalarID..., target: DType? = nil) -> ScalarID {
    do {
      return try append(primitive, operands, target: target)
    } catch {
      preconditionFailure(error.description)
    }
  }

  public mutating func add(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.add, a, b) }
  public mutating func subtract(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.subtract, a, b) }
  public mutating func multiply(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.multiply, a, b) }
  public mutating func divide(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.divide, a, b) }
  public mutating func negate(_ a: ScalarID) -> ScalarID { emit(.negate, a) }
  public mutating func abs(_ a: ScalarID) -> ScalarID { emit(.abs, a) }
  public mutating func maximum(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.maximum, a, b) }
  public mutating func minimum(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.minimum, a, b) }
  public mutating func sqrt(_ a: ScalarID) -> ScalarID { emit(.sqrt, a) }
  /// a * b + c, rounded once.
  public mutating func fma(_ a: ScalarID, _ b: ScalarID, _ c: ScalarID) -> ScalarID { emit(.fma, a, b, c) }
  public mutating func floor(_ a: ScalarID) -> ScalarID { emit(.floor, a) }
  public mutating func round(_ a: ScalarID) -> ScalarID { emit(.round, a) }
  public mutating func scale(_ a: ScalarID, byPowerOfTwo n: ScalarID) -> ScalarID { emit(.scaleByPowerOfTwo, a, n) }
  public mutating func and(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.and, a, b) }
  public mutating func or(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.or, a, b) }
  public mutating func xor(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.xor, a, b) }
  public mutating func not(_ a: ScalarID) -> ScalarID { emit(.not, a) }
  public mutating func shiftLeft(_ a: ScalarID, _ amount: ScalarID) -> ScalarID { emit(.shiftLeft, a, amount) }
  public mutating func shiftRight(_ a: ScalarID, _ amount: ScalarID) -> ScalarID { emit(.shiftRight, a, amount) }
  public mutating func equal(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.equal, a, b) }
  public mutating func less(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.less, a, b) }
  public mutating func lessEqual(_ a: ScalarID, _ b: ScalarID) -> ScalarID { emit(.lessEqual, a, b) }
  /// `a` where `condition` holds, else `b`.
  public mutating func select(_ condition: ScalarID, _ a: ScalarID, _ b: ScalarID) -> ScalarID {
    emit(.select, condition, a, b)
  }
  /// `a` converted to `dtype`; `a` itself where it has that dtype.
  public mutating func convert(_ a: ScalarID, to dtype: DType) -> ScalarID {
    self.dtype(of: a) == dtype ? a : emit(.convert, a, target: dtype)
  }
  public mutating func bitcast(_ a: ScalarID, to dtype: DType) -> ScalarID { emit(.bitcast, a, target: dtype) }
}
