import Kiln
import KilnIR
import Testing

/// Where a mistake in a user's own helper is reported, and how the message says which call it was.
@Suite("Lines of callers")
struct CallerTests {
  private func caught(_ body: () -> Void) -> Diagnostic? {
    do {
      try withDiagnostics(body)
      return nil
    } catch {
      return (error as? KilnError)?.diagnostics.first
    }
  }

  @Test("a mistake in the user's extension of Tensor, Array or Optional is at the line in the extension")
  func extensions() {
    let x = Tensor<Float>([[1, 2, 3], [4, 5, 6]])
    let rows: [(line: Int, call: () -> Void)] = [
      (Lines.gram, { _ = x.gram() }), (Lines.total, { _ = [x, x].total() }), (Lines.twice, { _ = Optional(x).twice() }),
      (Lines.shape, { _ = Tensor<Float>.corner }), (Lines.closure, { _ = x.mapped() }),
    ]
    for (line, call) in rows {
      let diagnostic = caught(call)
      #expect(
        diagnostic?.location.description.contains("Tests/KilnTests/CallerTests.swift:\(line):") == true,
        "\(String(describing: diagnostic))")
      #expect(diagnostic?.notes.contains { $0.hasPrefix("called from Tests/KilnTests/CallerTests.swift:") } == true)
    }
  }

  @Test("a mismatch in a layer says which layer was called, and what the parameter is called")
  func layers() {
    let stack = CallerStack(
      layers: [3, 3, 4, 3].map { CallerLayer(weight: .ones([$0, 3])) }, last: CallerLayer(weight: .ones([3, 1])))
    let f = compile { (stack: CallerStack, x: Tensor<Float>) in stack(x) }
    let error = #expect(throws: KilnError.self) { try f.run(stack, .ones([2, 3])) }
    let diagnostic = error?.diagnostics.first
    #expect(diagnostic?.label == "matmul.C2")
    #expect(
      diagnostic?.location.description.contains("CallerTests.swift:\(Lines.dense):") == true,
      "\(String(describing: diagnostic))")
    #expect(diagnostic?.notes.contains("arg0.layers.2.weight is f32[4,3]") == true, "\(String(describing: diagnostic))")
    let callers = diagnostic?.notes.last ?? ""
    #expect(callers.hasPrefix("called from Tests/KilnTests/CallerTests.swift:\(Lines.stack):"), "\(callers)")
  }

  @Test("the line of a call and that of an operation are written in one way")
  func paths() {
    let x = Tensor<Float>([1, 2])
    let far = caught { _ = vmap({ (x: Tensor<Float>) in x }, axes: [3])(x) }
    let near = caught { _ = x.reshaped(to: [3]) }
    for diagnostic in [far, near] {
      #expect(
        diagnostic?.description.hasPrefix("Tests/KilnTests/CallerTests.swift:") == true,
        "\(String(describing: diagnostic))")
    }
  }

  @Test("an index out of range is in the message, eager and compiled, of gathers and of their derivatives")
  func indices() throws {
    let x = Tensor<Float>.ones([40])
    let i = Tensor<Int32>((0..<40).map { $0 == 17 ? 99 : $0 })
    let f = compile { (x: Tensor<Float>, i: Tensor<Int32>) in x.gathered(i) * 2 }
    let loss = compile { (x: Tensor<Float>, i: Tensor<Int32>) in gradient(at: x) { x in (x.gathered(i) * 2).sum() } }
    let negative = compile { (x: Tensor<Float>, i: Tensor<Int64>) in x.gathered(i[0]) }
    let errors = [
      ("gather.R1", "index 99", #expect(throws: KilnError.self) { try f.run(x, i) }),
      ("scatter.R1", "index 99", #expect(throws: KilnError.self) { try loss.run(x, i) }),
      ("gather.R1", "index -1", #expect(throws: KilnError.self) { try negative.run(x, Tensor<Int64>([-1])) }),
      ("gather.R1", "index 99", #expect(throws: KilnError.self) { try withDiagnostics { x.gathered(i) } }),
    ]
    for (label, index, error) in errors {
      let text = error?.description ?? ""
      #expect(text.contains("[\(label)]") && text.contains("\(index) is out of range for axis 0"), "\(text)")
    }
    #expect(errors[1].2?.description.contains("the derivative of a gather is a scatter") == true)
  }
}

/// The lines of the helpers below.
private enum Lines {
  static let (gram, total, twice, shape, closure) = (
    TensorLines.gram, TensorLines.gram + 5, TensorLines.gram + 9, TensorLines.gram + 1, TensorLines.gram + 2
  )
  static let dense = TensorLines.dense
  static let stack = TensorLines.stack
}

private enum TensorLines {
  static let dense = #line + 7
  static let stack = #line + 16
}

private struct CallerLayer: TensorTree {
  var weight: Tensor<Float>

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { matmul(x, weight) }
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
}

private struct CallerStack: TensorTree {
  var layers: [CallerLayer]
  var last: CallerLayer

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    var x = x
    for layer in layers { x = layer(x) }
    return last(x)
  }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&last, "last")
  }
}

extension TensorLines { fileprivate static let gram = #line + 2 }
extension Tensor where Scalar == Float {
  fileprivate func gram() -> Tensor { matmul(self, self) * 2 }
  fileprivate static var corner: Tensor { Tensor.ones([2, 2]).reshaped(to: [5]) * 2 }
  fileprivate func mapped() -> Tensor { [self].map { $0.squeezed(0) * 2 }[0] }
}
extension Array where Element == Tensor<Float> {
  fileprivate func total() -> Tensor<Float> { concatenated(self, axis: 5) * 2 }
}

extension Optional where Wrapped == Tensor<Float> {
  fileprivate func twice() -> Tensor<Float>? { map { $0.transposed(7) * 2 } }
}
