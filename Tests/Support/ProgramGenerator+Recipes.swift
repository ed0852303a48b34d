import KilnIR

extension ProgramGenerator {
  /// One recipe for each op, and for each attribute that decides what the op computes.
  static let recipes: [Recipe] =
    ScalarFunction.allCases.map { function in
      Recipe(label: function.spelling) { generator throws(ConstraintFailure) in try generator.map(function) }
    }
    + sourceRecipes + typeRecipes + movementRecipes
    + ReductionKind.allCases.map { kind in
      Recipe(label: "reduce \(kind)") { generator throws(ConstraintFailure) in try generator.reduce(kind) }
    }
    + ArgReductionKind.allCases.map { kind in
      Recipe(label: "argReduce \(kind)") { generator throws(ConstraintFailure) in try generator.argReduce(kind) }
    }
    + [Recipe(label: "dot") { generator throws(ConstraintFailure) in try generator.dot() }]
    + windowRecipes
    + IndexBounds.allCases.map { bounds in
      Recipe(label: "gather \(bounds)") { generator throws(ConstraintFailure) in try generator.gather(bounds) }
    }
    + ScatterCombiner.allCases.map { combiner in
      Recipe(label: "scatter \(combiner)") { generator throws(ConstraintFailure) in try generator.scatter(combiner) }
    }
    + lineRecipes + boxRecipes + controlRecipes + loopRecipes

  /// The ops that most rewrites are about come more often.
  static let arithmeticRecipes: [Recipe] = [ScalarFunction.add, .subtract, .multiply, .divide, .negate].map {
    function in
    Recipe(label: function.spelling) { generator throws(ConstraintFailure) in try generator.map(function) }
  }

  private static let sourceRecipes: [Recipe] = [
    Recipe(label: "constant") { generator throws(ConstraintFailure) in try generator.constant(generator.randomType()) },
    Recipe(label: "iota") { generator throws(ConstraintFailure) in
      let shape = generator.randomShape()
      guard shape.rank > 0, let dtype = generator.dtype(where: { $0.isInteger || $0.isArithmeticReal }) else {
        return nil
      }
      let axis = generator.random.index(below: shape.rank)
      return try generator.emit(.source(.iota(TensorType(dtype, shape), axis: axis)), [])
    },
    Recipe(label: "dimensionSize") { generator throws(ConstraintFailure) in
      guard generator.options.dtypes.contains(.i64), let x = generator.anyValue(where: { $0.rank > 0 }) else {
        return nil
      }
      return try generator.emit(
        .source(.dimensionSize(axis: generator.random.index(below: generator.type(x).rank))), [x])
    },
  ]

  private static let typeRecipes: [Recipe] = [
    Recipe(label: "convert") { generator throws(ConstraintFailure) in
      let x = generator.random.pick(generator.values)
      return try generator.emit(.type(.convert(generator.random.pick(generator.options.dtypes))), [x])
    },
    Recipe(label: "bitcast") { generator throws(ConstraintFailure) in
      guard var x = try generator.value(dtype: { $0 != .bool }) else { return nil }
      let type = generator.type(x)
      if type.dtype.isReal {
        // The bits of a computed NaN are unspecified (Numerics.md S2).
        let isFinite = try generator.emit(.map(.isFinite), [x])
        let zero = try generator.emit(.source(.constant(Literal(splat: .zero(type.dtype), shape: type.shape))), [])
        x = try generator.emit(.map(.select), [isFinite, x, zero])
      }
      guard let target = generator.dtype(where: { $0 != .bool && $0.bitWidth == type.dtype.bitWidth }) else {
        return nil
      }
      return try generator.emit(.type(.bitcast(target)), [x])
    },
  ]

  private static let controlRecipes: [Recipe] = [
    Recipe(label: "call") { generator throws(ConstraintFailure) in
      try generator.called { .call(callee: $0, captured: $1) }
    },
    Recipe(label: "checkpoint") { generator throws(ConstraintFailure) in
      try generator.called { .checkpoint(callee: $0, captured: $1) }
    },
    Recipe(label: "custom") { generator throws(ConstraintFailure) in
      try generator.called { .custom(ControlOp.Custom(callee: $0, captured: $1)) }
    },
    Recipe(label: "barrier") { generator throws(ConstraintFailure) in
      try generator.emit(.control(.barrier), generator.someValues(1...4))
    },
    Recipe(label: "stopGradient") { generator throws(ConstraintFailure) in
      try generator.emit(.control(.stopGradient), [generator.random.pick(generator.values)])
    },
  ]

