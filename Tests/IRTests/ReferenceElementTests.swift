import Foundation
import KilnIR
import KilnTesting
import Testing

@Suite("Reference: elements") struct ReferenceElementTests {
  func map(_ function: ScalarFunction, _ operands: TensorValue...) throws -> TensorValue {
    try ReferenceReductionTests.evaluate(.map(function), operands)
  }

  func vector<Element: NativeElement>(_ elements: [Element]) throws -> TensorValue {
    try TensorValue(elements, shape: [Dimension(elements.count)])
  }

  static let specials: [Float] = [
    0, -0.0, 1, -1, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, .greatestFiniteMagnitude,
    -.greatestFiniteMagnitude,
    .infinity, -.infinity, .nan, 0.1, -2.5,
  ]

  /// Every pair of special values, as two columns.
  static let pairs = specials.flatMap { a in specials.map { (a, $0) } }

  @Test("E4: maximum and minimum give NaN for NaN, and -0 < +0")
  func extremes() throws {
    let (x, y) = (try vector(Self.pairs.map(\.0)), try vector(Self.pairs.map(\.1)))
    let (largest, smallest) = (try map(.maximum, x, y), try map(.minimum, x, y))
    for (i, (a, b)) in Self.pairs.enumerated() {
      let expected: (Float, Float)
      if a.isNaN || b.isNaN {
        expected = (.nan, .nan)
      } else if a == 0 && b == 0 {
        expected = (a.sign == .plus ? a : b, a.sign == .minus ? a : b)
      } else {
        expected = (Swift.max(a, b), Swift.min(a, b))
      }
      #expect(largest[i].isIdentical(to: Scalar(expected.0)), "maximum(\(a), \(b))")
      #expect(smallest[i].isIdentical(to: Scalar(expected.1)), "minimum(\(a), \(b))")
    }
  }

  @Test("E6: reals become integers toward zero, saturating, NaN is 0")
  func realsToIntegers() throws {
    let x: [Double] = [
      0, -0.0, 0.99, -0.99, 127.5, 128, -128.9, -129, 255.9, 256, 1e10, -1e10, 1e300, .infinity, -.infinity, .nan,
    ]
    func check<Target: FixedWidthInteger & NativeElement>(_ type: Target.Type) throws {
      let expected = x.map { value -> Target in
        if value.isNaN { return 0 }
        let whole = value.rounded(.towardZero)
        return whole <= Double(Target.min) ? .min : whole >= Double(Target.max) ? .max : Target(whole)
      }
      let found = try ReferenceReductionTests.evaluate(.type(.convert(Target.dtype)), [vector(x)])
      #expect(try found.elements(as: type) == expected)
    }
    try check(Int8.self)
    try check(UInt8.self)
    try check(Int16.self)
    try check(UInt16.self)
    try check(Int32.self)
    try check(UInt32.self)
    try check(Int64.self)
    try check(UInt64.self)
    let truth = try ReferenceReductionTests.evaluate(.type(.convert(.bool)), [vector(x)])
    #expect(try truth.elements(as: Bool.self) == x.map { $0 != 0 })
  }

