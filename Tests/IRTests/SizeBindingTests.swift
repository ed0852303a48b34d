import KilnIR
import Testing

@Suite("Calls bring sizes") struct SizeBindingTests {
  private static let text = """
    func @twice(%x: f32[k]) -> (f32[2*k]) {
      %0: f32[2*k] = concatenate(%x, %x) {axis = 0}
      return %0
    }

    func @made(%x: f32[]) -> (f32[]) {
      %0: f32[j] = broadcast(%x) {axes = []}
      %1: f32[] = reduce(%0) {kind = sum, axes = [0]}
      return %1
    }

    func @same(%x: f32[]) -> (f32[]) {
      return %x
    }

    func @main(%x: f32[n,m], %y: f32[m], %z: f32[n + 1]) -> (f32[2,m]) {
      require n >= 2 slice.C2
      %0: f32[2,m] = slice(%x) {start = [0, 0], limit = [2, m], stride = [1, 1]}
      return %0
    }

    func @called(%x: f32[n], %y: f32[k]) -> (f32[2*k]) {
      require n == k call.C2
      %0: f32[2*k] = call(%x) {callee = @twice}
      return %0
    }

    func @hidden(%x: f32[n]) -> (f32[]) {
      %0: f32[] = reduce(%x) {kind = sum, axes = [0]}
      %1: f32[] = call(%0) {callee = @made}
      return %1
    }

    func @doubled(%x: f32[2*n]) -> (f32[2*n]) {
      return %x
    }

    func @long(%x: f32[], %y: f32[m]) -> (f32[]) {
      require n >= 0 scan.C2
      %0: f32[] = scan(%x) {body = @same, carried = 1, length = n + m}
      return %0
    }
    """

  private static func run(_ name: String, _ shapes: [Shape]) throws -> [Shape] {
    let module = try Module(parsing: text, file: "sizes")
    let inputs = shapes.map { TensorValue(Literal(splat: Scalar(Float(1)), shape: $0)) }
    return try ReferenceInterpreter.run(module, function: name, inputs: inputs).map(\.type.shape)
  }

  @Test("A name is what an argument says")
  func calls() throws {
    #expect(try Self.run("main", [[3, 5], [5], [4]]) == [[2, 5]])
    #expect(try Self.run("main", [[2, 0], [0], [3]]) == [[2, 0]])
    #expect(try Self.run("called", [[4], [4]]) == [[8]])
  }

  static let mistakes: [(name: String, shapes: [[Int]], label: String, message: String)] = [
    ("main", [[1, 5], [5], [2]], "size.C1", "slice.C2 needs n >= 2, found n is 1"),
    ("called", [[4], [3]], "size.C1", "call.C2 needs n == k, found k is 3, n is 4"),
    ("main", [[3, 5], [4], [4]], "size.C2", "y of @main is f32[m], found f32[4]; \(places)"),
    ("main", [[3, 5], [5], [5]], "size.C2", "z of @main is f32[n + 1], found f32[5]; \(places)"),
    ("doubled", [[4]], "size.C3", "@doubled: no argument brings the size n"),
    ("hidden", [[4]], "size.C3", "@made: no argument brings the size j"),
    ("long", [[], [2]], "size.C3", "@long: no argument brings the size n"),
    ("main", [[3, 5]], "run.C2", ""),
    ("called", [[4]], "size.C3", "@called: no argument brings the size k"),
    ("called", [[4], [4, 1]], "size.C3", "@called: no argument brings the size k"),
    ("doubled", [], "size.C3", "@doubled: no argument brings the size n"),
  ]

  private static let places = "m is 5 by axis 1 of x, n is 3 by axis 0 of x"

  @Test("A call that does not fit says which size is what", arguments: mistakes)
  func mistake(name: String, shapes: [[Int]], label: String, message: String) throws {
    let error = try #require(throws: KilnError.self) { _ = try Self.run(name, shapes.map { Shape($0) }) }
    #expect(error.diagnostics.map(\.label) == [label])
    #expect(message.isEmpty || error.diagnostics[0].message == message)
  }

  @Test("size.C1 is found at the line that needs it")
  func place() {
    let error = #expect(throws: KilnError.self) { _ = try Self.run("main", [[1, 5], [5], [2]]) }
    #expect(error?.diagnostics.first?.location == .position(file: "sizes", line: 17, column: 3))
  }

  @Test("A type that a size makes impossible says so")
  func impossible() throws {
    let module = try Module(
      parsing: "func @f(%x: i8[n]) -> (i8[n - 2]) {\n  %0: i8[n - 2] = iota() {axis = 0}\n  return %0\n}", file: "f")
    for (size, label) in [(2, nil), (1, "type.C1"), (1 << 50, "type.C1"), (.max, "type.C1")] as [(Int, String?)] {
      var found: String?
      do throws(KilnError) { _ = try module.bound(to: ["n": size]) } catch { found = error.diagnostics.first?.label }
      #expect(found == label, "\(size)")
    }
  }

  @Test("Some sizes stay names, and what they must meet stays required")
  func partial() throws {
    let module = try Module(parsing: Self.text, file: "sizes")
    let bound = try module.bound(to: ["m": 5])
    #expect(bound["main"]?.parameters.map(\.type.shape.description) == ["[n,5]", "[5]", "[n + 1]"])
    #expect(bound["main"]?.requirements == module["main"]?.requirements)
    #expect(Verifier.diagnostics(for: bound).isEmpty)
    let whole = try bound.bound(to: ["n": 2, "k": 2, "j": 1])
    #expect(whole["main"]?.requirements.isEmpty == true)
    #expect(Verifier.diagnostics(for: whole).isEmpty)
  }
}
