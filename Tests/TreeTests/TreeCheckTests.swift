import Kiln
import KilnIR
import Testing

// MARK: - Trees that are wrong, each in its own way

private struct ForgetsTensor: TensorTree, Sendable {
  var shown = Tensor<Float>([1, 2])
  var forgotten = Tensor<Float>([3, 4])
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&shown, "shown") }
}

/// The number of names is that of the properties.
private struct ForgetsUnderOtherNames: TensorTree, Sendable {
  var shown = Tensor<Float>([1, 2])
  var forgotten = Tensor<Float>([3, 4])
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&shown, "first")
    visitor.constant(2, "second")
  }
}

private struct ForgetsConstant: TensorTree, Sendable {
  var weight = Tensor<Float>([1, 2])
  var forgotten = 3
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
}

private struct ForgetsCollection: TensorTree, Sendable {
  var weight = Tensor<Float>([1, 2])
  var forgotten: [ForgetsNothing] = []
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
}

private struct ForgetsNothing: TensorTree, Sendable {
  var weight = Tensor<Float>([1, 2])
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
}

private struct ForgetsTied: TensorTree, Sendable {
  var weight: Tensor<Float>
  var forgotten: Tensor<Float>
  init() {
    weight = Tensor([1, 2])
    forgotten = weight
  }
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
}

private struct Holding<Content: TensorTree & Sendable>: TensorTree, Sendable {
  var first = Tensor<Float>([1, 2])
  var content: [Content?]
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&first, "first")
    visitor.visit(&content, "content")
  }
}

private enum HidesCase: TensorTree, Sendable {
  case forgotten(Tensor<Float>)
  case other(Tensor<Float>)
  mutating func visit(_ visitor: inout some TensorVisitor) {
    switch self {
    case .forgotten(var x):
      visitor.visit(&x, "x")
      self = .forgotten(x)
    case .other(var x):
      visitor.visit(&x, "x")
      self = .other(x)
    }
  }
}

// Written by hand, the requirement lets a class through the compiler, as a library that was built before would.
private final class Model: TensorTree, @unchecked Sendable {
  var weight = Tensor<Float>([1, 2])
  func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
  static func _isStructOrEnum() {}
}

private final class Box: @unchecked Sendable {
  var weight = Tensor<Float>([1, 2])
}

private struct SharesBox: TensorTree, Sendable {
  let box = Box()
  mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&box.weight, "box") }
}

// MARK: - Trees that are right

private struct CopiesBox: TensorTree, Sendable {
  private var box = Box()
  mutating func visit(_ visitor: inout some TensorVisitor) {
    if !isKnownUniquelyReferenced(&box) {
      let copy = Box()
      copy.weight = box.weight
      box = copy
    }
    visitor.visit(&box.weight, "box")
  }
}

@propertyWrapper private struct Wrapped<Value: Sendable>: Sendable { var wrappedValue: Value }

private struct Unusual: TensorTree {
  enum Kind: Hashable { case one, two }
  @Wrapped var weight = Tensor<Float>([1, 2])
  @Wrapped var kind = Kind.one
  var pair = (Tensor<Float>([1, 2]), Tensor<Float>([1, 2]))
  var numbers = [Float](repeating: 1, count: 100_000)
  let rate = Variable(Tensor<Float>(1))
  let step = compile { (x: Tensor<Float>) in x + 1 }
  var none: Tensor<Float>?
  var table: [String: Tensor<Float>] = ["a": Tensor<Float>([1, 2])]
  private var stored = Tensor<Float>([[1], [2]])
  var turned: Tensor<Float> {
    get { stored.flattened() }
    set { stored = newValue.reshaped(to: [2, 1]) }
  }
  lazy var later = 3
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "w")
    visitor.constant(kind, "case")
    visitor.visit(&pair.0, "left")
    visitor.visit(&pair.1, "right")
    visitor.constant(numbers, "numbers")
    visitor.visit(&none, "none")
    visitor.visit(&table, "table")
    visitor.visit(&turned, "turned")
    visitor.constant(later, "later")
  }
}

private enum Layer: TensorTree, Sendable {
  case dense(ForgetsNothing)
  case rest
  mutating func visit(_ visitor: inout some TensorVisitor) {
    switch self {
    case .dense(var dense):
      visitor.constant(0, "case")
      visitor.visit(&dense, "dense")
      self = .dense(dense)
    case .rest: visitor.constant(1, "case")
    }
  }
}

// MARK: - Where trees enter

private func sum(_ tree: some TensorTree) -> Tensor<Float> {
  tree.tensors(of: Float.self).map { $0.tensor.sum() }.reduce(0, +)
}

private struct Entry<Tree: TensorTree & Sendable>: Sendable {
  let name: String
  let run: @Sendable (Tree) throws -> Void
}

