import KilnIR

/// Forms that single ops drawn by chance seldom make: reductions of reductions, axes of one element, one value at
/// several operands of a region that reads them in different orders, and operands that rewrites take for neutral.
extension ProgramGenerator {
  static let formRecipes: [Recipe] = [
    Recipe(label: "reductions in a chain") { generator throws(ConstraintFailure) in try generator.chain() },
    Recipe(label: "lines of one element") { generator throws(ConstraintFailure) in try generator.unitLines() },
    Recipe(label: "one value twice") { generator throws(ConstraintFailure) in try generator.oneValueTwice() },
    Recipe(label: "neutral operand") { generator throws(ConstraintFailure) in try generator.neutralOperand() },
  ]

  /// Reductions that read one another, most of them through a broadcast to the shape that was reduced, some with work
  /// between.
  private mutating func chain() throws(ConstraintFailure) -> ValueID? {
    guard let x = try value(dtype: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
    let full = type(x)
    var axes = reducedAxes(of: full.shape)
    var value = x
    for _ in 0...1 + random.index(below: 3) {
      let row = try emit(.reduction(.reduce(randomKind(full.dtype), axes: axes)), [value])
      let kept = full.shape.indices.filter { !axes.contains($0) }
      value = try emit(.movement(.broadcast(full.shape, axes: kept)), [row])
      switch random.index(below: 4) {
      case 0: value = try combined(x, value)
      case 1: axes = reducedAxes(of: full.shape)
      default: break
      }
    }
    return try emit(.reduction(.reduce(randomKind(full.dtype), axes: axes)), [value])
  }

  /// Every reduction along an axis of one element, alone or with the one beside it.
  private mutating func unitLines() throws(ConstraintFailure) -> ValueID? {
    guard let source = try value(dtype: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
    var sizes = type(source).shape.dimensions
    let axis = random.index(below: sizes.count + 1)
    sizes.insert(1, at: axis)
    let x = try emit(.movement(.reshape(Shape(sizes))), [source])
    let dtype = type(x).dtype
    switch random.index(below: 4) {
    case 0: return try emit(.reduction(.argReduce(random.pick(ArgReductionKind.allCases), axis: axis)), [x])
    case 1:
      return try emit(.reduction(.scanReduce(randomKind(dtype), axis: axis, isReversed: random.oneIn(2))), [x])
    case 2 where sizes.count > 1:
      let axes = axis == 0 ? [0, 1] : [axis - 1, axis]
      return try emit(
        .reduction(.reduce(randomKind(dtype), axes: random.oneIn(2) ? axes : axes.reversed())), [x])
    default: return try emit(.reduction(.reduce(randomKind(dtype), axes: [axis])), [x])
    }
  }

  /// A value and 0, -0 or 1, in either order.
  private mutating func neutralOperand() throws(ConstraintFailure) -> ValueID? {
    guard let x = try value(dtype: { $0.isInteger || $0.isArithmeticReal }) else { return nil }
    let (dtype, shape) = (type(x).dtype, type(x).shape)
    let scalar = random.pick([.zero(dtype), Scalar(dtype, dtype.isReal ? -0.0 : 0), .one(dtype)])
    let other = try emit(.source(.constant(Literal(splat: scalar, shape: shape))), [])
    let function = random.pick([ScalarFunction.add, .subtract, .multiply])
    return try emit(.map(function), random.oneIn(2) ? [x, other] : [other, x])
  }

  /// Axes to reduce: none, some, or those of one element.
  mutating func reducedAxes(of shape: Shape) -> [Int] {
    let axes = Array(shape.indices).shuffled(using: &random)
    let units = axes.filter { shape[$0] == 1 }
    switch random.index(below: 8) {
    case 0: return []
    case 1...2 where !units.isEmpty: return Array(units.prefix(1 + random.index(below: units.count)))
    default: return Array(axes.prefix(Int.random(in: min(1, axes.count)...axes.count, using: &random)))
    }
  }

  /// An axis to work along, more often than others one of a single element.
  mutating func lineAxis(_ axes: [Int], of shape: Shape) -> Int {
    let units = axes.filter { shape[$0] == 1 }
    return !units.isEmpty && random.oneIn(3) ? random.pick(units) : random.pick(axes)
  }

  private mutating func randomKind(_ dtype: DType) -> ReductionKind {
    random.pick(ReductionKind.allCases.filter { dtype.isInteger || ($0 != .and && $0 != .or) })
  }

  // MARK: - One value at several operands

  /// A branch, loop or call that takes a new value, which only it reads, at several places, and reads it elementwise at
  /// one of them and in another order at the other.
  private mutating func oneValueTwice() throws(ConstraintFailure) -> ValueID? {
    let isUsable = { (type: TensorType) in type.rank > 0 && type.shape.elementCount > 1 }
    guard depth < 2, var source = anyValue(where: isUsable) else { return nil }
    let type = type(source)
    // Different elements, or their order would not show.
    if random.oneIn(2) { source = try parameter(type) }
    let twin = random.oneIn(4) ? source : try combined(source, constant(type))
    let count = 2 + random.index(below: 2)
    let (twins, types) = (Array(repeating: twin, count: count), Array(repeating: type, count: count))
    let resultCount = 1 + random.index(below: 2)
    func mixing(_ generator: inout ProgramGenerator) throws(ConstraintFailure) -> String {
      try generator.function(taking: types, giving: []) { body throws(ConstraintFailure) in
        try body.mixed(types.indices.map { ValueID($0) }, count: resultCount)
      }
    }
    switch random.index(below: 5) {
    case 0...1 where options.dtypes.contains(.bool):
      let predicate = try value(of: TensorType(.bool, .scalar))
      // Where one side leaves the value alone, the other is its last reader and may write over it.
      func other(_ generator: inout ProgramGenerator) throws(ConstraintFailure) -> String {
        try generator.function(taking: types, giving: []) { body throws(ConstraintFailure) in
          var results: [ValueID] = []
          for _ in 0..<resultCount { results.append(try body.constant(type)) }
          return results
        }
      }
      var branches = [try mixing(&self), random.oneIn(3) ? try mixing(&self) : try other(&self)]
      if random.oneIn(4) { branches.swapAt(0, 1) }
      let op = Op.control(.cond(then: branches[0], else: branches[1]))
      return random.pick(try builder.emit(op, [predicate] + twins))
    case 2 where options.dtypes.contains(.i32):
      let counter = TensorType(.i32, .scalar)
      let captured = random.index(below: count - 1)
      let limit = Int32(random.index(below: 4))
      let condition = try function(taking: [counter] + types, giving: []) { body throws(ConstraintFailure) in
        [try body.emit(.map(.less), [ValueID(0), body.number(limit)])]
      }
      let next = try function(taking: [counter] + types, giving: []) { body throws(ConstraintFailure) in
        let places = types.indices.map { ValueID($0 + 1) }
        let mixed = try body.mixed(places, count: count - captured)
        return [try body.emit(.map(.add), [ValueID(0), body.number(1)])] + mixed
      }
      let start = try number(0)
      let op = Op.control(.while(condition: condition, body: next, captured: captured))
      return random.pick(try builder.emit(op, [start] + twins))
    case 3:
      let captured = random.index(below: count)
      let body = try function(taking: types, giving: []) { body throws(ConstraintFailure) in
        try body.mixed(types.indices.map { ValueID($0) }, count: count - captured)
      }
      let scan = ControlOp.Scan(
        body: body, carried: count - captured, captured: captured, length: random.pick([1, 2, 3]),
        isReversed: random.oneIn(3))
      return random.pick(try builder.emit(.control(.scan(scan)), twins))
    default:
      let callee = try mixing(&self)
      let op = random.pick([
        ControlOp.call(callee: callee, captured: 0), .checkpoint(callee: callee, captured: 0),
        .custom(ControlOp.Custom(callee: callee, captured: 0)),
      ])
      return random.pick(try builder.emit(.control(op), twins))
    }
  }

  /// `count` values of the type of all `parameters`, each made of one as it is and of another in a different order.
  private mutating func mixed(_ parameters: [ValueID], count: Int) throws(ConstraintFailure) -> [ValueID] {
    var results: [ValueID] = []
    for _ in 0..<count {
      let order = parameters.shuffled(using: &random)
      let turned = try turned(order[1])
      switch random.index(below: 6) {
      case 0: results.append(turned)
      case 1, 2: results.append(try combined(turned, order[0]))
      default: results.append(try combined(order[0], turned))
      }
    }
    return results
  }

  /// A value of the type of `value` whose elements depend on other elements of it than the one in their place.
  private mutating func turned(_ value: ValueID) throws(ConstraintFailure) -> ValueID {
    let type = type(value)
    let axes = Array(type.shape.indices)
    switch random.index(below: 5) {
    case 0 where type.dtype.isInteger || type.dtype.isArithmeticReal:
      let axis = random.pick(axes)
      let row = try emit(.reduction(.reduce(randomKind(type.dtype), axes: [axis])), [value])
      return try emit(.movement(.broadcast(type.shape, axes: axes.filter { $0 != axis })), [row])
    case 1 where type.dtype.isInteger || type.dtype.isArithmeticReal:
      return try emit(
        .reduction(.scanReduce(randomKind(type.dtype), axis: random.pick(axes), isReversed: random.oneIn(2))), [value])
    case 2 where type.shape.dimensions.allSatisfy { $0 <= Literal.maximumElementCount }:
      let axis = random.pick(axes)
      let index = TensorType(.i32, [type.shape[axis]])
      let places = try random.indices(index, in: 0..<type.shape.dimensions[axis])
      let indices = try emit(.source(.constant(Literal(index, bits: places.bits))), [])
      return try emit(.indexing(.gather(IndexedAxes(axis), bounds: .clamp)), [value, indices])
    default: return try emit(.movement(.reverse(axes: axes)), [value])
    }
  }

  /// An elementwise function of two values of one type, with a result of that type in which both still show.
  private mutating func combined(_ a: ValueID, _ b: ValueID) throws(ConstraintFailure) -> ValueID {
    let dtype = type(a).dtype
    let functions = [ScalarFunction.add, .subtract, .multiply, .maximum, .minimum, .xor, .or].filter {
      (try? $0.resultDType([dtype, dtype])) == dtype
    }
    return try emit(.map(random.pick(functions)), [a, b])
  }
}
