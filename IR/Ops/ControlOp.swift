/// Ops that call functions, or speak to the transforms.
///
/// Callees are closed: every outer value that one uses is an operand. The last `captured` operands of an op are such
/// values of the enclosing trace; a loop passes them on unchanged in every turn.
public enum ControlOp: Hashable, Sendable {
  /// Calls a function of the module.
  case call(callee: String, captured: Int)
  /// The operand; derivatives stop here.
  case stopGradient
  /// A predicate `bool[]`, then the inputs: the results of one of two functions on the inputs.
  case cond(then: String, else: String)
  /// Carried values, then captured ones: as long as `condition` gives true, `body` gives the next carried values.
  case `while`(condition: String, body: String, captured: Int)
  case scan(Scan)
  /// Calls a function that has its own derivative or batching.
  case custom(Custom)
  /// Calls a function whose values the derivative computes again instead of keeping.
  case checkpoint(callee: String, captured: Int)
  /// The first operand, not to be computed before the others: what it is computed from may be computed twice, on both
  /// sides.
  case barrier

  /// A loop of `length` turns over the leading axis of tensors.
  ///
  /// Operands are `carried` values, tensors `xs` with leading extent `length`, and `captured` values. Turn i runs
  /// `body` on the carried values, element i of every xs and the captured values; it gives the next carried values and
  /// elements ys. Results are the last carried values, then the ys of all turns, stacked along a new leading axis.
  public struct Scan: Hashable, Sendable {
    public var body: String
    public var carried: Int
    public var captured: Int
    public var length: Dimension
    /// Whether turn `length - 1` comes first. Element i of the ys is that of turn i all the same.
    public var isReversed: Bool

    public init(body: String, carried: Int, captured: Int, length: Dimension, isReversed: Bool = false) {
      self.body = body
      self.carried = carried
      self.captured = captured
      self.length = length
      self.isReversed = isReversed
    }

    /// The element of the xs and ys that belongs to the turn that runs after `count` others.
    public func element(after count: Int) -> Int { isReversed ? length.staticSize - 1 - count : count }
  }

  /// The functions it runs, in the order of their attributes.
  public var callees: [String] {
    switch self {
    case .call(let callee, _): [callee]
    case .stopGradient, .barrier: []
    case .custom(let custom): custom.callees
    case .checkpoint(let callee, _): [callee]
    case .cond(let then, let otherwise): [then, otherwise]
    case .while(let condition, let body, _): [condition, body]
    case .scan(let scan): [scan.body]
    }
  }

  /// The op with its callees replaced.
  public func replacingCallees(_ transform: (String) -> String) -> ControlOp {
    switch self {
    case .call(let callee, let captured): return .call(callee: transform(callee), captured: captured)
    case .stopGradient, .barrier: return self
    case .custom(let custom): return .custom(custom.replacingCallees(transform))
    case .checkpoint(let callee, let captured): return .checkpoint(callee: transform(callee), captured: captured)
    case .cond(let then, let otherwise): return .cond(then: transform(then), else: transform(otherwise))
    case .while(let condition, let body, let captured):
      return .while(condition: transform(condition), body: transform(body), captured: captured)
    case .scan(var scan):
      scan.body = transform(scan.body)
      return .scan(scan)
    }
  }
}

// MARK: - Text

extension ControlOp {
  package var spelling: String {
    switch self {
    case .call: "call"
    case .stopGradient: "stopGradient"
    case .cond: "cond"
    case .while: "while"
    case .scan: "scan"
    case .custom: "custom"
    case .checkpoint: "checkpoint"
    case .barrier: "barrier"
    }
  }

  var attributes: [NamedAttribute] {
    func captures(_ count: Int) -> [NamedAttribute] { count == 0 ? [] : [NamedAttribute("captured", .integer(count))] }
    switch self {
    case .call(let callee, let captured): return [NamedAttribute("callee", .symbol(callee))] + captures(captured)
    case .stopGradient, .barrier: return []
    case .custom(let custom): return custom.attributes + captures(custom.captured)
    case .checkpoint(let callee, let captured):
      return [NamedAttribute("callee", .symbol(callee))] + captures(captured)
    case .cond(let then, let otherwise):
      return [NamedAttribute("then", .symbol(then)), NamedAttribute("else", .symbol(otherwise))]
    case .while(let condition, let body, let captured):
      return [NamedAttribute("condition", .symbol(condition)), NamedAttribute("body", .symbol(body))]
        + captures(captured)
    case .scan(let scan):
      return [NamedAttribute("body", .symbol(scan.body)), NamedAttribute("carried", .integer(scan.carried))]
        + captures(scan.captured) + [NamedAttribute("length", .dimension(scan.length))]
        + (scan.isReversed ? [NamedAttribute("reverse", .number("true"))] : [])
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> ControlOp? {
    func captured() throws(ConstraintFailure) -> Int {
      reader["captured"] == nil ? 0 : try reader.integer("captured")
    }
    switch spelling {
    case "call":
      try reader.allow("callee", "captured")
      return .call(callee: try reader.symbol("callee"), captured: try captured())
    case "stopGradient":
      try reader.allow()
      return .stopGradient
    case "custom":
      try reader.allow("callee", "pullback", "tangent", "batching", "captured")
      return .custom(try Custom(reader, captured: try captured()))
    case "checkpoint":
      try reader.allow("callee", "captured")
      return .checkpoint(callee: try reader.symbol("callee"), captured: try captured())
    case "barrier":
      try reader.allow()
      return .barrier
    case "cond":
      try reader.allow("then", "else")
      return .cond(then: try reader.symbol("then"), else: try reader.symbol("else"))
    case "while":
      try reader.allow("condition", "body", "captured")
      return .while(
        condition: try reader.symbol("condition"), body: try reader.symbol("body"), captured: try captured())
    case "scan":
      try reader.allow("body", "carried", "captured", "length", "reverse")
      return .scan(
        Scan(
          body: try reader.symbol("body"), carried: try reader.integer("carried"), captured: try captured(),
          length: try reader.dimension("length"),
          isReversed: reader["reverse"] == nil ? false : try reader.truth("reverse")))
    default: return nil
    }
  }
}

extension Op {
  /// The functions that the op runs.
  public var callees: [String] {
    if case .control(let op) = self { op.callees } else { [] }
  }
}
