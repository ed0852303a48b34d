import KilnIR
import Testing

@Suite struct ScalarProgramTests {
  @Test("the builder interns equal instructions and drops what the result does not need") func interning() {
    var builder = ScalarProgram.Builder(parameters: [.f32])
    let x = builder.parameter(0)
    let one = builder.constant(Scalar(1 as Float))
    #expect(builder.add(x, one) == builder.add(x, builder.constant(Scalar(1 as Float))))
    #expect(builder.constant(Scalar(0 as Float)) != builder.constant(Scalar(-0.0 as Float)))
    _ = builder.sqrt(x)
    let program = builder.build(result: builder.multiply(x, x))
    #expect(program.instructions.count == 1)
    #expect(
      program.description == """
        scalar(%0: f32) -> f32 {
          %1: f32 = multiply(%0, %0)
          return %1
        }
        """)
  }

  @Test("a program can be the identity") func identity() {
    var builder = ScalarProgram.Builder(parameters: [.i8])
    let program = builder.build(result: builder.parameter(0))
    #expect(program.evaluate([Scalar(.i8, bits: 200)]) == Scalar(.i8, bits: 200))
    #expect(program.evaluate(columns: [[1, 2, 3]], count: 3) == [1, 2, 3])
    #expect(program.evaluate(columns: [[]], count: 0) == [])
  }

  @Test("inlining a program gives what it gives") func inlining() {
    let tanh = ScalarFunction.tanh.program(for: [.f32])
    var builder = ScalarProgram.Builder(parameters: [.f32, .f32])
    let sum = builder.add(builder.parameter(0), builder.parameter(1))
    let result = builder.inline(tanh, [sum])
    let program = builder.build(result: result)
    let expected = tanh.evaluate([Scalar(0.75 as Float)])
    #expect(program.evaluate([Scalar(0.5 as Float), Scalar(0.25 as Float)]) == expected)
  }

  @Test("scalar.C1: operands and the result are defined before their use") func undefinedOperand() {
    let forward = ScalarProgram(
      parameters: [.f32], instructions: [.operation(.negate, operands: [ScalarID(1)], dtype: .f32)], result: ScalarID(1)
    )
    #expect(throws: ConstraintFailure.self) { try forward.verify() }
    let missing = ScalarProgram(parameters: [.f32], instructions: [], result: ScalarID(1))
    let failure = #expect(throws: ConstraintFailure.self) { try missing.verify() }
    #expect(failure?.label == "scalar.C1")
  }

  @Test("scalar.C2: an instruction has the inferred dtype") func wrongDType() {
    let program = ScalarProgram(
      parameters: [.f32], instructions: [.operation(.negate, operands: [ScalarID(0)], dtype: .f64)], result: ScalarID(1)
    )
    let failure = #expect(throws: ConstraintFailure.self) { try program.verify() }
    #expect(failure?.label == "scalar.C2")
  }

  @Test(
    "primitives refuse what they are not defined on",
    arguments: [
      (Primitive.add, [DType.f32], "add.C0"), (.add, [.f32, .f64], "add.C1"), (.add, [.f16, .f16], "add.C2"),
      (.add, [.bool, .bool], "add.C2"), (.and, [.f32, .f32], "and.C2"), (.shiftLeft, [.bool, .bool], "shiftLeft.C2"),
      (.scaleByPowerOfTwo, [.f32, .f64], "scaleByPowerOfTwo.C1"),
      (.scaleByPowerOfTwo, [.i32, .i32], "scaleByPowerOfTwo.C2"),
      (.sqrt, [.i32], "sqrt.C2"), (.select, [.i8, .f32, .f32], "select.C2"),
      (.select, [.bool, .f32, .f64], "select.C1"), (.convert, [.f32], "convert.C3"), (.bitcast, [.f32], "bitcast.C3"),
      (.less, [.bool, .bool], "less.C2"), (.equal, [.bf16, .bf16], "equal.C2"),
    ] as [(Primitive, [DType], String)])
  func constraints(_ primitive: Primitive, _ operands: [DType], _ label: String) {
    let failure = #expect(throws: ConstraintFailure.self) { try primitive.resultDType(operands: operands) }
    #expect(failure?.label == label)
  }

  @Test("bitcast.C3: the widths agree") func bitcastWidth() {
    let failure = #expect(throws: ConstraintFailure.self) {
      try Primitive.bitcast.resultDType(operands: [.f32], target: .i64)
    }
    #expect(failure?.label == "bitcast.C3")
  }

  @Test("columns give the bits of scalars, over several blocks") func columns() {
    var generator = SplitMix(seed: 1)
    for function in ScalarFunction.allCases {
      for dtype in DType.allCases {
        var operands = [DType](repeating: dtype, count: function.arity)
        if function == .select { operands[0] = .bool }
        guard (try? function.resultDType(operands)) != nil else { continue }
        let program = function.program(for: operands)
        let count = 300
        let columns = operands.map { dtype in (0..<count).map { _ in generator.next() & dtype.bitMask } }
        let together = program.evaluate(columns: columns, count: count)
        for i in stride(from: 0, to: count, by: 37) {
          let alone = program.evaluate(zip(operands, columns).map { Scalar($0, bits: $1[i]) })
          #expect(alone.isIdentical(to: Scalar(program.resultDType, bits: together[i])), "\(function) \(dtype)")
        }
      }
    }
  }
}
