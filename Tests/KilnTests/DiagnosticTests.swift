import Kiln
import KilnIR
import Testing

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

@Suite("Diagnostics")
struct DiagnosticTests {
  let x = Tensor([[1, 2], [3, 4]])
  let v = Tensor([1, 2, 3])

  private func failure(_ body: () -> Void) -> String {
    do {
      try withDiagnostics(body)
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test("an eager mistake is thrown with the line of the operator")
  func eager() {
    let line = #line + 1
    let text = failure { _ = x + v }
    #expect(text.contains("DiagnosticTests.swift:\(line):"), "\(text)")
    #expect(text.contains("add: the shapes [2,2] and [3] do not broadcast"))
    #expect(text.contains("[broadcast.shapes]"))
  }

  @Test("all errors of a closure are reported at once, each at its line")
  func several() throws {
    let f = compile { (x: Tensor<Float>, v: Tensor<Float>) in
      let a = x + v
      let b = matmul(x, v)
      return (a * 2 - 1, b, x.sum(axes: [5]))
    }
    let line = #line - 5
    let error = #expect(throws: KilnError.self) { try f.run(x, v) }
    let diagnostics = error?.diagnostics ?? []
    #expect(diagnostics.map(\.label) == ["broadcast.shapes", "matmul.C2", "reduce.C1"])
    for (index, diagnostic) in diagnostics.enumerated() {
      #expect("\(diagnostic.location)".contains("DiagnosticTests.swift:\(line + 1 + index)"), "\(diagnostic)")
    }
    #expect(f.report.entries.isEmpty)
  }

  @Test("a mistake inside a function that the closure calls is at the line of that function")
  func calledFunction() {
    func broken(_ x: Tensor<Float>) -> Tensor<Float> { x.reshaped(to: [7]) }
    let line = #line - 1
    let error = #expect(throws: KilnError.self) { try trace(x) { x in broken(x) + 1 } }
    let place = error?.diagnostics.first?.location.description ?? ""
    #expect(place.contains("DiagnosticTests.swift:\(line)") == true)
  }

  @Test("a traced tensor has no elements to look at")
  func valuesOfATrace() {
    let error = #expect(throws: KilnError.self) {
      try trace(x) { x in x.scalars[0] > 0 && x.sum().item > 0 ? x : -x }
    }
    #expect(error?.diagnostics.first?.label == "trace.C3")
    #expect(error?.description.contains("return it from the closure") == true)
  }

  @Test("a traced tensor used after its trace is a diagnostic that names both lines")
  func escaped() throws {
    nonisolated(unsafe) var leaked = x
    _ = try trace(x) { x in
      leaked = x * 2
      return x
    }
    let text = failure { _ = leaked + 1 }
    #expect(
      text.contains("[trace.C1]") && text.contains("the closure was traced at Tests/KilnTests/DiagnosticTests.swift"))
    #expect(text.hasPrefix("Tests/KilnTests/DiagnosticTests.swift") || text.contains("/DiagnosticTests.swift:"))
    let error = #expect(throws: KilnError.self) { try trace(x) { x in x + leaked } }
    #expect(error?.diagnostics.first?.label == "trace.C1")
    let f = compile { (x: Tensor<Float>) in x }
    #expect(throws: KilnError.self) { try f.run(leaked) }
    let values = failure { _ = leaked.scalars }
    #expect(values.contains("trace.C1"))
  }

  @Test("data that a trace writes out has its elements, in the trace, after it and in another one")
  func writtenOut() throws {
    nonisolated(unsafe) var kept: [Tensor<Float>] = []
    let program = try trace(x) { x in
      kept = [Tensor([1, 2]), Tensor(3), .ones([2, 2]), Tensor([[1, 2], [3, 4]])]
      #expect(kept[0].scalars == [1, 2])
      return kept.dropFirst().reduce(x) { $0 + $1.sum() }
    }
    #expect(program.function.parameters.count == 1)
    #expect((kept[0] + kept[1]).scalars == [4, 5])
    #expect(kept[3].description == "[[1.0, 2.0],\n [3.0, 4.0]]")
    let second = try trace(x) { x in x + kept[1] * kept[1] }
    #expect(second.function.parameters.count == 1, "recorded as a constant, not captured")
    let f = compile { (x: Tensor<Float>) in kept[0] * x + gradient(at: x) { ($0 * kept[1]).sum() } }
    #expect(try f.run(kept[1]).scalars == [6, 9])
    // State is never updated in memory that a trace may read again.
    var state = kept[1]
    let step = compile { (state: inout Tensor<Float>) in state = state + 1 }
    try step.run(updating: &state)
    #expect(state.item == 4 && kept[1].item == 3)
  }

  @Test("recording from a second thread is a diagnostic")
  func secondThread() async throws {
    let f = compile { (x: Tensor<Float>) in
      let y = x * 2
      runInThread { _ = y + 1 }
      return y
    }
    let error = #expect(throws: KilnError.self) { try f.run(x) }
    #expect(error?.diagnostics.first?.label == "trace.C2")
  }

