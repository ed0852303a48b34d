import KilnIR

extension ProgramGenerator {
  /// Ops on the lines of a tensor along one axis.
  static let lineRecipes: [Recipe] =
    ReductionKind.allCases.map { kind in
      Recipe(label: "scanReduce \(kind)") { generator throws(ConstraintFailure) in
        let isLogical = kind == .and || kind == .or
        let isAllowed = { (dtype: DType) in dtype.isInteger || (isLogical ? dtype == .bool : dtype.isArithmeticReal) }
        guard let x = try generator.value(dtype: isAllowed), generator.type(x).rank > 0 else { return nil }
        let axis = generator.lineAxis(Array(generator.type(x).shape.indices), of: generator.type(x).shape)
        return try generator.emit(
          .reduction(.scanReduce(kind, axis: axis, isReversed: generator.random.oneIn(2))), [x])
      }
    } + [
      Recipe(label: "argSort") { generator throws(ConstraintFailure) in
        guard let x = generator.anyValue(where: { $0.rank > 0 }) else { return nil }
        let type = generator.type(x)
        let axis = generator.random.index(below: type.rank)
        let first = generator.random.oneIn(2) ? nil : generator.random.index(below: type.shape[axis].staticSize + 1)
        return try generator.emit(
          .indexing(.argSort(axis: axis, isDescending: generator.random.oneIn(2), first: first)), [x])
      }
    ]

  /// Boxes that begin at indices that are data.
  static let boxRecipes: [Recipe] = [IndexBounds.check, .clamp].flatMap { (bounds: IndexBounds) -> [Recipe] in
    [
      Recipe(label: "dynamicSlice \(bounds)") { generator throws(ConstraintFailure) in
        guard let dtype = generator.dtype(where: { $0 == .i32 || $0 == .i64 }) else { return nil }
        let x = generator.random.pick(generator.values)
        let sizes = generator.boxSizes(generator.type(x).shape)
        let starts = try generator.starts(sizes, in: generator.type(x).shape, dtype, bounds)
        return try generator.emit(.indexing(.dynamicSlice(sizes: sizes.extents, bounds: bounds)), [x] + starts)
      },
      Recipe(label: "dynamicUpdateSlice \(bounds)") { generator throws(ConstraintFailure) in
        guard let dtype = generator.dtype(where: { $0 == .i32 || $0 == .i64 }) else { return nil }
        let x = generator.random.pick(generator.values)
        let type = generator.type(x)
        let sizes = generator.boxSizes(type.shape)
        let starts = try generator.starts(sizes, in: type.shape, dtype, bounds)
        let update = try generator.value(of: TensorType(type.dtype, Shape(sizes)), orAgain: [x])
        return try generator.emit(.indexing(.dynamicUpdateSlice(bounds: bounds)), [x, update] + starts)
      },
    ]
  }

  private mutating func boxSizes(_ shape: Shape) -> [Int] {
    shape.dimensions.map { random.oneIn(3) ? $0 : Int.random(in: min($0, 1)...$0, using: &random) }
  }

  /// Starts of a box; in range where the op checks that, which only constants guarantee for callers.
  private mutating func starts(
    _ sizes: [Int], in shape: Shape, _ dtype: DType, _ bounds: IndexBounds
  ) throws(ConstraintFailure) -> [ValueID] {
    let type = TensorType(dtype, .scalar)
    var starts: [ValueID] = []
    for (size, extent) in zip(sizes, shape.dimensions) {
      if bounds == .check || random.oneIn(2) {
        let start = Int.random(in: 0...extent - size, using: &random)
        let literal = Literal(splat: Scalar(Int64(start)).converted(to: dtype), shape: .scalar)
        starts.append(try emit(.source(.constant(literal)), []))
      } else {
        starts.append(try value(of: type, orAgain: starts))
      }
    }
    return starts
  }
}
