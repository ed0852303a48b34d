import KilnIR

/// Constant folding. The reference evaluator computes every folded value (Numerics.md W1); an instruction that it
/// refuses, such as a gather out of bounds, stays and says so when it runs.
extension Simplifier {
  /// Constants with more bytes than this are not looked at, and larger ones are not made.
  private static let maximumByteCount = 64 * 1024
  /// Multiplications of a contraction, or elements of any other op, that folding spends on one instruction.
  private static let maximumWork = 1 << 16

  /// An elementwise op on constants with equal elements has equal elements, so one number is computed. Movement of such
  /// constants gives one again.
  static let foldSplats = RewriteRule("fold splats") { rewriter, op, operands throws(KilnError) in
    let splats = operands.compactMap { rewriter.splat($0) }
    guard !operands.isEmpty, splats.count == operands.count else { return nil }
    switch op {
    case .map, .type:
      let literals = splats.map { Literal(splat: $0) }
      guard let value = evaluate(op, literals, in: rewriter), let element = value.splat else { return nil }
      return try rewriter.constant(element, rewriter.type(of: operands[0]).shape)
    // Sums of equal elements are not equal.
    case .movement(.overlapAdd): return nil
    case .movement(let movement):
      // A pad with another value and a concatenation of different ones have several elements.
      guard splats.allSatisfy({ $0 == splats[0] }) else { return nil }
      let types = operands.map { rewriter.type(of: $0) }
      var sizes = SizeQuestions()
      // What its sizes must meet is said where it is built, so one with questions stays.
      guard let shape = try? Op.movement(movement).infer(types, in: Module(), &sizes)[0].shape, sizes.open.isEmpty
      else { return nil }
      return try rewriter.constant(splats[0], shape)
    case .source, .reduction, .contraction, .indexing, .control: return nil
    }
  }

  /// Any op on small constants. A broadcast stays, as do windows: they are cheaper than their elements.
  static let foldLiterals = RewriteRule("fold literals") { rewriter, op, operands throws(KilnError) in
    switch op {
    case .source, .movement(.broadcast), .movement(.windows), .control: return nil
    case .map, .type, .movement, .reduction, .contraction, .indexing: break
    }
    let literals = operands.compactMap { rewriter.literal($0) }
    guard literals.count == operands.count,
      literals.allSatisfy({ !$0.type.shape.isSymbolic && $0.type.byteCount <= maximumByteCount }),
      let value = evaluate(op, literals, in: rewriter)
    else { return nil }
    return try rewriter.constant(value)
  }

  /// The constant that `op` makes of constants; nil when it is too large or too costly, or when the op refuses.
  private static func evaluate(_ op: Op, _ operands: [Literal], in rewriter: Rewriter) -> Literal? {
    guard let types = try? op.infer(operands.map(\.type), in: Module()), types.count == 1 else { return nil }
    let type = types[0]
    if type.shape.isSymbolic { return nil }
    let largest = operands.map(\.type.shape.elementCount).max() ?? 0
    guard type.shape.elementCount <= Literal.maximumElementCount, type.byteCount <= maximumByteCount,
      work(of: op, operands.map(\.type), type) <= maximumWork, largest <= maximumWork,
      let results = try? ReferenceInterpreter.evaluate(
        op: op, operands: operands.map { TensorValue($0) }, resultTypes: types, location: rewriter.location)
    else { return nil }
    let bits = results[0].bits
    return try? Literal(type, bits: copiesBits(op) ? bits : bits.map { canonical(Scalar(type.dtype, bits: $0)).bits })
  }

  /// All NaNs are one (Numerics.md S2); a computed one is written as text reads it, so that a module reads back equal.
  private static func canonical(_ scalar: Scalar) -> Scalar {
    scalar.isNaN ? Scalar(scalar.dtype, Double.nan) : scalar
  }

  /// Whether the elements of the result are those of operands, NaNs included.
  private static func copiesBits(_ op: Op) -> Bool {
    switch op {
    case .movement(.overlapAdd): false
    case .movement, .type(.bitcast), .map(.select), .indexing(.gather), .indexing(.dynamicSlice),
      .indexing(.dynamicUpdateSlice):
      true
    case .source, .type(.convert), .map, .reduction, .contraction, .indexing, .control: false
    }
  }

  private static func work(of op: Op, _ operands: [TensorType], _ result: TensorType) -> Int {
    guard case .contraction(let contraction) = op else { return result.shape.elementCount }
    return (result.shape.size * contraction.termCount(operands[0], operands[1])).staticSize
  }
}
