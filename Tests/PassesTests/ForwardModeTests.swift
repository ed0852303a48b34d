import Foundation
import KilnIR
import KilnPasses
import KilnTesting
import Testing

extension GradientCheck {
  /// Random directions of the given types, with numbers of both signs.
  private static func directions(_ types: [TensorType], seed: UInt64) throws -> [TensorValue] {
    var random = SplitMix64(seed: seed)
    return try types.map { type in
      try tensor(
        (0..<type.shape.elementCount).map { _ in Double.random(in: -1.5...1.5, using: &random) }, type.shape.dimensions)
    }
  }

  private static func inner(_ x: [TensorValue], _ y: [TensorValue]) -> Double {
    zip(x, y).reduce(0) { sum, pair in zip(pair.0.doubles, pair.1.doubles).reduce(sum) { $0 + $1.0 * $1.1 } }
  }

  /// <J v, w> = <v, transpose(J) w>, to rounding: forward and reverse mode are the same derivative.
  func expectForwardAgreesWithReverse(_ comment: Comment? = nil) throws {
    let push = try Differentiation.jvp(of: name, in: module, withRespectTo: realParameters)
    let pull = try Differentiation.vjp(of: name, in: module, withRespectTo: realParameters)
    #expect(Verifier.diagnostics(for: push.module).isEmpty, comment)
    let results = try module.run(name, inputs)
    let v = try Self.directions(realParameters.map { inputs[$0].type }, seed: 11)
    let w = try Self.directions(results.map(\.type).filter { $0.dtype == .f64 }, seed: 12)
    let pushed = try push.module.run(push.name, inputs + v)
    #expect(Array(pushed.prefix(results.count)) == results, comment)
    let pulled = try pull.module.run(pull.name, inputs + w)
    let forward = Self.inner(Array(pushed.dropFirst(results.count)), w)
    let reverse = Self.inner(v, Array(pulled.dropFirst(results.count)))
    #expect(
      abs(forward - reverse) <= 1e-11 * max(1, abs(forward)),
      "\(comment?.rawValue ?? name): forward \(forward), reverse \(reverse)")
  }

  /// The tangent of the results against central differences along the direction.
  func expectForwardDerivative(tolerance: Double = 1e-6, _ comment: Comment? = nil) throws {
    let push = try Differentiation.jvp(of: name, in: module, withRespectTo: realParameters)
    let v = try Self.directions(realParameters.map { inputs[$0].type }, seed: 13)
    let tangents = try push.module.run(push.name, inputs + v)
    let reals = try #require(module[name]).resultTypes.count { $0.dtype == .f64 }
    func shifted(_ step: Double) throws -> [[Double]] {
      var moved = inputs
      for (parameter, direction) in zip(realParameters, v) {
        let numbers = zip(inputs[parameter].doubles, direction.doubles).map { $0 + step * $1 }
        moved[parameter] = try tensor(numbers, inputs[parameter].type.shape.dimensions)
      }
      return try module.run(name, moved).filter { $0.type.dtype == .f64 }.map(\.doubles)
    }
    let step = 1e-4
    let samples = try [shifted(step), shifted(-step), shifted(2 * step), shifted(-2 * step)]
    for (result, tangent) in tangents.suffix(reals).enumerated() {
      for (index, slope) in tangent.doubles.enumerated() {
        let near = samples[0][result][index] - samples[1][result][index]
        let far = samples[2][result][index] - samples[3][result][index]
        let expected = (8 * near - far) / (12 * step)
        #expect(
          abs(slope - expected) <= tolerance * max(1, abs(expected)),
          "\(comment?.rawValue ?? name): result \(result)[\(index)]: derived \(slope), difference \(expected)")
      }
    }
  }
}

@Suite struct ForwardModeTests {
  @Test(
    "forward mode agrees with differences and with reverse mode", arguments: OpGradientTests.all + OpGradientTests.once)
  func ops(check: GradientCase) throws {
    let program = try check.program()
    let gradientCheck = try GradientCheck(program, check.inputs(program))
    try gradientCheck.expectForwardDerivative("\(check.name)")
    try gradientCheck.expectForwardAgreesWithReverse("\(check.name)")
  }

  @Test("the scalar derivatives serve forward mode", arguments: ScalarFunction.allCases)
  func scalars(function: ScalarFunction) throws {
    guard let operands = ScalarGradientTests.operands(function) else { return }
    let inputs = try operands.map { try tensor($0, [4]) }
    let check = try GradientCheck(ScalarGradientTests.program(function, operands.count), inputs)
    try check.expectForwardDerivative("\(function)")
    try check.expectForwardAgreesWithReverse("\(function)")
  }

