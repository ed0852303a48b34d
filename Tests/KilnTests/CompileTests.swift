import Foundation
import Kiln
import KilnIR
import KilnRuntime
import Synchronization
import Testing

struct Dense: TensorTree {
  enum Activation: Hashable, Sendable { case relu, tanh }

  var weight: Tensor<Float>
  var bias: Tensor<Float>
  var activation = Activation.relu

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
    visitor.constant(activation, "activation")
  }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> {
    let z = matmul(x, weight) + bias
    return activation == .relu ? relu(z) : tanh(z)
  }
}

struct Network: TensorModel {
  var layers: [Dense]

  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&layers, "layers") }

  func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { layers.reduce(x) { $1($0) } }

  init() {
    var generator = SplitMix(state: 3)
    layers = [(2, 3), (3, 1)].map { rows, columns in
      Dense(
        weight: .randomUniform([rows, columns], in: -1..<1, using: &generator), bias: .zeros([columns]))
    }
  }
}

private final class Counter: Sendable {
  private let value = Lock(0)
  func next() -> Int {
    value.withLock {
      $0 += 1
      return $0
    }
  }
}

private struct Forgetful: TensorTree {
  var shown = Tensor<Float>(2)
  var hidden = Tensor<Float>(3)
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&shown, "shown") }
}

/// A tree that breaks its promise: every visit shows another constant.
private struct Changing: TensorTree {
  private static let visits = Mutex(0)
  mutating func visit(_ visitor: inout some TensorVisitor) {
    let visit = Self.visits.withLock { visits in
      visits += 1
      return visits
    }
    visitor.constant(visit, "visit")
  }
}

@Suite("Compiled functions")
struct CompileTests {
  let x = Tensor([[1, 2], [3, 4]])

  @Test("a function is compiled by its name")
  func functionByName() {
    let f = compile(doubled)
    #expect(f(Tensor([1, 2])).scalars == [2, 4])
    let g = compile(options: CompileOptions(limit: 1), doubled)
    #expect(g(Tensor([1])).scalars == [2])
  }

  @Test("a compiled function gives the eager bits, for every argument")
  func equalsEager() throws {
    let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in tanh(x) * y + 1 }
    for scale in [Float(1), 2, 3] { #expect(f(x * scale, x).scalars == (tanh(x * scale) * x + 1).scalars) }
    #expect(f(x, 2).scalars == (tanh(x) * 2 + 1).scalars)
    #expect(f.report.entries.count == 2)
  }

  @Test("several results, no result types, statements, functions")
  func shapes() {
    let pair = compile { (x: Tensor<Float>) in
      let y = x + 1
      return (y, [y * 2, y * 3])
    }
    let (a, b) = pair(x)
    #expect(a.scalars == [2, 3, 4, 5])
    #expect(b.map { $0.scalars[0] } == [4, 6])
    let nothing = compile { Tensor<Float>(3) }
    #expect(nothing().item == 3)
    let same = compile { (x: Tensor<Float>) in x }
    #expect(same(x).scalars == x.scalars)
  }

