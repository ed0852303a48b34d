#if Macros
  import Foundation
  import Kiln
  import KilnMacros
  import KilnNN
  import Testing

  func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-macros-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  func bits(_ tree: some TensorTree) -> [[UInt8]] { tree.tensors.map { $0.tensor.bytes } }

  @Suite("Trees by macro")
  struct TreeByMacroTests {
    private let x = Tensor<Float>([[1, -1]])

    @Test("a tree shows what one by hand shows")
    func visit() {
      let (tree, hand) = (TwinByMacro(.up), TwinByHand(.up))
      #expect(VisitLog.lines(of: tree) == VisitLog.lines(of: hand))
      #expect(tree.tensors.map(\.name) == hand.tensors.map(\.name))
      #expect(
        tree.tensors.map(\.name).prefix(5) == [
          "weight", "layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias",
        ])
      #expect(tree.parameters.map(\.name) == hand.parameters.map(\.name) && bits(tree) == bits(hand))
      var filled = tree
      filled.bias = Tensor([1, 2])
      #expect(filled.tensors.map(\.name).contains("bias") && filled.tensors.count == tree.tensors.count + 1)
    }

    private func report<Tree: Twin>(_ type: Tree.Type) throws -> [[String]] {
      let f = compile { (tree: Tree, x: Tensor<Float>) in tree.value(x) }
      var tree = Tree(.up)
      var values: Set<Float> = []
      values.insert(try f.run(tree, x).item)
      tree.weight = 2 * tree.weight
      tree.note = "another note"
      values.insert(try f.run(tree, x).item)
      #expect(f.report.entries.count == 1 && values.count == 2)
      tree.rates = [0.3]
      values.insert(try f.run(tree, x).item)
      tree.bias = Tensor([1, 2])
      values.insert(try f.run(tree, x).item)
      values.insert(try f.run(Tree(.down), x).item)
      tree.table["c"] = Tensor([1, 1])
      values.insert(try f.run(tree, x).item)
      #expect(f.report.entries.count == 5)
      return f.report.entries.map { $0.reasons.map(\.description) }
    }

    @Test("another constant is another program, for the same reason as by hand; what is ignored is not")
    func constants() throws {
      let reasons = try report(TwinByMacro.self)
      #expect(reasons == (try report(TwinByHand.self)))
      #expect(reasons[1].first?.contains("arg0.rates") == true && reasons[3].first?.contains("arg0.rounding") == true)
    }

    @Test("a gradient is that of a tree by hand, bit for bit, and keeps constants and what is ignored")
    func gradients() {
      var (tree, hand) = (TwinByMacro(.down), TwinByHand(.down))
      tree.note = "kept"
      (tree.bias, hand.bias) = (Tensor([1, 2]), Tensor([1, 2]))
      let slope = gradient(at: tree) { tree in tree.value(x) }
      let expected = gradient(at: hand) { hand in hand.value(x) }
      #expect(bits(slope) == bits(expected))
      #expect(slope.weight.scalars.contains { $0 != 0 } && slope.bias?.scalars.contains { $0 != 0 } == true)
      #expect(slope.note == "kept" && slope.rounding == .down && slope.rates == [0.1, 0.2])
    }

    private func updated<Tree: Twin>(_ type: Tree.Type) throws -> (bits: [[UInt8]], inPlace: Int, note: String) {
      let step = compile { (tree: inout Tree, x: Tensor<Float>) in
        let slope = gradient(at: tree) { tree in tree.value(x) }
        tree.weight -= 0.01 * slope.weight
        for index in tree.layers.indices { tree.layers[index].weight -= 0.01 * slope.layers[index].weight }
        tree.table["a"] = slope.table["b"]
      }
      var tree = Tree(.up)
      tree.note = "kept"
      for _ in 0..<4 { try step.run(updating: &tree, x) }
      #expect(step.report.entries.count == 1)
      return (bits(tree), step.report.inPlaceCount, tree.note)
    }

    @Test("a state is updated in place, as often and to the same bits as one by hand")
    func update() throws {
      let (tree, hand) = (try updated(TwinByMacro.self), try updated(TwinByHand.self))
      #expect(tree.bits == hand.bits && tree.inPlace == hand.inPlace && tree.inPlace >= 9)
      #expect(tree.note == "kept" && tree.bits != bits(TwinByMacro(.up)))
    }

    @Test("a tree is saved by the names of its properties, and read into one by hand")
    func files() throws {
      try withFolder { folder in
        var tree = TwinByMacro(.up)
        tree.weight = Tensor([[7, 8], [9, 10]])
        var (hand, again) = (TwinByHand(.up), TwinByMacro(.up))
        try tree.save(to: folder + "/tree.npz")
        try hand.load(from: folder + "/tree.npz")
        try again.load(from: folder + "/tree.npz")
        #expect(bits(hand) == bits(tree) && bits(again) == bits(tree))
        try tree.saveWeights(to: folder + "/tree.safetensors")
        again = TwinByMacro(.up)
        try again.loadWeights(from: folder + "/tree.safetensors")
        #expect(bits(again) == bits(tree))
      }
    }

    @TensorTree
    fileprivate struct Hides {
      var shown = Tensor<Float>(1)
      @Ignored var hidden = Tensor<Float>(2)
    }

    @Test("a property with tensors that is ignored is a mistake of the tree")
    func ignoredTensors() {
      let error = #expect(throws: KilnError.self) {
        try compile { (tree: Hides) in tree.shown * tree.hidden }.run(Hides())
      }
      #expect(error?.diagnostics.map(\.label) == ["tree.C2"] && "\(error.map { "\($0)" } ?? "")".contains("'hidden'"))
    }

    @TensorTree
    fileprivate struct Pair<First: TensorTree, Count: Hashable & Sendable>: TensorModel {
      var first: First
      var count: Count
    }

    @Test("a generic tree is a model with arithmetic")
    func generic() {
      let pair = Pair(first: [Tensor<Float>([1, 2])], count: 3)
      let sum = 2 * pair + pair
      #expect(sum.first[0].scalars == [3, 6] && sum.tensors.map(\.name) == ["first.0"])
      #expect(VisitLog.lines(of: pair).last == "count 3: Int")
    }
  }
#endif
