import Kiln
import KilnIR

/// What a number of a call stands for, which says what numbers are wrong in its place.
enum Meaning {
  /// An axis of a tensor of so many axes.
  case axis(Int)
  /// The place of a new axis beside so many.
  case newAxis(Int)
  /// A position on an axis of so many elements.
  case position(Int)
  /// A number from `least` on, of which `most` is the greatest that fits.
  case number(from: Int, to: Int)
  /// Any number is right.
  case any

  /// Numbers that are wrong; those that any caller may well write come first.
  var wrong: [Int] {
    switch self {
    case .axis(let rank): [rank, -rank - 1, rank + 2, -rank - 3, .max, .min]
    case .newAxis(let rank): [rank + 1, -rank - 2, .max, .min]
    case .position(let size): [size, -size - 1, .max, .min]
    case .number(let least, let most): [least - 1, .max, .min, .min + 1] + (most < 1 << 30 ? [most + 1] : [])
    case .any: []
    }
  }

  /// Numbers that are right, at the ends of what is right.
  var right: [Int] {
    switch self {
    case .axis(let rank): [0, rank - 1, -1, -rank]
    case .newAxis(let rank): [0, rank, -1, -rank - 1]
    case .position(let size): [0, size - 1, -1, -size]
    case .number(let least, _): [least]
    case .any: [0, 1, -1, 1000, -1000, .max, .min, .min + 1]
    }
  }
}

/// The tensors that calls are made on. Each is an argument of the closures in which they are traced.
struct Operands: TensorTree {
  var m = Tensor<Float>([[1, 2, 3], [4, 5, 6]])
  var v = Tensor<Float>([1, 2, 3])
  var one = Tensor<Float>([1])
  var ids = Tensor<Int32>([0, 1])
  var x1 = Tensor<Float>.ones([1, 5, 4])
  var k1 = Tensor<Float>.ones([3, 4, 2])
  var x2 = Tensor<Float>.ones([1, 5, 5, 4])
  var k2 = Tensor<Float>.ones([3, 3, 4, 2])
  var x3 = Tensor<Float>.ones([1, 5, 5, 5, 4])
  var k3 = Tensor<Float>.ones([3, 3, 3, 4, 2])

  var isPositive: Tensor<Bool> { m .> 0 }
  var start: Tensor<Int32> { ids[0] }
  var channels: Tensor<Float> { x1[0, 0] }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&m, "m")
    visitor.visit(&v, "v")
    visitor.visit(&one, "one")
    visitor.visit(&ids, "ids")
    visitor.visit(&x1, "x1")
    visitor.visit(&k1, "k1")
    visitor.visit(&x2, "x2")
    visitor.visit(&k2, "k2")
    visitor.visit(&x3, "x3")
    visitor.visit(&k3, "k3")
  }

  /// Two examples of each.
  var pairs: Operands {
    var pairs = self
    pairs.updateTensors { _, tensor in stacked([tensor, tensor]) }
    return pairs
  }
}

/// A call with one number left open, written in one line of a table.
struct Row: Sendable {
  /// As in `rolled(by:axis:)`.
  let function: String
  let parameter: String
  let meaning: Meaning
  /// The labels of the diagnostics of wrong numbers.
  let labels: [String]
  /// Whether the number itself is in the message; it may be a product with others.
  let tellsNumber: Bool
  let line: Int
  let call: @Sendable (Operands, Int) -> Void

  init(
    _ function: String, _ parameter: String, _ meaning: Meaning, _ labels: String..., tellsNumber: Bool = true,
    line: Int = #line, call: @escaping @Sendable (Operands, Int) -> Void
  ) {
    (self.function, self.parameter, self.meaning, self.labels) = (function, parameter, meaning, labels)
    (self.tellsNumber, self.line, self.call) = (tellsNumber, line, call)
  }
}

extension Meaning: Sendable {}

/// Where a call is made. Every one of them throws what is wrong in it.
enum Context: String, CaseIterable {
  case eager, traced, gradient, vmap, compiled

  func run(_ operands: Operands, _ body: @escaping @Sendable (Operands) -> Void) throws {
    switch self {
    case .eager: try withDiagnostics { body(operands) }
    case .traced:
      _ = try trace(operands) { operands in
        body(operands)
        return operands.v
      }
    case .gradient:
      try withDiagnostics {
        _ = Kiln.gradient(at: operands) { operands in
          body(operands)
          return operands.v.sum()
        }
      }
    case .vmap:
      let pairs = operands.pairs
      let function = Kiln.vmap { (operands: Operands) in
        body(operands)
        return operands.v
      }
      _ = try function.run(pairs)
    case .compiled:
      let function = compile { (operands: Operands) in
        body(operands)
        return operands.v
      }
      _ = try function.run(operands)
    }
  }
}