  /// An op that runs some function of the module on values at hand.
  private mutating func called(_ op: (String, Int) -> ControlOp) throws(ConstraintFailure) -> ValueID? {
    guard let callee = builder.module.functions.randomElement(using: &random) else { return nil }
    var operands: [ValueID] = []
    // Operands that are indices stay in range only as the callee drew them; others may be anything.
    for parameter in callee.parameters { operands.append(try value(of: parameter.type, orAgain: operands)) }
    let captured = random.index(below: operands.count + 1)
    return random.pick(try builder.emit(.control(op(callee.name, captured)), operands))
  }

  private mutating func map(_ function: ScalarFunction) throws(ConstraintFailure) -> ValueID? {
    func operandDTypes(_ dtype: DType) -> [DType] {
      var dtypes = [DType](repeating: dtype, count: function.arity)
      if function == .select { dtypes[0] = .bool }
      return dtypes
    }
    let isAllowed = { (dtype: DType) in (try? function.resultDType(operandDTypes(dtype))) != nil }
    guard let x = try value(dtype: isAllowed) else { return nil }
    var operands: [ValueID] = []
    let shape = type(x).shape
    for dtype in operandDTypes(type(x).dtype) {
      let wanted = TensorType(dtype, shape)
      operands.append(random.oneIn(4) ? try constant(wanted) : try value(of: wanted, orAgain: operands + [x]))
    }
    // Not the condition of a select.
    let place = function == .select ? 1 + random.index(below: 2) : random.index(below: operands.count)
    operands[place] = x
    return try emit(.map(function), operands)
  }

  private mutating func reduce(_ kind: ReductionKind) throws(ConstraintFailure) -> ValueID? {
    let isLogical = kind == .and || kind == .or
    let isAllowed = { (dtype: DType) in dtype.isInteger || (isLogical ? dtype == .bool : dtype.isArithmeticReal) }
    guard let x = try value(dtype: isAllowed) else { return nil }
    return try emit(.reduction(.reduce(kind, axes: reducedAxes(of: type(x).shape))), [x])
  }

