import Kiln
import KilnIR
import Testing

/// A value and how often it was used.
private struct Counted: TensorTree {
  var value = Tensor<Float>([1, 2, 3])
  var uses = Tensor<Float>(0)
  var total = Tensor<Int32>(0)

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&value, "value")
    visitor.visit(&uses, "uses")
    visitor.visit(&total, "total")
  }

  mutating func squares() -> Tensor<Float> {
    uses += 1
    total += 2
    return (value * value).sum()
  }
}

private struct Refused: Error {}

@Suite("Gradients of losses that change their tree")
struct GradientOfUpdateTests {
  @Test("the tree is what the closure made of it, and the gradient that of what it was")
  func update() {
    var state = Counted()
    let (value, gradient) = valueAndGradient(updating: &state) { state in
      let loss = state.squares()
      state.value = state.value * 10
      return loss
    }
    #expect(value.item == 14)
    #expect(gradient.value.scalars == [2, 4, 6] && gradient.uses.item == 0 && gradient.total.item == 0)
    #expect(state.value.scalars == [10, 20, 30] && state.uses.item == 1 && state.total.item == 2)
  }

  @Test("further results come out as they are")
  func auxiliary() {
    var state = Counted()
    let (value, auxiliary, gradient) = valueAndGradient(updating: &state) { state in
      let y = state.value * 3
      return (y.sum(), [y, -y])
    }
    #expect(value.item == 18 && gradient.value.scalars == [3, 3, 3])
    #expect(auxiliary.map(\.scalars) == [[3, 6, 9], [-3, -6, -9]])
  }

  @Test("a compiled step that has it in it compiles once, and the state moves in each call")
  func compiled() {
    let step = compile { (state: inout Counted) in
      let (loss, gradient) = valueAndGradient(updating: &state) { state in state.squares() }
      state.value -= 0.25 * gradient.value
      return loss
    }
    var state = Counted()
    let losses = (0..<3).map { _ in step(updating: &state).item }
    #expect(losses == [14, 3.5, 0.875])
    #expect(state.uses.item == 3 && state.total.item == 6)
    #expect(step.report.entries.count == 1)
  }

  @Test("what the closure throws is thrown on, and the tree stays")
  func thrown() throws {
    var state = Counted()
    #expect(throws: Refused.self) {
      try valueAndGradient(updating: &state) { state throws(Refused) -> Tensor<Float> in
        _ = state.squares()
        throw Refused()
      }
    }
    #expect(state.uses.item == 0)
  }

  @Test("a tree that gets other types is refused, and one without real tensors")
  func mistakes() throws {
    var error = try #require(throws: KilnError.self) {
      try withDiagnostics {
        var state = Counted()
        _ = valueAndGradient(updating: &state) { state in
          state.value = state.value[0..<2]
          return state.squares()
        }
      }
    }
    #expect(error.diagnostics.map(\.label) == ["gradient.C4"])
    #expect(error.diagnostics[0].message.contains("arg0.value was f32[3], is f32[2]"), "\(error)")
    error = try #require(throws: KilnError.self) {
      try withDiagnostics {
        var state = Tensor<Int32>(1)
        _ = valueAndGradient(updating: &state) { _ in Tensor<Float>(1) }
      }
    }
    #expect(error.diagnostics.map(\.label) == ["gradient.C3"])
    error = try #require(throws: KilnError.self) {
      try withDiagnostics {
        var state = Counted()
        _ = valueAndGradient(updating: &state) { state in (state.value, state.uses) }
      }
    }
    #expect(error.diagnostics.map(\.label) == ["gradient.C2"])
  }
}
