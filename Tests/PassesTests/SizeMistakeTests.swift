import KilnIR
import KilnPasses
import Testing

@Suite("Transforms that a size shapes") struct SizeMistakeTests {
  private static let text = """
    func @f(%x: f64[n,3]) -> (f64[]) {
      %0: f64[] = reduce(%x) {kind = product, axes = [0, 1]}
      return %0
    }

    func @g(%x: f64[n,3]) -> (f64[n,3]) {
      %0: f64[n,3] = scanReduce(%x) {kind = product, axis = 0, reverse = false}
      return %0
    }

    func @h(%x: f64[n,3]) -> (f64[n]) {
      %0: f64[n] = reduce(%x) {kind = product, axes = [1]}
      return %0
    }
    """

  @Test("size.C4: a product over a named size has no derivative for all sizes")
  func products() throws {
    let module = try Module(parsing: Self.text, file: "sizes")
    for pass in [
      Pass.gradient(of: "f", withRespectTo: [0]), .jvp(of: "f", withRespectTo: [0]), .vjp(of: "g", withRespectTo: [0]),
      .jvp(of: "g", withRespectTo: [0]),
    ] {
      let error = #expect(throws: KilnError.self, "\(pass.name)") { _ = try pass.run(module) }
      let found = error?.diagnostics.first
      #expect(found?.label == "size.C4", "\(pass.name)")
      #expect(found?.message.contains("depends on the size ") == true, "\(pass.name)")
      let line = pass.name.contains("(f") ? 2 : 7
      #expect(found?.location == .position(file: "sizes", line: line, column: 3), "\(pass.name)")
    }
  }

  @Test("A product over a number has one, whatever the other sizes are")
  func otherSizes() throws {
    let module = try Module(parsing: Self.text, file: "sizes")
    for pass in [Pass.vjp(of: "h", withRespectTo: [0]), .jvp(of: "h", withRespectTo: [0])] {
      let derived = try pass.run(module)
      #expect(Verifier.diagnostics(for: derived).isEmpty)
      #expect(try Verifier.diagnostics(for: derived.bound(to: ["n": 0])).isEmpty)
    }
  }

  @Test("vmap.C2: a batch whose size is negative at every call")
  func negativeBatch() throws {
    let module = try Module(parsing: Self.text, file: "sizes")
    let size = Dimension(-1) - Dimension(named: "batch")
    let error = #expect(throws: KilnError.self) { _ = try Pass.vmap(of: "h", size: size, over: [0]).run(module) }
    #expect(error?.diagnostics.first?.label == "vmap.C2")
  }
}
