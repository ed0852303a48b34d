import KilnIR
import Testing

/// Branches and loops as the reference runs them.
@Suite("Control flow on the reference") struct ControlReferenceTests {
  static let module = """
    func @negate(%x: f32[]) -> (f32[]) {
      %0: f32[] = negate(%x)
      return %0
    }

    func @same(%x: f32[]) -> (f32[]) {
      return %x
    }

    func @absolute(%x: f32[]) -> (f32[]) {
      %0: f32[] = constant() {value = 0.0}
      %1: bool[] = less(%x, %0)
      %2: f32[] = cond(%1, %x) {then = @negate, else = @same}
      return %2
    }

    func @isBelow(%i: i32[], %x: i32[], %n: i32[]) -> (bool[]) {
      %0: bool[] = less(%i, %n)
      return %0
    }

    func @step(%i: i32[], %x: i32[], %n: i32[]) -> (i32[], i32[]) {
      %0: i32[] = constant() {value = 1}
      %1: i32[] = add(%i, %0)
      %2: i32[] = multiply(%x, %1)
      return %1, %2
    }

    func @factorial(%n: i32[]) -> (i32[]) {
      %0: i32[] = constant() {value = 0}
      %1: i32[] = constant() {value = 1}
      %2: i32[], %3: i32[] = while(%0, %1, %n) {condition = @isBelow, body = @step, captured = 1}
      return %3
    }

    func @accumulate(%sum: i32[], %x: i32[], %scale: i32[]) -> (i32[], i32[]) {
      %0: i32[] = multiply(%x, %scale)
      %1: i32[] = add(%sum, %0)
      return %1, %1
    }

    func @sums(%x: i32[3], %scale: i32[]) -> (i32[], i32[3]) {
      %0: i32[] = constant() {value = 100}
      %1: i32[], %2: i32[3] = scan(%0, %x, %scale) {body = @accumulate, carried = 1, captured = 1, length = 3}
      return %1, %2
    }

    func @sumsFromTheEnd(%x: i32[3], %scale: i32[]) -> (i32[], i32[3]) {
      %0: i32[] = constant() {value = 100}
      %1: i32[], %2: i32[3] = scan(%0, %x, %scale) {body = @accumulate, carried = 1, captured = 1, length = 3, reverse = true}
      return %1, %2
    }

    func @none(%x: i32[0], %scale: i32[]) -> (i32[], i32[0]) {
      %0: i32[] = constant() {value = 100}
      %1: i32[], %2: i32[0] = scan(%0, %x, %scale) {body = @accumulate, carried = 1, captured = 1, length = 0}
      return %1, %2
    }
    """

  static func run(_ function: String, _ inputs: [TensorValue]) throws -> [TensorValue] {
    let module = try Module(parsing: Self.module, file: "control")
    #expect(Verifier.diagnostics(for: module) == [])
    #expect(try Module(parsing: module.description, file: "printed") == module)
    return try ReferenceInterpreter.run(module, function: function, inputs: inputs)
  }

  @Test("A predicate chooses a branch", arguments: [(-2.5, 2.5), (3, 3)] as [(Float, Float)])
  func branches(_ x: Float, _ expected: Float) throws {
    #expect(try Self.run("absolute", [TensorValue([x], shape: .scalar)]) == [TensorValue([expected], shape: .scalar)])
  }

  @Test("A while runs as long as its condition holds", arguments: [(0, 1), (1, 1), (5, 120)] as [(Int32, Int32)])
  func loops(_ n: Int32, _ expected: Int32) throws {
    #expect(try Self.run("factorial", [TensorValue([n], shape: .scalar)]) == [TensorValue([expected], shape: .scalar)])
  }

  @Test("A scan carries and stacks, from either end")
  func scans() throws {
    let inputs = [
      try TensorValue([1, 2, 3] as [Int32], shape: [3]), try TensorValue([10] as [Int32], shape: .scalar),
    ]
    func values(_ sum: Int32, _ stacked: [Int32]) throws -> [TensorValue] {
      [try TensorValue([sum], shape: .scalar), try TensorValue(stacked, shape: [Dimension(stacked.count)])]
    }
    #expect(try Self.run("sums", inputs) == values(160, [110, 130, 160]))
    #expect(try Self.run("sumsFromTheEnd", inputs) == values(160, [160, 150, 130]))
    #expect(try Self.run("none", [TensorValue([Int32](), shape: [0]), inputs[1]]) == values(100, []))
  }

  @Test("Deep nesting does not use the stack of the thread")
  func nesting() throws {
    var text = """
      func @f0(%x: i32[]) -> (i32[]) {
        %0: i32[] = constant() {value = 1}
        %1: i32[] = add(%x, %0)
        return %1
      }

      """
    for level in 1...5000 {
      text += """
        func @f\(level)(%x: i32[]) -> (i32[]) {
          %0: i32[] = scan(%x) {body = @f\(level - 1), carried = 1, length = 1}
          return %0
        }

        """
    }
    let module = try Module(parsing: text, file: "deep")
    let one = try TensorValue([1] as [Int32], shape: .scalar)
    #expect(try ReferenceInterpreter.run(module, function: "f5000", inputs: [one])[0][0].description == "2")
  }
}
