import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// The derivatives of branches and scans, against central differences, of the first and the second order.
@Suite struct ControlGradientTests {
  struct Case: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var testDescription: String { name }

    init(_ name: String, _ text: String) { (self.name, self.text) = (name, text) }

    /// Numbers of moderate size; a predicate is true, an integer small.
    func check() throws -> GradientCheck {
      let module = try Module(parsing: text, file: name)
      var random = SplitMix64(seed: 5)
      let inputs = try (module["main"]?.parameters ?? []).map { parameter -> TensorValue in
        let count = parameter.type.shape.elementCount
        switch parameter.type.dtype {
        case .f64:
          let numbers = (0..<count).map { _ in Double.random(in: 0.3...1.2, using: &random) }
          return try TensorValue(numbers, shape: parameter.type.shape)
        case .bool: return try TensorValue(parameter.type, bits: Array(repeating: 1, count: count))
        default: return try TensorValue(parameter.type, bits: (0..<count).map { UInt64($0) })
        }
      }
      return GradientCheck(module, inputs)
    }
  }

  static let cases: [Case] = [
    Case(
      "a branch on a parameter",
      """
      func @a(%x: f64[3], %y: f64[3]) -> (f64[3], f64[3]) {
        %0: f64[3] = multiply(%x, %y)
        %1: f64[3] = sin(%0)
        return %1, %x
      }

      func @b(%x: f64[3], %y: f64[3]) -> (f64[3], f64[3]) {
        %0: f64[3] = exp(%x)
        return %0, %0
      }

      func @main(%p: bool[], %x: f64[3], %y: f64[3]) -> (f64[]) {
        %0: f64[3], %1: f64[3] = cond(%p, %x, %y) {then = @a, else = @b}
        %2: bool[] = not(%p)
        %3: f64[3], %4: f64[3] = cond(%2, %0, %1) {then = @a, else = @b}
        %5: f64[3] = multiply(%3, %1)
        %6: f64[] = reduce(%5) {kind = sum, axes = [0]}
        return %6
      }
      """),
    Case(
      "a recurrent cell",
      """
      func @cell(%n: i32[], %h: f64[2,3], %x: f64[2,3], %w: f64[3,3]) -> (i32[], f64[2,3], f64[2,3]) {
        %0: f64[2,3] = dot(%h, %w) {batch = [], contract = [[1, 0]]}
        %1: f64[2,3] = add(%0, %x)
        %2: f64[2,3] = tanh(%1)
        %3: f64[2,3] = multiply(%2, %x)
        %4: i32[] = constant() {value = 1}
        %5: i32[] = add(%n, %4)
        %6: f64[] = convert(%5)
        %7: f64[2,3] = broadcast(%6) {axes = []}
        %8: f64[2,3] = divide(%3, %7)
        return %5, %2, %8
      }

      func @main(%h: f64[2,3], %xs: f64[4,2,3], %w: f64[3,3]) -> (f64[]) {
        %0: i32[] = constant() {value = 0}
        %1: i32[], %2: f64[2,3], %3: f64[4,2,3] = scan(%0, %h, %xs, %w) {body = @cell, carried = 2, captured = 1, length = 4}
        %4: i32[], %5: f64[2,3], %6: f64[4,2,3] = scan(%1, %2, %3, %w) {body = @cell, carried = 2, captured = 1, length = 4, reverse = true}
        %7: f64[4,2,3] = multiply(%6, %6)
        %8: f64[] = reduce(%7) {kind = sum, axes = [0, 1, 2]}
        %9: f64[2,3] = exp(%5)
        %10: f64[] = reduce(%9) {kind = sum, axes = [0, 1]}
        %11: f64[] = add(%8, %10)
        return %11
      }
      """),
    Case(
      "carried values that start or end outside of the derivative",
      """
      func @body(%a: f64[2], %b: f64[2], %c: f64[2], %x: f64[2], %k: f64[2]) -> (f64[2], f64[2], f64[2], f64[2]) {
        %0: f64[2] = multiply(%a, %x)
        %1: f64[2] = add(%b, %0)
        %2: f64[2] = constant() {value = 0.5}
        %3: f64[2] = multiply(%k, %k)
        %4: f64[2] = multiply(%1, %3)
        return %0, %1, %2, %4
      }

      func @main(%x: f64[3,2], %c: f64[2], %k: f64[2]) -> (f64[]) {
        %0: f64[2] = constant() {value = 1.0}
        %1: f64[2] = constant() {value = 0.0}
        %2: f64[2], %3: f64[2], %4: f64[2], %5: f64[3,2] = scan(%0, %1, %c, %x, %k) {body = @body, carried = 3, captured = 1, length = 3}
        %6: f64[2] = multiply(%3, %4)
        %7: f64[] = reduce(%6) {kind = sum, axes = [0]}
        %8: f64[] = reduce(%5) {kind = sum, axes = [0, 1]}
        %9: f64[] = add(%7, %8)
        return %9
      }
      """),
    Case(
      "a scan in a scan, with a branch in it",
      """
      func @up(%s: f64[2], %x: f64[2]) -> (f64[2]) {
        %0: f64[2] = multiply(%s, %x)
        return %0
      }

      func @down(%s: f64[2], %x: f64[2]) -> (f64[2]) {
        %0: f64[2] = sin(%s)
        return %0
      }

      func @inner(%s: f64[2], %x: f64[2], %p: bool[], %k: f64[2]) -> (f64[2], f64[2]) {
        %0: f64[2] = cond(%p, %s, %x) {then = @up, else = @down}
        %1: f64[2] = multiply(%0, %k)
        return %1, %0
      }

      func @outer(%p: bool[], %s: f64[2], %xs: f64[3,2], %k: f64[2]) -> (bool[], f64[2], f64[3,2]) {
        %0: f64[2], %1: f64[3,2] = scan(%s, %xs, %p, %k) {body = @inner, carried = 1, captured = 2, length = 3}
        %2: bool[] = not(%p)
        return %2, %0, %1
      }

      func @main(%p: bool[], %s: f64[2], %xs: f64[2,3,2], %k: f64[2]) -> (f64[]) {
        %0: bool[], %1: f64[2], %2: f64[2,3,2] = scan(%p, %s, %xs, %k) {body = @outer, carried = 2, captured = 1, length = 2}
        %3: f64[2,3,2] = multiply(%2, %2)
        %4: f64[] = reduce(%3) {kind = sum, axes = [0, 1, 2]}
        %5: f64[] = reduce(%1) {kind = sum, axes = [0]}
        %6: f64[] = add(%4, %5)
        return %6
      }
      """),
    Case(
      "a scan in a branch, and one without turns",
      """
      func @square(%s: f64[2]) -> (f64[2]) {
        %0: f64[2] = multiply(%s, %s)
        return %0
      }

      func @much(%s: f64[2]) -> (f64[2]) {
        %0: f64[2] = scan(%s) {body = @square, carried = 1, length = 3}
        return %0
      }

      func @none(%s: f64[2]) -> (f64[2]) {
        %0: f64[2] = constant() {value = 2.0}
        return %0
      }

      func @main(%p: bool[], %s: f64[2]) -> (f64[]) {
        %0: f64[2] = cond(%p, %s) {then = @much, else = @none}
        %1: f64[2] = scan(%0) {body = @square, carried = 1, length = 0}
        %2: f64[] = reduce(%1) {kind = sum, axes = [0]}
        return %2
      }
      """),
  ]

  @Test("The first derivative agrees with central differences", arguments: cases)
  func first(_ test: Case) throws { try test.check().expectFirstDerivative(Comment(rawValue: test.name)) }

  @Test("The second derivative agrees with central differences", arguments: cases)
  func second(_ test: Case) throws { try test.check().expectSecondDerivative(Comment(rawValue: test.name)) }

  @Test("Derived programs give the reference's bits from the plan, fused and not", arguments: cases, [true, false])
  func lowered(_ test: Case, _ fuses: Bool) throws {
    let check = try test.check()
    let first = try Differentiation.gradient(of: "main", in: check.module, withRespectTo: check.realParameters)
    for name in [first.name] {
      let program = RandomProgram(module: first.module, entry: name, inputs: check.inputs)
      let reason = program.disagreement { program in
        let options = CompilationOptions(fuses: fuses)
        let plan = try Compilation(program.module, entry: name, for: .testCPU, options: options).plan
        return try PlanInterpreter.run(plan, inputs: program.inputs)
      }
      #expect(reason == nil, "\(test.name), \(name)")
    }
  }

  @Test("A scan saves what its pullback reads and nothing at hand")
  func saved() throws {
    let module = try Module(
      parsing: """
        func @cell(%h: f64[3], %x: f64[3], %w: f64[3]) -> (f64[3]) {
          %0: f64[3] = multiply(%h, %w)
          %1: f64[3] = add(%0, %x)
          %2: f64[3] = tanh(%1)
          return %2
        }

        func @main(%h: f64[3], %xs: f64[5,3], %w: f64[3]) -> (f64[]) {
          %0: f64[3] = scan(%h, %xs, %w) {body = @cell, carried = 1, captured = 1, length = 5}
          %1: f64[] = reduce(%0) {kind = sum, axes = [0]}
          return %1
        }
        """, file: "saved")
    let derived = try Differentiation.gradient(of: "main", in: module, withRespectTo: [0, 1, 2]).module
    let forward = try #require(derived["cell_forward"])
    // The next h; then h (for the gradient by w) and tanh's own value. The cotangent by xs reads no xs.
    #expect(forward.results.count == 3)
    let backward = try #require(derived["cell_backward"])
    // The cotangent of h, the sum for w, two saved values, and w.
    #expect(backward.parameters.count == 5)
  }

  @Test("A while has no derivative in reverse, and names what has")
  func whileLoop() throws {
    let module = try Module(
      parsing: """
        func @isSmall(%x: f64[]) -> (bool[]) {
          %0: f64[] = constant() {value = 10.0}
          %1: bool[] = less(%x, %0)
          return %1
        }

        func @double(%x: f64[]) -> (f64[]) {
          %0: f64[] = add(%x, %x)
          return %0
        }

        func @main(%x: f64[]) -> (f64[]) {
          %0: f64[] = while(%x) {condition = @isSmall, body = @double}
          return %0
        }
        """, file: "while")
    let error = #expect(throws: KilnError.self) {
      try Differentiation.gradient(of: "main", in: module, withRespectTo: [0])
    }
    let diagnostic = try #require(error?.diagnostics.first)
    #expect(diagnostic.label == "differentiate.C1")
    #expect(diagnostic.message.contains("scan") && diagnostic.message.contains("fori"))
    #expect(diagnostic.location == .position(file: "while", line: 13, column: 3))
  }
}