private func entries<Tree: TensorTree & Sendable>(_ type: Tree.Type) -> [Entry<Tree>] {
  let x = Tensor<Float>([1, 2])
  let ones: @Sendable (Tree) -> Tree = { $0 }
  return [
    Entry(name: "gradient") { _ = gradient(at: $0) { (t: Tree) in sum(t) } },
    Entry(name: "gradient of a function") { _ = try gradient(of: { (t: Tree) in sum(t) }).run($0) },
    Entry(name: "valueAndGradient") { _ = valueAndGradient(at: x, $0) { (_: Tensor<Float>, t: Tree) in sum(t) } },
    Entry(name: "gradient in a trace") { tree in
      _ = try trace(x) { (x: Tensor<Float>) in
        let slopes = gradient(at: tree) { (t: Tree) in sum(t) }
        return x + sum(slopes)
      }
    },
    Entry(name: "vjp") { _ = vjp(at: $0) { (t: Tree) in sum(t) } },
    Entry(name: "jvp") { _ = jvp(at: $0, along: $0) { (t: Tree) in sum(t) } },
    Entry(name: "jacobian") { _ = jacobian(at: $0) { (t: Tree) in sum(t) } },
    Entry(name: "hessianVectorProduct") { _ = hessianVectorProduct(at: $0, along: $0) { (t: Tree) in sum(t) } },
    Entry(name: "checkGradients") { _ = try checkGradients(at: $0) { (t: Tree) in sum(t) } },
    Entry(name: "vmap") { _ = vmap { (t: Tree) in sum(t) }($0) },
    Entry(name: "checkpoint") { _ = checkpoint { (t: Tree) in sum(t) }($0) },
    Entry(name: "withDerivative") { _ = withDerivative({ (t: Tree) in sum(t) }, pullback: { $0.input })($0) },
    Entry(name: "trace") { _ = try trace($0) { (t: Tree) in sum(t) } },
    Entry(name: "compile") { _ = try compile { (t: Tree) in sum(t) }.run($0) },
    Entry(name: "compile, in a trace") { tree in
      let f = compile { (t: Tree) in sum(t) }
      var failure: (any Error)?
      _ = try trace(x) { (x: Tensor<Float>) in
        do { return try f.run(tree) } catch { failure = error }
        return x.sum()
      }
      if let failure { throw failure }
    },
    Entry(name: "compiled update") { tree in
      var tree = tree
      _ = try compile { (t: inout Tree) in sum(t) }.run(updating: &tree)
    },
    Entry(name: "compiled update, input") { tree in
      var x = x
      _ = try compile { (x: inout Tensor<Float>, t: Tree) in sum(t) }.run(updating: &x, tree)
    },
    Entry(name: "scan, carry") { _ = scan($0, over: x) { (t: Tree, x: Tensor<Float>) in (t, x) } },
    Entry(name: "scan, elements") { _ = scan(x, over: $0) { (x: Tensor<Float>, t: Tree) in (x, sum(t)) } },
    Entry(name: "scan, outputs") { tree in _ = scan(x, length: 2) { (x: Tensor<Float>) in (x, tree) } },
    Entry(name: "fori") { _ = fori(0..<2, $0) { (_: Tensor<Int32>, t: Tree) in t } },
    Entry(name: "whileLoop") {
      _ = whileLoop($0) { (t: Tree) in
        sum(t) .< 0
      } body: { (t: Tree) in
        t
      }
    },
    Entry(name: "cond") { tree in
      _ = cond(Tensor<Bool>(true)) {
        tree
      } else: {
        tree
      }
    },
    Entry(name: "tape, watch") { tree in GradientTape().watch(tree) },
    Entry(name: "tape, gradient") { tree in
      let tape = GradientTape()
      let y = tape.record {
        tape.watch(x)
        return x.sum()
      }
      _ = tape.gradient(of: y, with: tree)
    },
    Entry(name: "result of vjp") { tree in _ = vjp(at: x) { (x: Tensor<Float>) in tree } },
    Entry(name: "result of jvp") { tree in _ = jvp(at: x, along: x) { (x: Tensor<Float>) in tree } },
    Entry(name: "result of vmap") { tree in _ = vmap { (x: Tensor<Float>) in tree }(x) },
    Entry(name: "result of checkpoint") { tree in _ = checkpoint { (x: Tensor<Float>) in tree }(x) },
    Entry(name: "result of compile") { tree in _ = try compile { (x: Tensor<Float>) in ones(tree) }.run(x) },
    Entry(name: "result of an update") { tree in
      var x = x
      _ = try compile { (x: inout Tensor<Float>) in ones(tree) }.run(updating: &x)
    },
    Entry(name: "result of trace") { tree in _ = try trace(x) { (x: Tensor<Float>) in tree } },
    Entry(name: "zeros") { _ = Tree.zeros(like: $0) },
    Entry(name: "mapped") { _ = $0.mapped { $0 + 1 } },
    Entry(name: "combined") { _ = combined($0, $0) { $0 + $1 } },
    Entry(name: "updateTensors") { tree in
      var tree = tree
      tree.updateTensors { _, tensor in AnyTensor(Tensor<Float>([9, 9])) }
    },
    Entry(name: "moved") { _ = $0.moved(to: .cpu) },
  ]
}