  @Test("trees: constants are part of the program, tensors are not")
  func trees() {
    let f = compile { (network: Network, x: Tensor<Float>) in network(x) }
    var network = Network()
    #expect(f(network, x).scalars == network(x).scalars)
    network.layers[0].weight = network.layers[0].weight * 2
    #expect(f(network, x).scalars == network(x).scalars)
    #expect(f.report.entries.count == 1)
    network.layers[1].activation = .tanh
    #expect(f(network, x).scalars == network(x).scalars)
    #expect(f.report.entries.count == 2)
    #expect(
      f.report.entries[1].reasons.map(\.description) == ["arg0.layers.1.activation was relu, is tanh"])
  }

  @Test("the report names the argument, the types and the line of the call")
  func report() {
    let f = compile { (x: Tensor<Float>) in x * 2 }
    _ = f(x)
    let line = #line + 1
    _ = f(x[0])
    let entry = f.report.entries[1]
    #expect(entry.reasons.map(\.description) == ["arg0 was f32[2,2], is f32[2]"])
    #expect("\(entry.location)".contains("CompileTests.swift:\(line)"))
    #expect(f.report.description.contains("arg0 was f32[2,2], is f32[2]"))
  }

  @Test("optionals, dictionaries and Static key the program")
  func structure() {
    let f = compile { (bias: Tensor<Float>?, more: [String: Tensor<Float>], n: Static<Int>, x: Tensor<Float>) in
      more.sorted { $0.key < $1.key }.reduce(bias.map { x + $0 } ?? x) { $0 + $1.value } * Float(n.value)
    }
    #expect(f(nil, [:], Static(2), x).scalars == [2, 4, 6, 8])
    #expect(f(1, [:], Static(2), x).scalars == [4, 6, 8, 10])
    #expect(f(1, ["a b": 1], Static(2), x).scalars == [6, 8, 10, 12])
    #expect(f(1, ["a b": 2], Static(2), x).scalars == [8, 10, 12, 14])
    #expect(f(1, ["a b": 2], Static(3), x).scalars == [12, 15, 18, 21])
    #expect(f.report.entries.count == 4)
  }

  @Test("no silent fallback: the limit throws and says why")
  func limit() throws {
    let f = compile(options: CompileOptions(limit: 2)) { (x: Tensor<Float>) in x + 1 }
    _ = f(.zeros([1]))
    _ = f(.zeros([2, 1]))
    let error = #expect(throws: KilnError.self) { try f.run(.zeros([3, 1, 1])) }
    #expect(error?.diagnostics.first?.label == "compile.limit")
    #expect(error?.description.contains("is f32[3,1,1]") == true)
    #expect(f(.zeros([1])).scalars == [1])
  }

  @Test("a limit of 0 or less allows no program", arguments: [0, -1, Int.min])
  func noPrograms(limit: Int) throws {
    let f = compile(options: CompileOptions(limit: limit)) { (x: Tensor<Float>) in x + 1 }
    let error = #expect(throws: KilnError.self) { try f.run(.zeros([3])) }
    #expect(error?.diagnostics.map(\.label) == ["compile.limit"])
    #expect(error?.description.contains("this function may have no program") == true)
    #expect(f.report.entries.isEmpty)
    // A call that another function records needs no program of its own.
    let outer = compile { (x: Tensor<Float>) in f(x) * 2 }
    #expect(try outer.run(.zeros([1])).scalars == [2])
  }

  @Test("captured tensors are hidden inputs; variables are read again at each call")
  func captures() throws {
    let rate = Variable(Tensor<Float>(0.5))
    let weight = Tensor([1, 2])
    let f = compile { (x: Tensor<Float>) in x * weight * rate.value }
    #expect(f(x).scalars == [0.5, 2, 1.5, 4])
    rate.value = 2
    #expect(f(x).scalars == [2, 8, 6, 16])
    #expect(f.report.entries.count == 1)
    let text = f.report.entries[0].module.description
    #expect(text.contains("captured0") && text.contains("captured1") && !text.contains("0.5"))
  }

  @Test("a compiled function inside another is a call, with its captures")
  func nesting() throws {
    let weight = Tensor([3, 4])
    let inner = compile { (x: Tensor<Float>) in (x * weight, x.sum()) }
    let outer = compile { (x: Tensor<Float>) in
      let (a, b) = inner(x)
      return a + b
    }
    #expect(outer(x).scalars == [13, 18, 19, 26])
    #expect(outer.report.entries[0].module.functions.count == 2)
    #expect(inner.report.entries.isEmpty)
  }

  @Test("views and the same tensor twice are ordinary arguments; results are fresh")
  func aliasing() {
    let f = compile { (x: Tensor<Float>, y: Tensor<Float>) in (x + y, x) }
    let (sum, same) = f(x, x)
    #expect(sum.scalars == [2, 4, 6, 8])
    let (other, _) = f(x.reshaped(to: [4]).reshaped(to: [2, 2]), x * 3)
    #expect(other.scalars == [4, 8, 12, 16])
    #expect(sum.scalars == [2, 4, 6, 8] && same.scalars == x.scalars)
  }

  @Test("checksEveryTrace finds a closure that depends on more than its arguments")
  func retrace() throws {
    let counter = Counter()
    var options = CompileOptions()
    options.checksEveryTrace = true
    let frozen = compile(options: options) { (x: Tensor<Float>) in x * Float(counter.next()) }
    #expect(frozen(x).scalars == x.scalars)
    let error = #expect(throws: KilnError.self) { try frozen.run(x) }
    #expect(error?.diagnostics[0].label == "compile.C5")
    #expect(error?.description.contains("value = 1.0") == true && error?.description.contains("value = 2.0") == true)
    let honest = compile(options: options) { (x: Tensor<Float>) in x * 2 }
    #expect(honest(x).scalars == honest(x).scalars)
  }

  @Test("a stored property that visit forgets is a diagnostic")
  func forgottenProperty() {
    let f = compile { (tree: Forgetful, x: Tensor<Float>) in tree.shown * x }
    let error = #expect(throws: KilnError.self) { try f.run(Forgetful(), x) }
    #expect(error?.diagnostics.map(\.label) == ["tree.C2"])
    #expect(error?.description.contains("Forgetful does not show its stored property 'hidden'") == true)
  }

  @Test("a tree that shows another structure at every visit is a diagnostic")
  func changingTree() {
    let f = compile { (tree: Changing, x: Tensor<Float>) in x }
    let error = #expect(throws: KilnError.self) { try f.run(Changing(), x) }
    #expect(error?.diagnostics.map(\.label) == ["compile.C3"])
  }
}

