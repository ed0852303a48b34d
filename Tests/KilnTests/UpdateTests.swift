import Kiln
import KilnIR
import Testing

@Suite("Updates and donation")
struct UpdateTests {
  struct Pair: TensorTree {
    var a: Tensor<Float>
    var b: Tensor<Float>

    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&a, "a")
      visitor.visit(&b, "b")
    }
  }

  let step = compile { (pair: inout Pair, x: Tensor<Float>) in
    pair.a = pair.a + x
    pair.b = pair.b * 2
    return pair.a.sum()
  }

  private func pair() -> Pair { Pair(a: Tensor([1, 2]) + 0, b: Tensor([3, 4]) + 0) }
  private var fresh: Int { step.report.freshBufferCounts.values.reduce(0, +) }

  @Test("a state that nothing shares is updated in place")
  func inPlace() {
    var state = pair()
    #expect(step(updating: &state, 1).item == 5)
    #expect(state.a.scalars == [2, 3] && state.b.scalars == [6, 8])
    #expect(step(updating: &state, 1).item == 7)
    #expect(step.report.inPlaceCount == 4 && fresh == 0)
  }

  @Test("a copy of the state keeps its values")
  func copies() {
    var state = pair()
    let copy = state
    step(updating: &state, 1)
    #expect(copy.a.scalars == [1, 2] && copy.b.scalars == [3, 4])
    #expect(state.a.scalars == [2, 3])
    #expect(step.report.inPlaceCount == 0 && step.report.freshBufferCounts == [.shared: 2])
  }

  @Test("tied weights, the state passed again, a view and a captured tensor get fresh buffers")
  func sharing() {
    let shared = Tensor([1, 2]) + 0
    var tied = Pair(a: shared, b: shared)
    step(updating: &tied, 1)
    #expect(tied.a.scalars == [2, 3] && tied.b.scalars == [2, 4] && shared.scalars == [1, 2])

    var again = pair()
    step(updating: &again, again.b)
    #expect(again.a.scalars == [4, 6] && again.b.scalars == [6, 8])

    var viewed = pair()
    let view = viewed.a.reshaped(to: [2, 1])
    step(updating: &viewed, 1)
    #expect(view.scalars == [1, 2] && viewed.a.scalars == [2, 3])

    var isView = pair()
    isView.a = isView.b.reshaped(to: [1, 2]).reshaped(to: [2])
    step(updating: &isView, 1)
    #expect(isView.a.scalars == [4, 5] && isView.b.scalars == [6, 8])
    #expect(step.report.freshBufferCounts[.view] == 1)
  }

  @Test("exchanged state tensors are right in place")
  func exchange() {
    let swap = compile { (pair: inout Pair) in
      let a = pair.a
      pair.a = pair.b
      pair.b = a
    }
    var state = pair()
    swap(updating: &state)
    #expect(state.a.scalars == [3, 4] && state.b.scalars == [1, 2])
  }

  @Test("an update keeps the types and the structure of its state")
  func structureChanges() {
    let grow = compile { (x: inout Tensor<Float>) in x = concatenated([x, x]) }
    var x = Tensor([1, 2])
    let error = #expect(throws: KilnError.self) { try grow.run(updating: &x) }
    #expect(error?.diagnostics[0].label == "compile.C4")
    #expect(error?.description.contains("state was f32[2], is f32[4]") == true)
    #expect(x.scalars == [1, 2])
  }

  @Test("after a failed run the overwritten tensors say why at each use")
  func failedRun() throws {
    let pick = compile { (x: inout Tensor<Float>, i: Tensor<Int32>) in
      x = x + x.gathered(i).sum()
    }
    var x = Tensor([1, 2]) + 0
    pick(updating: &x, Tensor<Int32>([1]))
    #expect(x.scalars == [3, 4])
    #expect(throws: KilnError.self) { try pick.run(updating: &x, Tensor<Int32>([5])) }
    let error = #expect(throws: KilnError.self) { try withDiagnostics { x + 1 } }
    #expect(error?.description.contains("the update that was overwriting this tensor failed") == true)
  }

  @Test("a training step with gradients inside, called in a loop, is one program")
  func training() {
    let x = Tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    let y = Tensor([[0], [1], [1], [2]])
    let train = compile { (network: inout Network, x: Tensor<Float>, y: Tensor<Float>) in
      let (loss, gradient) = valueAndGradient(at: network) { network in
        let error = network(x) - y
        return (error * error).mean()
      }
      network -= 0.1 * gradient
      return loss
    }
    var network = Network()
    network.layers[1].activation = .tanh
    let first = train(updating: &network, x, y).item
    var last = first
    for _ in 0..<50 { last = train(updating: &network, x, y).item }
    #expect(last < first)
    #expect(train.report.entries.count == 1)
    #expect(train.report.inPlaceCount > 150)
  }

  @Test("an update inside a trace is recorded")
  func nested() {
    let outer = compile { (x: Tensor<Float>) in
      var pair = Pair(a: x, b: x)
      let sum = step(updating: &pair, 1)
      return (pair.a, pair.b, sum)
    }
    let (a, b, sum) = outer(Tensor([1, 2]))
    #expect(a.scalars == [2, 3] && b.scalars == [2, 4] && sum.item == 5)
  }
}