  static let ties: [GradientCase] = [
    GradientCase("maximum", "%x: f64[4], %y: f64[4]", "f64[4]", "%z: f64[4] = maximum(%x, %y)\nreturn %z"),
    GradientCase("minimum", "%x: f64[4], %y: f64[4]", "f64[4]", "%z: f64[4] = minimum(%x, %y)\nreturn %z"),
    GradientCase(
      "clamp", "%x: f64[4], %l: f64[4], %h: f64[4]", "f64[4]", "%z: f64[4] = clamp(%x, %l, %h)\nreturn %z"),
    GradientCase("reduce max", "%x: f64[4]", "f64[]", "%z: f64[] = reduce(%x) {kind = max, axes = [0]}\nreturn %z"),
    GradientCase("reduce min", "%x: f64[4]", "f64[]", "%z: f64[] = reduce(%x) {kind = min, axes = [0]}\nreturn %z"),
    GradientCase("product", "%x: f64[4]", "f64[]", "%z: f64[] = reduce(%x) {kind = product, axes = [0]}\nreturn %z"),
  ]

  @Test("both modes share a derivative equally between ties", arguments: ties + OpGradientTests.scatters)
  func equalOperands(check: GradientCase) throws {
    let program = try check.program()
    let inputs = try (program["main"]?.parameters ?? []).map { parameter in
      try tensor(Array(repeating: 2, count: parameter.type.shape.elementCount), parameter.type.shape.dimensions)
    }
    try GradientCheck(program, inputs).expectForwardAgreesWithReverse("\(check.name)")
  }

  @Test("a product with zeros has its exact tangent")
  func productWithZeros() throws {
    let program = try main("%x: f64[3,3]", "f64[3]", "%y: f64[3] = reduce(%x) {kind = product, axes = [1]}\nreturn %y")
    let push = try Differentiation.jvp(of: "main", in: program, withRespectTo: [0])
    let x = try tensor([2, 0, 3, 0, 0, 5, 2, 3, 4], [3, 3])
    let found = try push.module.run(push.name, [x, tensor([1, 10, 100, 1, 10, 100, 1, 10, 100], [3, 3])])
    #expect(found[1].doubles == [60, 0, 12 + 80 + 600])
  }

  @Test("stopGradient and integers have no tangent; results that do not depend have a zero one")
  func zeroTangents() throws {
    let program = try main(
      "%x: f64[2], %n: i32[2]", "f64[2], i32[2], f64[2]",
      "%s: f64[2] = stopGradient(%x)\n%p: f64[2] = multiply(%s, %x)\n%c: f64[2] = constant() {value = 3.0}\n"
        + "return %p, %n, %c")
    let push = try Differentiation.jvp(of: "main", in: program, withRespectTo: [0])
    let n = try TensorValue([1, 2] as [Int32], shape: [2])
    let found = try push.module.run(push.name, [tensor([2, 3], [2]), n, tensor([5, 7], [2])])
    #expect(found.count == 5)
    #expect(found[3].doubles == [10, 21] && found[4].doubles == [0, 0])
  }