private func doubled(_ x: Tensor<Float>) -> Tensor<Float> { x + x }

@Suite("Compiled functions on several threads")
struct CompileThreadTests {
  @Test("10,000 calls keep one program; two threads compile and call at once")
  func threads() async {
    let f = compile { (x: Tensor<Float>) in (x * 2 + 1).sum() }
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<200).allSatisfy { i in f(Tensor([Float(i % 7), 1])).item == Float(i % 7) * 2 + 4 }
        }
      }
      for await result in group { #expect(result) }
    }
    #expect(f.report.entries.count == 1)
  }

  @Test("a function uses as many threads as its options say, with the same bits")
  func threadOption() async {
    await #expect(processExitsWith: .success) {
      setenv("KILN_THREADS", "2", 1)
      let x = Tensor<Float>((0..<256 * 256).map { Float($0 % 7) }, shape: [256, 256])
      func sharedLoops(_ options: CompileOptions) -> (count: Int, scalars: [Float]) {
        let f = compile(options: options) { (x: Tensor<Float>) in matmul(x, x) }
        // Compilation, too, is shared.
        let result = f(x)
        let before = WorkerPool.shared.sharedLoopCount
        for _ in 0..<5 { _ = f(x) }
        return (WorkerPool.shared.sharedLoopCount - before, result.scalars)
      }
      let (alone, all) = (sharedLoops(CompileOptions(threads: 1)), sharedLoops(CompileOptions()))
      guard alone.count == 0, all.count > 0, alone.scalars == all.scalars else { exit(1) }
    }
  }

  @Test("threads that begin, call and end use one program, and find each other's tables")
  func shortThreads() async {
    let f = compile { (x: Tensor<Float>, i: Tensor<Int32>) in x.gathered(i) * 2 }
    let x = Tensor<Float>([1, 2, 3])
    for _ in 0..<5 {
      await withTaskGroup(of: Bool.self) { group in
        for task in 0..<6 {
          group.addTask {
            for turn in 0..<50 {
              // A call that fails leaves its tables as one that does not.
              let index = (task + turn) % 4
              let result = try? f.run(x, Tensor([Int32(index)])).scalars
              if result != (index == 3 ? nil : [Float(index + 1) * 2]) { return false }
            }
            return true
          }
        }
        for await result in group { #expect(result) }
      }
    }
    #expect(f.report.entries.count == 1)
  }
}