  @Test("recursion of a compiled function names the function's line")
  func recursion() {
    let box = Box()
    let f = compile { (x: Tensor<Float>) in box.call(x) }
    box.function = { x in
      do { return try f.run(x) } catch {
        box.error = error as? KilnError
        return x
      }
    }
    _ = f(x)
    #expect(box.error?.diagnostics.first?.label == "compile.C1")
    #expect(box.error?.description.contains("DiagnosticTests.swift") == true)
  }

  @Test("bad shapes, axes, indices and literals are diagnostics, never traps")
  func badArguments() {
    let cases: [(String, () -> Void)] = [
      ("tensor.C1", { _ = Tensor<Float>([1, 2, 3], shape: [2, 2]) }),
      ("tensor.C2", { _ = Tensor([[1, 2], [3]]) }),
      ("shape.C1", { _ = Tensor<Float>.zeros([-1]) }),
      ("shape.C2", { _ = Tensor<Float>.zeros([1 << 40, 1 << 40]) }),
      ("subscript.C1", { _ = x[0, 0, 0] }),
      ("subscript.C2", { _ = x[2] }),
      ("subscript.C2", { _ = x[-3] }),
      ("subscript.C2", { _ = x[0..<3, ...] }),
      ("subscript.C2", { _ = x[stride(from: 1, to: -1, by: -1)] }),
      ("reshape.C1", { _ = x.reshaped(to: [3]) }),
      ("transpose.C2", { _ = x.transposed(0, 0) }),
      ("transpose.C1", { _ = x.swappingAxes(0, 4) }),
      ("reduce.C1", { _ = x.mean(axes: [2]) }),
      ("reduce.C1", { _ = softmax(x, axis: -3) }),
      ("argReduce.C2", { _ = Tensor<Float>.zeros([0]).argMax() }),
      ("matmul.C1", { _ = matmul(x, 1) }),
      ("matmul.C2", { _ = matmul(x, v) }),
      ("concatenate.C3", { _ = concatenated([x, x[..., 0..<1]], axis: 0) }),
      ("concatenate.C0", { _ = concatenated([] as [Tensor<Float>]) }),
      ("stacked.C1", { _ = stacked([] as [Tensor<Float>]) }),
      ("expandingShape.C1", { _ = x.expandingShape(at: 5) }),
      ("squeezed.C1", { _ = x.squeezed(0) }),
      ("tiled.C1", { _ = x.tiled([1]) }),
      ("gather.R1", { _ = x.gathered(Tensor<Int32>([7])) }),
      ("scatter.C3", { _ = v.scattered(v, at: Tensor<Int32>([0])) }),
      ("item.C1", { _ = x.item }),
      ("layerNorm.C1", { _ = layerNorm(x, scale: 1, offset: 0) }),
      ("pad.C2", { _ = x.padded([(1, 1)]) }),
    ]
    for (label, body) in cases {
      let text = failure(body)
      #expect(text.contains("[\(label)]"), "\(label): \(text)")
      #expect(text.contains("DiagnosticTests.swift:"), "\(label): \(text)")
    }
  }

  @Test("a poisoned tensor says its first reason once")
  func poison() {
    let text = failure {
      let bad = x + v
      _ = bad * 2 + bad.sum()
    }
    #expect(text.split(separator: "\n").filter { $0.contains("error:") }.count == 1, "\(text)")
  }

  @Test("random numbers and assignments to variables inside a trace are diagnostics")
  func effectsInATrace() {
    let variable = Variable(Tensor<Float>(1))
    let error = #expect(throws: KilnError.self) {
      try trace(x) { x in
        var generator = SystemRandomNumberGenerator()
        variable.value = x.sum()
        return x + Tensor<Float>.randomUniform([2, 2], using: &generator)
      }
    }
    #expect(error?.diagnostics.map(\.label) == ["variable.C1", "random.C1"])
    let assignment = failure { variable.value = Tensor([1, 2]) }
    #expect(assignment.contains("variable.C2"))
    #expect(variable.value.item == 1)
  }

  @Test("without diagnostics a mistake stops the program with its text")
  func stops() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      addMismatched()
    }
    let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    #expect(text.contains("DiagnosticTests.swift:") && text.contains("do not broadcast"))
  }
}

private final class Box: @unchecked Sendable {
  var function: ((Tensor<Float>) -> Tensor<Float>)?
  var error: KilnError?
  func call(_ x: Tensor<Float>) -> Tensor<Float> { function.map { $0(x) } ?? x }
}

private func addMismatched() { print(Tensor<Float>([1, 2]) + Tensor<Float>([1, 2, 3])) }

/// Runs `body` in a thread of its own.
private func runInThread(_ body: @escaping @Sendable () -> Void) {
  let box = ThreadBody(body)
  var thread = pthread_t()
  pthread_create(
    &thread, nil,
    { pointer in
      Unmanaged<ThreadBody>.fromOpaque(pointer!).takeRetainedValue().body()
      return nil
    }, Unmanaged.passRetained(box).toOpaque())
  pthread_join(thread, nil)
}

private final class ThreadBody: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
