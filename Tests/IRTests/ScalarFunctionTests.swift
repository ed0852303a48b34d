import KilnIR
import Testing

@Suite struct ScalarFunctionTests {
  @Test("spellings read back") func spellings() {
    for function in ScalarFunction.allCases {
      #expect(ScalarFunction(spelling: function.spelling) == function)
    }
    #expect(ScalarFunction(spelling: "expm1") == nil)
  }

  @Test("every function has a verified program on every dtype that its type rule allows") func programs() throws {
    for function in ScalarFunction.allCases {
      var defined = 0
      for dtype in DType.allCases {
        var operands = [DType](repeating: dtype, count: function.arity)
        if function == .select { operands[0] = .bool }
        guard let result = try? function.resultDType(operands) else { continue }
        let program = function.program(for: operands)
        try program.verify()
        #expect(program.parameters == operands)
        #expect(program.resultDType == result)
        #expect(program == function.program(for: operands))
        defined += 1
      }
      #expect(defined > 0, "\(function) is defined on no dtype")
    }
  }

  @Test("E3: f32 tables use f32, 32-bit integers and bool only") func singleTables() {
    for function in ScalarFunction.allCases {
      let operands = [DType](repeating: .f32, count: function.arity)
      guard (try? function.resultDType(operands)) != nil else { continue }
      for instruction in function.program(for: operands).instructions {
        #expect([.f32, .i32, .u32, .bool].contains(instruction.dtype), "\(function): \(instruction)")
      }
    }
  }

  @Test(
    "type rules by label",
    arguments: [
      (ScalarFunction.add, [DType.f32], "add.C0"), (.add, [.f32, .f64], "add.C1"), (.add, [.bool, .bool], "add.C2"),
      (.exp, [.i32], "exp.C2"), (.and, [.f32, .f32], "and.C2"), (.shiftLeft, [.bool, .bool], "shiftLeft.C2"),
      (.select, [.i32, .f32, .f32], "select.C3"), (.select, [.bool, .f32, .i32], "select.C1"),
      (.clamp, [.f32, .f32, .f64], "clamp.C1"), (.fma, [.i32, .i32, .i32], "fma.C2"),
      (.less, [.bool, .bool], "less.C2"),
      (.isFinite, [.u8], "isFinite.C2"), (.power, [.i32, .i32], "power.C2"), (.not, [.f16], "not.C2"),
      (.tan, [.i32], "tan.C2"), (.atan2, [.f32], "atan2.C0"), (.atan2, [.f32, .f64], "atan2.C1"),
      (.nextAfter, [.i32, .i32], "nextAfter.C2"), (.populationCount, [.f32], "populationCount.C2"),
      (.countLeadingZeros, [.bool], "countLeadingZeros.C2"), (.isNaN, [.i8], "isNaN.C2"),
    ] as [(ScalarFunction, [DType], String)])
  func constraints(_ function: ScalarFunction, _ operands: [DType], _ label: String) {
    let failure = #expect(throws: ConstraintFailure.self) { try function.resultDType(operands) }
    #expect(failure?.label == label)
  }

  private func value(_ function: ScalarFunction, _ operands: [Double], _ dtype: DType = .f32) -> Scalar {
    function.program(for: operands.map { _ in dtype }).evaluate(operands.map { Scalar(dtype, $0) })
  }

  @Test("exact functions", arguments: [DType.f32, .f64, .f16, .bf16]) func exactFunctions(_ dtype: DType) {
    func expect(_ function: ScalarFunction, _ operands: [Double], _ expected: Double) {
      let found = value(function, operands, dtype)
      #expect(found.isIdentical(to: Scalar(dtype, expected)), "\(function)(\(operands)) of \(dtype) is \(found)")
    }
    for (x, sign) in [(3.0, 1.0), (-2, -1), (0, 0), (-0.0, -0.0), (.infinity, 1), (-.infinity, -1), (.nan, .nan)] {
      expect(.sign, [x], sign)
      expect(.abs, [x], x.magnitude)
      expect(.negate, [x], -x)
    }
    expect(.rsqrt, [4], 0.5)
    expect(.rsqrt, [0], .infinity)
    expect(.rsqrt, [-0.0], -.infinity)
    expect(.rsqrt, [.infinity], 0)
    expect(.rsqrt, [-1], .nan)
    expect(.clamp, [5, 0, 1], 1)
    expect(.clamp, [-5, 0, 1], 0)
    expect(.clamp, [.nan, 0, 1], .nan)
    expect(.clamp, [0.5, 1, 0], 0)
    expect(.maximum, [-0.0, 0], 0)
    expect(.round, [2.5], 2)
    expect(.fma, [2, 3, 4], 10)
    for (x, finite) in [(1.0, true), (-0.0, true), (.infinity, false), (-.infinity, false), (.nan, false)] {
      #expect(value(.isFinite, [x], dtype) == Scalar(finite))
    }
    for function in [ScalarFunction.less, .lessEqual, .greater, .greaterEqual, .equal] {
      #expect(value(function, [.nan, 1], dtype) == Scalar(false))
    }
    #expect(value(.notEqual, [.nan, .nan], dtype) == Scalar(true))
    #expect(value(.greater, [2, 1], dtype) == Scalar(true))
    #expect(value(.greaterEqual, [1, 1], dtype) == Scalar(true))
  }

  @Test("sign of integers") func integerSign() {
    let program = ScalarFunction.sign.program(for: [.i8])
    #expect(program.evaluate(columns: [[0, 5, 0x80, 0xFF]], count: 4) == [0, 1, 0xFF, 0xFF])
    #expect(ScalarFunction.sign.program(for: [.u8]).evaluate(columns: [[0, 5, 0xFF]], count: 3) == [0, 1, 1])
  }

  @Test("E7: f16 and bf16 compute in f32 and round once after the op") func smallReals() {
    // 2049 does not exist in f16, so two additions stay where one f32 sum would not.
    let one = ScalarFunction.add.program(for: [.f16, .f16])
    let first = one.evaluate([Scalar(.f16, 2048), Scalar(.f16, 1)])
    #expect(one.evaluate([first, Scalar(.f16, 1)]) == Scalar(.f16, 2048))
    for function in [ScalarFunction.exp, .tanh, .log, .sqrt] {
      for dtype in [DType.f16, .bf16] {
        let wide = function.program(for: [.f32])
        let narrow = function.program(for: [dtype])
        for bits in stride(from: UInt64(0), to: 0x10000, by: 97) {
          let x = Scalar(dtype, bits: bits)
          let expected = wide.evaluate([x.converted(to: .f32)]).converted(to: dtype)
          #expect(narrow.evaluate([x]).isIdentical(to: expected))
        }
      }
    }
  }
}