  @Test("ops without a derivative are refused by both modes with one message")
  func refused() throws {
    let programs = [
      try main("%x: f64[2]", "f64[2]", "%i: i64[2] = bitcast(%x)\n%y: f64[2] = bitcast(%i)\nreturn %y"),
      try main("%x: f32[2]", "f32[2]", "%y: f32[2] = bitcast(%x)\nreturn %y"),
    ]
    // Bits of integers have no derivative to lose.
    #expect(programs[0].ops().count == 2)
    _ = try Differentiation.jvp(of: "main", in: programs[0], withRespectTo: [0])
    let forward = #expect(throws: KilnError.self) {
      try Differentiation.jvp(of: "main", in: programs[1], withRespectTo: [0])
    }
    let reverse = #expect(throws: KilnError.self) {
      try Differentiation.vjp(of: "main", in: programs[1], withRespectTo: [0])
    }
    #expect(forward?.diagnostics.map(\.label) == ["differentiate.C1"])
    #expect(forward == reverse)
    let error = #expect(throws: KilnError.self) {
      try Differentiation.jvp(of: "main", in: programs[0], withRespectTo: [1])
    }
    #expect(error?.diagnostics.map(\.label) == ["gradient.C1"])
  }

  static let vectorFunctions: [GradientCase] = [
    GradientCase(
      "two results of two parameters", "%x: f64[3], %w: f64[3,2]", "f64[2], f64[3]",
      "%y: f64[2] = dot(%x, %w) {batch = [], contract = [[0, 0]]}\n%z: f64[3] = sin(%x)\nreturn %y, %z"),
    GradientCase("scalars", "%x: f64[], %y: f64[]", "f64[]", "%z: f64[] = power(%x, %y)\nreturn %z"),
    GradientCase("nothing", "%x: f64[0]", "f64[0]", "%z: f64[0] = exp(%x)\nreturn %z"),
  ]

  @Test("Jacobians by rows and by columns are equal, and their products are jvp", arguments: vectorFunctions)
  func jacobians(check: GradientCase) throws {
    let program = try check.program()
    let inputs = try check.inputs(program).map { try tensor($0.doubles.map(abs), $0.type.shape.dimensions) }
    let indices = Array(inputs.indices)
    let rows = try Differentiation.jacobian(of: "main", in: program, withRespectTo: indices, mode: .reverse)
    let columns = try Differentiation.jacobian(of: "main", in: program, withRespectTo: indices, mode: .forward)
    #expect(Verifier.diagnostics(for: rows.module).isEmpty)
    #expect(Verifier.diagnostics(for: columns.module).isEmpty)
    let byRows = try rows.module.run(rows.name, inputs)
    let byColumns = try columns.module.run(columns.name, inputs)
    #expect(byRows.map(\.type) == byColumns.map(\.type))
    for (a, b) in zip(byRows, byColumns) {
      #expect(zip(a.doubles, b.doubles).allSatisfy { abs($0 - $1) <= 1e-13 * max(1, abs($0)) })
    }
    let results = try program.run("main", inputs)
    #expect(byRows.count == results.count * inputs.count)
    let push = try Differentiation.jvp(of: "main", in: program, withRespectTo: indices)
    let ones = try inputs.map { try tensor($0.doubles.map { _ in 1 }, $0.type.shape.dimensions) }
    let tangents = try push.module.run(push.name, inputs + ones).dropFirst(results.count)
    for (index, tangent) in tangents.enumerated() {
      var sums = [Double](repeating: 0, count: tangent.doubles.count)
      for block in byRows[(index * inputs.count)..<((index + 1) * inputs.count)] {
        let width = sums.isEmpty ? 0 : block.doubles.count / sums.count
        for row in sums.indices { sums[row] += block.doubles[(row * width)..<((row + 1) * width)].reduce(0, +) }
      }
      #expect(zip(sums, tangent.doubles).allSatisfy { abs($0 - $1) <= 1e-12 * max(1, abs($1)) })
    }
  }

  @Test("a Hessian is symmetric; its products are those of hessianVectorProduct")
  func hessians() throws {
    // x0^2 x1 + sin(x1 x2) + y x0
    let program = try main(
      "%x: f64[3], %y: f64[]", "f64[]",
      """
      %a: f64[1] = slice(%x) {start = [0], limit = [1], stride = [1]}
      %b: f64[1] = slice(%x) {start = [1], limit = [2], stride = [1]}
      %c: f64[1] = slice(%x) {start = [2], limit = [3], stride = [1]}
      %aa: f64[1] = multiply(%a, %a)
      %aab: f64[1] = multiply(%aa, %b)
      %bc: f64[1] = multiply(%b, %c)
      %s: f64[1] = sin(%bc)
      %t: f64[1] = add(%aab, %s)
      %u: f64[] = reshape(%t)
      %v: f64[] = reshape(%a)
      %ya: f64[] = multiply(%y, %v)
      %r: f64[] = add(%u, %ya)
      return %r
      """)
    let (a, b, c) = (1.5, -0.5, 0.75)
    let inputs = [try tensor([a, b, c], [3]), try tensor([2], [])]
    let derived = try Differentiation.hessian(of: "main", in: program, withRespectTo: [0, 1])
    let found = try derived.module.run(derived.name, inputs)
    let (sine, cosine) = (sin(b * c), cos(b * c))
    let expected: [Double] = [
      2 * b, 2 * a, 0, 2 * a, -c * c * sine, cosine - b * c * sine, 0, cosine - b * c * sine, -b * b * sine,
    ]
    #expect(found.map(\.type.shape) == [[3, 3], [3], [3], []])
    #expect(zip(found[0].doubles, expected).allSatisfy { abs($0 - $1) < 1e-14 })
    #expect(found[1].doubles == [1, 0, 0] && found[2].doubles == [1, 0, 0] && found[3].doubles == [0])
    let product = try Differentiation.hessianVectorProduct(of: "main", in: program, withRespectTo: [0, 1])
    let products = try product.module.run(product.name, inputs + [tensor([1, 2, 3], [3]), tensor([4], [])])
    #expect(products.count == 2)
    for row in 0..<3 {
      let sum = (0..<3).reduce(row == 0 ? 4.0 : 0.0) { $0 + expected[3 * row + $1] * Double($1 + 1) }
      #expect(abs(products[0].doubles[row] - sum) < 1e-13)
    }
    #expect(products[1].doubles == [1])
  }
}
