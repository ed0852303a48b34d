#if Macros
  import Kiln
  import KilnMacros
  import KilnNN

  /// A type whose `visit` is written by hand, and one that is the same by macro.
  protocol Twin: TensorTree, Sendable {
    var weight: Tensor<Float> { get set }
    var layers: [Dense<Float>] { get set }
    var bias: Tensor<Float>? { get set }
    var table: [String: Tensor<Float>] { get set }
    var rates: [Double] { get set }
    var label: String? { get set }
    var note: String { get set }
    init(_ rounding: Rounding)
  }

  enum Rounding: Hashable { case up, down }

  extension Twin {
    /// A scalar that all tensors but the key have a part in.
    func value(_ x: Tensor<Float>) -> Tensor<Float> {
      var y = matmul(x, weight)
      for layer in layers { y = layer(y) }
      if let bias { y = y + bias }
      for name in table.keys.sorted() { y = y * (table[name] ?? Tensor(1)) }
      return (Float(rates.reduce(0, +)) * y * y).sum()
    }
  }

  @TensorTree
  struct TwinByMacro: Twin {
    var weight = Tensor<Float>([[1, 2], [3, 4]])
    var layers = (1...2).map { Dense(inputs: 2, outputs: 2, key: RandomKey(seed: $0)) }
    var bias: Tensor<Float>?
    var scale: Tensor<Float>? = Tensor(2)
    var table: [String: Tensor<Float>] = ["b": Tensor([0.5, 1]), "a": Tensor([1, -1])]
    var nested: [[Int: Tensor<Double>?]] = [[2: nil, 1: Tensor(3)], [:]]
    var key = RandomKey(seed: 3)
    let rounding: Rounding
    var (low, high) = (0, 1)
    var rates = [0.1, 0.2]
    var label: String?
    var count: Int { rates.count }
    static var other: Int { 2 }
    // `Static` is a tree and could be a constant.
    var width = Static(4)
    @Ignored var note = "a note"
    @Ignored var transform: @Sendable (Float) -> Float = { $0 }

    init(_ rounding: Rounding) { self.rounding = rounding }
  }

  struct TwinByHand: Twin {
    var weight = Tensor<Float>([[1, 2], [3, 4]])
    var layers = (1...2).map { Dense(inputs: 2, outputs: 2, key: RandomKey(seed: $0)) }
    var bias: Tensor<Float>?
    var scale: Tensor<Float>? = Tensor(2)
    var table: [String: Tensor<Float>] = ["b": Tensor([0.5, 1]), "a": Tensor([1, -1])]
    var nested: [[Int: Tensor<Double>?]] = [[2: nil, 1: Tensor(3)], [:]]
    var key = RandomKey(seed: 3)
    let rounding: Rounding
    var (low, high) = (0, 1)
    var rates = [0.1, 0.2]
    var label: String?
    var width = Static(4)
    var note = "a note"
    var transform: @Sendable (Float) -> Float = { $0 }

    init(_ rounding: Rounding) { self.rounding = rounding }

    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&weight, "weight")
      visitor.visit(&layers, "layers")
      visitor.visit(&bias, "bias")
      visitor.visit(&scale, "scale")
      visitor.visit(&table, "table")
      visitor.visit(&nested, "nested")
      visitor.visit(&key, "key")
      visitor.constant(rounding, "rounding")
      visitor.constant(low, "low")
      visitor.constant(high, "high")
      visitor.constant(rates, "rates")
      visitor.constant(label, "label")
      visitor.visit(&width, "width")
      visitor.constant(IgnoredProperty(), "note")
      visitor.constant(IgnoredProperty(), "transform")
    }
  }

  /// Writes down what a tree shows.
  struct VisitLog: TensorVisitor {
    var lines: [String] = []

    mutating func leaf(_ tensor: inout AnyTensor) { lines.append("leaf \(tensor.type)") }
    mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {
      lines.append("\(name) \(value): \(Value.self)")
    }
    mutating func enter(_ name: String) { lines.append("enter \(name)") }
    mutating func enter(_ index: Int) { lines.append("enter \(index)") }
    mutating func leave() { lines.append("leave") }

    static func lines(of tree: some TensorTree) -> [String] {
      var (tree, log) = (tree, VisitLog())
      tree.visit(&log)
      return log.lines
    }
  }
#endif