  private mutating func argReduce(_ kind: ArgReductionKind) throws(ConstraintFailure) -> ValueID? {
    guard let x = try value(dtype: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
    let axes = type(x).shape.indices.filter { type(x).shape[$0] != 0 }
    if axes.isEmpty { return nil }
    return try emit(.reduction(.argReduce(kind, axis: lineAxis(axes, of: type(x).shape))), [x])
  }

  /// A `dot` of some value with one made to fit: its axes are any, in any order.
  private mutating func dot() throws(ConstraintFailure) -> ValueID? {
    guard let x = try value(dtype: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
    let shape = type(x).shape
    let paired = subset(shape.rank, atLeast: 0)
    let batchCount = random.index(below: paired.count + 1)
    let free = random.oneIn(2) ? [random.pick([0, 1, 2, 3, 17])] : []
    var extents = paired.map { (source: $0 as Int?, size: shape[$0]) }
    extents += free.map { (source: nil, size: Dimension($0)) }
    // Axes in the order of `x` make a type that `x` may have.
    if random.oneIn(4) {
      extents.sort { ($0.source ?? .max) < ($1.source ?? .max) }
    } else {
      extents.shuffle(using: &random)
    }
    let other = TensorType(type(x).dtype, Shape(extents.map(\.size)))
    let pairs = paired.map { axis in AxisPair(axis, extents.firstIndex { $0.source == axis } ?? 0) }
    let op = Op.contraction(.dot(batch: Array(pairs.prefix(batchCount)), contract: Array(pairs.dropFirst(batchCount))))
    guard fits(other), fits(try op.infer([type(x), other], in: Module())[0]) else { return nil }
    return try emit(op, [x, value(of: other, orAgain: [x])])
  }

  private mutating func gather(_ bounds: IndexBounds) throws(ConstraintFailure) -> ValueID? {
    if random.oneIn(3), let value = try gatherFromItself(bounds) { return value }
    guard let x = anyValue(where: { $0.rank > 0 }), let dtype = dtype(where: \.isInteger) else { return nil }
    let (indexed, indexType, size) = indexedAxes(of: type(x).shape, dtype)
    let op = Op.indexing(.gather(indexed, bounds: bounds))
    guard indexType.shape.elementCount <= Literal.maximumElementCount,
      fits(try op.infer([type(x), indexType], in: Module())[0])
    else { return nil }
    return try emit(op, [x, indices(indexType, size: size, bounds, orAgain: [x])])
  }

  /// A gather whose operand is its indices, too.
  private mutating func gatherFromItself(_ bounds: IndexBounds) throws(ConstraintFailure) -> ValueID? {
    // Small, for each index brings a part of the operand as large as all of it but one axis.
    let isUsable = { (type: TensorType) in
      type.rank > 0 && type.dtype.isInteger && (1...64).contains(type.shape.elementCount)
    }
    guard let source = anyValue(where: isUsable) else { return nil }
    let axis = random.index(below: type(source).rank)
    let x = try indices(type(source), size: type(source).shape.dimensions[axis], bounds, orAgain: [source])
    let op = Op.indexing(.gather(IndexedAxes(axis), bounds: bounds))
    return fits(try op.infer([type(x), type(x)], in: Module())[0]) ? try emit(op, [x, x]) : nil
  }

  /// Some axes of a tensor to index and some that run together with the indices, the type of the indices, and the least
  /// extent that they reach into.
  private mutating func indexedAxes(of shape: Shape, _ dtype: DType) -> (IndexedAxes, TensorType, size: Int) {
    let axes = Array(0..<shape.rank).shuffled(using: &random)
    let count = random.oneIn(2) ? 1 : 1 + random.index(below: min(axes.count, 3))
    let chosen = Array(axes.prefix(count))
    let size = chosen.map { shape.dimensions[$0] }.min() ?? 0
    var extents = smallShape(atAxisOf: size).dimensions
    var batch: [AxisPair] = []
    if random.oneIn(2) {
      for axis in axes.dropFirst(count) where random.oneIn(2) {
        let place = random.index(below: extents.count + 1)
        extents.insert(shape.dimensions[axis], at: place)
        batch = batch.map { AxisPair($0.lhs, $0.rhs >= place ? $0.rhs + 1 : $0.rhs) } + [AxisPair(axis, place)]
      }
    }
    guard count > 1 || random.oneIn(6) else {
      return (IndexedAxes(chosen[0], batch: batch), TensorType(dtype, Shape(extents)), size)
    }
    return (IndexedAxes(vectorsAlong: chosen, batch: batch), TensorType(dtype, Shape(extents + [count])), size)
  }

  private mutating func scatter(_ combiner: ScatterCombiner) throws(ConstraintFailure) -> ValueID? {
    let isAllowed = { (type: TensorType) in
      type.rank > 0 && (combiner == .replace || type.dtype.isInteger || type.dtype.isArithmeticReal)
    }
    guard let x = anyValue(where: isAllowed), let dtype = dtype(where: \.isInteger) else { return nil }
    var (indexed, indexType, size) = indexedAxes(of: type(x).shape, dtype)
    let isWhole = random.oneIn(3)
    if isWhole {
      // As many updates as elements: the operand can be its own updates.
      size = type(x).shape.dimensions[indexed.axes[0]]
      (indexed, indexType) = (IndexedAxes(indexed.axes[0]), TensorType(dtype, [Dimension(size)]))
    }
    let bounds = random.pick(IndexBounds.allCases)
    let updates = try Op.indexing(.gather(indexed, bounds: bounds)).infer([type(x), indexType], in: Module())[0]
    guard indexType.shape.elementCount <= Literal.maximumElementCount, fits(updates) else { return nil }
    let index = try indices(indexType, size: size, bounds, orAgain: [x])
    let update = isWhole && random.oneIn(2) ? x : try value(of: updates, orAgain: [x, index])
    return try emit(.indexing(.scatter(indexed, combiner: combiner, bounds: bounds)), [x, index, update])
  }

  /// Indices along an axis of `size` elements; in range where the op checks that, which only constants guarantee for
  /// callers.
  private mutating func indices(
    _ type: TensorType, size: Int, _ bounds: IndexBounds, orAgain chosen: [ValueID]
  ) throws(ConstraintFailure) -> ValueID {
    // An i8 reaches 127.
    let inRange = try random.indices(type, in: 0..<min(size, 128))
    if bounds == .check || random.oneIn(2) {
      return try emit(.source(.constant(Literal(type, bits: inRange.bits))), [])
    }
    return try value(of: type, orAgain: chosen)
  }

  /// The shape of indices. An axis without elements has no valid index.
  private mutating func smallShape(atAxisOf size: Int) -> Shape {
    if size == 0 { return [0] }
    return random.pick([[], [1], [3], [2, 2], [5], [0], [17]])
  }

  /// Some of the axes below `rank`, in any order.
  private mutating func subset(_ rank: Int, atLeast count: Int) -> [Int] {
    let axes = Array(0..<rank).shuffled(using: &random)
    return rank < count ? [] : Array(axes.prefix(Int.random(in: count...rank, using: &random)))
  }
}

extension DType {
  /// A real type in which reductions and contractions compute.
  var isArithmeticReal: Bool { self == .f32 || self == .f64 }
}