/// The diagnostics of `body`, thrown or noted.
private func diagnostics(_ body: () throws -> Void) -> [Diagnostic] {
  do {
    try withDiagnostics(body)
    return []
  } catch {
    return (error as? KilnError)?.diagnostics ?? []
  }
}

/// Each entry says `label` and names the type and the property; nothing is written into the tree.
private func expectRefused<Tree: TensorTree & Sendable>(_ make: () -> Tree, _ label: String, _ text: String) {
  for entry in entries(Tree.self) {
    let tree = make()
    let before = tree.tensors.map { $0.tensor.bytes }
    let found = diagnostics { try entry.run(tree) }
    #expect(
      found.contains { $0.label == label && $0.message.contains(text) }, "\(Tree.self), \(entry.name): \(found)")
    // Optimised closures that are alike become one, which has no line.
    #if DEBUG
      if let line = found.first(where: { $0.label == label })?.location.description {
        #expect(line.contains("TreeCheckTests.swift"), "\(Tree.self), \(entry.name): \(line)")
      }
    #endif
    #expect(tree.tensors.map { $0.tensor.bytes } == before, "\(Tree.self), \(entry.name) wrote into the tree")
  }
}

private func expectRight<Tree: TensorTree>(_ tree: Tree) {
  #expect(diagnostics { _ = gradient(at: tree) { (t: Tree) in sum(t) } }.map(\.description) == [])
  #expect(diagnostics { _ = try compile { (t: Tree) in sum(t) }.run(tree) }.map(\.description) == [])
}

@Suite("Trees are inspected at their first use")
struct TreeCheckTests {
  @Test("a stored property that visit leaves out is tree.C2 wherever trees enter, in every build")
  func forgotten() {
    expectRefused(
      { ForgetsTensor() }, "tree.C2", "visit of ForgetsTensor does not show its stored property 'forgotten'")
    expectRefused(
      { ForgetsUnderOtherNames() }, "tree.C2", "ForgetsUnderOtherNames does not show its stored property 'forgotten'")
    expectRefused({ ForgetsConstant() }, "tree.C2", "ForgetsConstant does not show its stored property 'forgotten'")
    expectRefused({ ForgetsCollection() }, "tree.C2", "ForgetsCollection does not show its stored property 'forgotten'")
    expectRefused({ ForgetsTied() }, "tree.C2", "ForgetsTied does not show its stored property 'forgotten'")
    expectRefused({ HidesCase.forgotten(Tensor([1, 2])) }, "tree.C2", "the enum HidesCase does not show which case")
    expectRefused(
      { Holding(content: [ForgetsTensor()]) }, "tree.C2",
      "visit of ForgetsTensor does not show its stored property 'forgotten'")
  }

  @Test("an optional that is filled later, and a longer array, are inspected again")
  func structures() {
    expectRight(Holding<ForgetsTensor>(content: []))
    expectRight(Holding<ForgetsTensor>(content: [nil]))
    for _ in 0..<2 {
      let found = diagnostics {
        _ = gradient(at: Holding(content: [nil, ForgetsTensor()])) { (t: Holding<ForgetsTensor>) in sum(t) }
      }
      #expect(found.map(\.label) == ["tree.C2"])
    }
    expectRight(Holding<ForgetsTensor>(content: [nil]))
  }

  @Test("a class is tree.C3 wherever trees enter, and keeps its weights")
  func classes() {
    expectRefused({ Model() }, "tree.C3", "Model is a class")
    expectRefused({ Holding(content: [Model()]) }, "tree.C3", "holds an object of class Model in 'content'")
    expectRefused({ SharesBox() }, "tree.C3", "SharesBox holds an object of class Box in 'box'")
  }

  @Test("a tensor under another name, behind a wrapper, in a copied object or converted is shown")
  func right() {
    expectRight(CopiesBox())
    expectRight(Unusual())
    expectRight(Holding(content: [ForgetsNothing()]))
    expectRight([Layer.dense(ForgetsNothing()), .rest])
  }

  @Test("the report names the tensors that got fresh buffers")
  func freshBuffers() {
    let step = compile { (model: inout Holding<ForgetsNothing>) in
      model.first = model.first + 1
      model.content[0]?.weight = model.first * 2
    }
    let base = Tensor<Float>([1, 2]) + 0
    var model = Holding(content: [ForgetsNothing(weight: base.reshaped(to: [2, 1]).reshaped(to: [2]))])
    let copy = model.first
    step(updating: &model)
    #expect(copy.scalars == [1, 2])
    #expect(step.report.freshBuffers == [.shared: ["first": 1], .view: ["content.0.weight": 1]])
    #expect(step.report.description.contains("fresh buffer because it is a view: content.0.weight"))
    step(updating: &model)
    #expect(step.report.inPlaceCount == 2 && step.report.freshBufferCounts == [.shared: 1, .view: 1])
  }
}