  @Test("E6: integers become reals in one rounding")
  func integersToReals() throws {
    var random = SplitMix64(seed: 2)
    var x: [Int64] = [.max, .min, 1 << 24 + 1, 1 << 53 + 1, (1 << 53 + 1) << 8 | 1]
    for shift in 0..<500 as Range<Int64> { x.append(Int64.random(in: .min ... .max, using: &random) >> (shift % 64)) }
    #expect(
      try ReferenceReductionTests.evaluate(.type(.convert(.f32)), [vector(x)]).elements(as: Float.self)
        == x.map { Float($0) })
    #expect(
      try ReferenceReductionTests.evaluate(.type(.convert(.f64)), [vector(x)]).elements(as: Double.self)
        == x.map { Double($0) })
    let reals = x.map { Double($0) / 3 * 0x1p-50 }
    #expect(
      try ReferenceReductionTests.evaluate(.type(.convert(.f16)), [vector(reals)]).elements(as: Float16.self)
        == reals.map { Float16($0) })
  }

  @Test("E8: integer arithmetic on all pairs of i8")
  func integers() throws {
    let all = (Int8.min...Int8.max).map { $0 }
    let pairs = all.flatMap { a in all.map { (Int(a), Int($0)) } }
    let (x, y) = (try vector(pairs.map { Int8($0.0) }), try vector(pairs.map { Int8($0.1) }))
    func check(_ function: ScalarFunction, _ expected: (Int, Int) -> Int) throws {
      let found = try map(function, x, y).elements(as: Int8.self)
      #expect(found == pairs.map { Int8(truncatingIfNeeded: expected($0, $1)) }, "\(function)")
    }
    try check(.add, +)
    try check(.subtract, -)
    try check(.multiply, *)
    try check(.divide) { $1 == 0 ? -1 : $0 / $1 }
    try check(.remainder) { $1 == 0 ? $0 : $0 % $1 }
    try check(.shiftLeft) { a, n in n < 0 || n >= 8 ? 0 : a << n }
    try check(.shiftRight) { a, n in n < 0 || n >= 8 ? (a < 0 ? -1 : 0) : a >> n }
  }

  @Test("E9: remainder is the exact fmod")
  func remainder() throws {
    let x: [Double] = ReferenceReductionTests.numbers(300, seed: 1).map { $0 * 1e6 } + Self.pairs.map { Double($0.0) }
    let y: [Double] = ReferenceReductionTests.numbers(300, seed: 2) + Self.pairs.map { Double($0.1) }
    let found = try map(.remainder, vector(x), vector(y))
    for i in x.indices { #expect(found[i].isIdentical(to: Scalar(fmod(x[i], y[i]))), "remainder(\(x[i]), \(y[i]))") }
  }

  @Test("E9: ordered comparisons with NaN are false, notEqual is true")
  func comparisons() throws {
    let (x, y) = (try vector(Self.pairs.map(\.0)), try vector(Self.pairs.map(\.1)))
    func check(_ function: ScalarFunction, _ expected: (Float, Float) -> Bool) throws {
      #expect(try map(function, x, y).elements(as: Bool.self) == Self.pairs.map { expected($0, $1) }, "\(function)")
    }
    try check(.equal, ==)
    try check(.notEqual, !=)
    try check(.less, <)
    try check(.lessEqual, <=)
    try check(.greater, >)
    try check(.greaterEqual, >=)
  }

  @Test("E9: argReduce gives the first index, and the first NaN wins", arguments: [1, 2, 17, 100])
  func argReduce(_ size: Int) throws {
    var random = SplitMix64(seed: UInt64(size))
    for round in 0..<20 {
      var x = (0..<size).map { _ in Float(Int.random(in: -3...3, using: &random)) }
      if round % 4 == 0 { x[Int.random(in: 0..<size, using: &random)] = .nan }
      if round % 5 == 0 { x[Int.random(in: 0..<size, using: &random)] = -0.0 }
      let value = try vector(x)
      let nan = x.firstIndex { $0.isNaN }
      let largest = nan ?? x.firstIndex(of: x.max()!)!
      let smallest = nan ?? x.firstIndex(of: x.min()!)!
      let (max, min) = (Op.reduction(.argReduce(.max, axis: 0)), Op.reduction(.argReduce(.min, axis: 0)))
      #expect(try ReferenceReductionTests.evaluate(max, [value]).elements(as: Int32.self) == [Int32(largest)])
      #expect(try ReferenceReductionTests.evaluate(min, [value]).elements(as: Int32.self) == [Int32(smallest)])
    }
  }

  @Test("S2: movement and select copy bits, those of a NaN included")
  func bitsAreCopied() throws {
    let payload: [UInt64] = [0x7F80_0001, 0xFFC1_2345, 0x8000_0000, 1]
    let x = try TensorValue(TensorType(.f32, [2, 2]), bits: payload)
    let condition = try TensorValue([true, false, true, true], shape: [2, 2])
    let ops: [(Op, [TensorValue])] = [
      (.movement(.reshape([4])), [x]), (.movement(.broadcast([2, 2], axes: [0, 1])), [x]),
      (.movement(.slice(start: [0, 0], limit: [2, 2], stride: [1, 1])), [x]),
      (.movement(.reverse(axes: [])), [x]), (.movement(.transpose(permutation: [0, 1])), [x]),
      (.map(.select), [condition, x, x]), (.control(.stopGradient), [x]),
    ]
    for (op, operands) in ops {
      #expect(try ReferenceReductionTests.evaluate(op, operands).bits == payload, "\(op.spelling)")
    }
    let other = try TensorValue(TensorType(.f32, [2, 2]), bits: [0x7FC0_0000, 0x7FC0_0000, 0x8000_0000, 1])
    #expect(x.isIdentical(to: other))
    #expect(!x.isIdentical(to: try TensorValue(TensorType(.f32, [2, 2]), bits: [0x7FC0_0000, 0x7FC0_0000, 0, 1])))
  }

  @Test("A run that cannot be is an error that says why")
  func errors() throws {
    let text = """
      func @f(%x: f32[2], %i: i32[1]) -> (f32[1]) {
        %0: f32[1] = gather(%x, %i) {axis = 0, bounds = check}
        return %0
      }
      func @g(%x: f32[2], %i: i32[1]) -> (f32[1]) {
        %0: f32[1] = call(%x, %i) {callee = @f}
        return %0
      }
      func @huge() -> (u8[100000000000]) {
        %0: u8[100000000000] = iota() {axis = 0}
        return %0
      }
      """
    let module = try Module(parsing: text, file: "m.kiln")
    let x = try vector([1, 2] as [Float])
    func message(_ function: String, _ inputs: [TensorValue]) -> String {
      do throws(KilnError) {
        return "\(try ReferenceInterpreter.run(module, function: function, inputs: inputs))"
      } catch { return error.description }
    }
    #expect(
      message("g", [x, try vector([2] as [Int32])])
        == "m.kiln:2:3: error: index 2 is out of range for axis 0 of f32[2], which has 2 elements [gather.R1]")
    #expect(message("h", []).hasSuffix("there is no function @h; there are: @f, @g, @huge [run.C1]"))
    #expect(message("f", [x]).contains("@f takes (f32[2], i32[1]), found (f32[2]) [run.C2]"))
    #expect(message("huge", []).contains("[run.C3]"))
    #expect(throws: ConstraintFailure.self) { try TensorValue(TensorType(.f32, [3]), bytes: [0, 0]) }
    #expect(throws: ConstraintFailure.self) { try x.elements(as: Int32.self) }
    #expect(try TensorValue(TensorType(.bool, [3]), bytes: [0, 7, 255]).bytes == [0, 1, 1])
  }

  @Test("A chain of many calls does not overflow the stack")
  func deepCalls() throws {
    var module = Module()
    for i in 0..<20_000 {
      var builder = FunctionBuilder("f\(i)", in: module)
      var value = builder.addParameter("x", TensorType(.i32, .scalar))
      if i > 0 { value = try builder.emitOne(.control(.call(callee: "f\(i - 1)", captured: 0)), [value]) }
      builder.module = Module()
      try module.append(builder.finish([value]))
    }
    let x = try TensorValue([7] as [Int32], shape: .scalar)
    #expect(try ReferenceInterpreter.run(module, function: "f19999", inputs: [x]) == [x])
  }
}
