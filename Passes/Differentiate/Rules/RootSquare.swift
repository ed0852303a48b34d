import KilnIR

/// The square of a square root: it has the derivatives of what stands under the root, also at 0, where the root has
/// none.
///
/// By the chain rule the cotangent of the root is a multiple of the root, which is divided by the root again: 0 / 0
/// at 0. Standard deviations and norms, and their squares, meet that at equal and at zero rows.
struct RootSquare {
  /// What happens to the root before it is squared, first to last.
  private enum Step {
    case movement(MovementOp, of: ValueID)
    /// A factor without derivative.
    case factor(ValueID)
  }

  /// The value under the root.
  let radicand: ValueID
  /// The root as it is squared.
  private let root: ValueID
  private let steps: [Step]
  /// Whether the root is one whose slope at 0 is made 0, so that the rule of the product holds everywhere but there.
  private let isGuarded: Bool

  /// - Returns: nil if `instruction` is not such a square.
  init?(_ instruction: Instruction, _ definitions: Definitions, _ isActive: (ValueID) -> Bool) {
    guard let root = definitions.squared(by: instruction), isActive(root) else { return nil }
    var steps: [Step] = []
    var value = root
    var hasFactor = false
    while let definition = definitions[value] {
      let operand = definition.operands.first ?? value
      switch definition.op {
      case .movement(let op) where op.isRearrangement: steps.append(.movement(op, of: operand))
      case .map(.multiply) where !isActive(definition.operands[1]):
        steps.append(.factor(definition.operands[1]))
        hasFactor = true
      case .map(.sqrt) where !hasFactor:
        (radicand, isGuarded) = (operand, false)
        (self.root, self.steps) = (root, steps.reversed())
        return
      case .map(.select):
        guard let operand = definitions.guardedRadicand(definition) else { return nil }
        (radicand, isGuarded) = (operand, true)
        (self.root, self.steps) = (root, steps.reversed())
        return
      case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control: return nil
      }
      value = operand
    }
    return nil
  }

  /// The cotangent of the radicand for that of the square, and what is left of it for the rule of the product.
  func pullback(
    _ cotangent: ValueID, _ values: EntityTable<ValueID, ValueID>, _ rewriter: inout Rewriter
  ) throws(KilnError) -> (radicand: ValueID, rest: ValueID?) {
    let root = values[root]
    let zero = try rewriter.zero(rewriter.type(of: root))
    var rest: ValueID?
    var part: ValueID
    if isGuarded {
      let isZero = try rewriter.equal(root, zero)
      rest = try rewriter.select(isZero, zero, cotangent)
      part = try rewriter.select(isZero, cotangent, zero)
    } else {
      part = try nanWhereRootIs(root, cotangent, &rewriter)
    }
    for step in steps.reversed() {
      switch step {
      case .factor(let factor): part = try rewriter.multiply(part, rewriter.multiply(values[factor], values[factor]))
      case .movement(let op, let operand):
        let use = Use(operands: [values[operand]], result: root, cotangent: part, needed: [true])
        part = try rewriter.movementPullback(op, use)[0] ?? part
      }
    }
    return (part, rest)
  }

  /// The tangent of the square for that of the radicand and the one by the rule of the product.
  func push(
    _ tangent: ValueID, product: ValueID, _ values: EntityTable<ValueID, ValueID>, _ rewriter: inout Rewriter
  ) throws(KilnError) -> ValueID {
    let root = values[root]
    var part = tangent
    for step in steps {
      switch step {
      case .factor(let factor): part = try rewriter.multiply(part, rewriter.multiply(values[factor], values[factor]))
      case .movement(let op, _): part = try rewriter.emitOne(.movement(op), [part])
      }
    }
    if !isGuarded { return try nanWhereRootIs(root, part, &rewriter) }
    return try rewriter.select(rewriter.equal(root, rewriter.zero(rewriter.type(of: root))), part, product)
  }

  private func nanWhereRootIs(
    _ root: ValueID, _ x: ValueID, _ rewriter: inout Rewriter
  ) throws(KilnError) -> ValueID {
    let value = try rewriter.emitOne(.control(.stopGradient), [root])
    return try rewriter.select(rewriter.map(.isNaN, value), value, x)
  }
}

extension MovementOp {
  /// Whether elements only move, or repeat: squares move and repeat as they do.
  fileprivate var isRearrangement: Bool {
    switch self {
    case .reshape, .broadcast, .transpose, .slice, .reverse, .windows: true
    case .pad, .concatenate, .overlapAdd: false
    }
  }
}

/// The instructions that define the values of a function.
struct Definitions {
  private let function: Function
  private let table: EntityTable<ValueID, InstructionID?>

  init(_ function: Function) { (self.function, table) = (function, function.definitions()) }

  subscript(value: ValueID) -> Instruction? { table[value].map { function.instructions[$0] } }

  /// The x of x · x and of x to the power 2.
  func squared(by instruction: Instruction) -> ValueID? {
    switch instruction.op {
    case .map(.multiply): instruction.operands[0] == instruction.operands[1] ? instruction.operands[0] : nil
    case .map(.power): splat(instruction.operands[1])?.isTwo == true ? instruction.operands[0] : nil
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control: nil
    }
  }

  /// The x of select(x = 0, 0, sqrt(select(x = 0, 1, x))).
  func guardedRadicand(_ select: Instruction) -> ValueID? {
    guard splat(select.operands[1])?.bits == 0, let root = self[select.operands[2]], root.op == .map(.sqrt),
      let inner = self[root.operands[0]], inner.op == .map(.select), inner.operands[0] == select.operands[0],
      let test = self[select.operands[0]], test.op == .map(.equal), test.operands[0] == inner.operands[2],
      splat(test.operands[1])?.bits == 0
    else { return nil }
    return inner.operands[2]
  }

  /// The one number of a constant, or of one that is broadcast.
  private func splat(_ value: ValueID) -> Scalar? {
    guard let definition = self[value] else { return nil }
    switch definition.op {
    case .source(.constant(let literal)): return literal.splat
    case .movement(.broadcast): return splat(definition.operands[0])
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control: return nil
    }
  }
}

extension Scalar {
  fileprivate var isTwo: Bool { dtype.isReal && self == Scalar(dtype, 2.0) }
}
