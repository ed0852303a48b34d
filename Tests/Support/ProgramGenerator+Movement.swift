import KilnIR

extension ProgramGenerator {
  static let movementRecipes: [Recipe] = [
    Recipe(label: "reshape") { generator throws(ConstraintFailure) in
      let x = generator.random.pick(generator.values)
      return try generator.emit(.movement(.reshape(generator.reshaped(generator.type(x).shape))), [x])
    },
    Recipe(label: "broadcast") { generator throws(ConstraintFailure) in try generator.broadcast() },
    Recipe(label: "transpose") { generator throws(ConstraintFailure) in
      let x = generator.random.pick(generator.values)
      let permutation = Array(0..<generator.type(x).rank).shuffled(using: &generator.random)
      return try generator.emit(.movement(.transpose(permutation: permutation)), [x])
    },
    Recipe(label: "slice") { generator throws(ConstraintFailure) in
      let x = generator.random.pick(generator.values)
      var (start, limit, stride): ([Int], [Int], [Int]) = ([], [], [])
      for size in generator.type(x).shape.dimensions {
        start.append(generator.random.oneIn(2) ? 0 : Int.random(in: 0...size, using: &generator.random))
        limit.append(generator.random.oneIn(2) ? size : Int.random(in: start.last!...size, using: &generator.random))
        stride.append(generator.random.pick([1, 1, 2, 3]))
      }
      return try generator.emit(.movement(.slice(start: start.extents, limit: limit.extents, stride: stride)), [x])
    },
    Recipe(label: "pad") { generator throws(ConstraintFailure) in
      // A scalar can be its own padding.
      let scalarValue = generator.random.oneIn(6) ? generator.anyValue { $0.rank == 0 } : nil
      let x = scalarValue ?? generator.random.pick(generator.values)
      let type = generator.type(x)
      func amounts(_ choices: [Int]) -> [Int] { type.shape.indices.map { _ in generator.random.pick(choices) } }
      let op = Op.movement(
        .pad(
          low: amounts([0, 0, 1, 3]).extents, high: amounts([0, 0, 1, 2]).extents,
          interior: amounts([0, 0, 0, 1, 2])))
      let scalar = TensorType(type.dtype, .scalar)
      guard generator.fits(try op.infer([type, scalar], in: Module())[0]) else { return nil }
      return try generator.emit(op, [x, generator.value(of: scalar, orAgain: [x])])
    },
    Recipe(label: "reverse") { generator throws(ConstraintFailure) in
      let x = generator.random.pick(generator.values)
      let axes = generator.type(x).shape.indices.filter { _ in generator.random.oneIn(2) }
      return try generator.emit(.movement(.reverse(axes: axes)), [x])
    },
    Recipe(label: "concatenate") { generator throws(ConstraintFailure) in
      guard let x = generator.anyValue(where: { $0.rank > 0 }) else { return nil }
      let axis = generator.random.index(below: generator.type(x).rank)
      var parts = [x]
      for _ in 0..<generator.random.index(below: 3) {
        var type = generator.type(x)
        if generator.random.oneIn(2) { type.shape[axis] = Dimension(generator.random.pick([0, 1, 2, 5])) }
        parts.append(try generator.value(of: type, orAgain: parts))
      }
      let op = Op.movement(.concatenate(axis: axis))
      let result = try op.infer(parts.map { generator.type($0) }, in: Module())[0]
      return generator.fits(result) ? try generator.emit(op, parts) : nil
    },
  ]

  /// Another shape with as many elements: axes of extent 1 more or less, neighbours merged, or all in one.
  private mutating func reshaped(_ shape: Shape) -> Shape {
    var sizes = shape.dimensions
    switch random.index(below: 4) {
    case 0: sizes.insert(1, at: random.index(below: sizes.count + 1))
    case 1: sizes.removeAll { $0 == 1 }
    case 2 where sizes.count > 1:
      let axis = random.index(below: sizes.count - 1)
      sizes[axis] *= sizes.remove(at: axis + 1)
    default: sizes = [shape.elementCount]
    }
    return Shape(sizes)
  }

  /// New axes between the old ones, and axes of extent 1 stretched.
  private mutating func broadcast() throws(ConstraintFailure) -> ValueID? {
    let x = random.pick(values)
    var sizes: [Int] = []
    var axes: [Int] = []
    for size in type(x).shape.dimensions {
      if random.oneIn(3) { sizes.append(random.pick([1, 2, 3, 17])) }
      axes.append(sizes.count)
      sizes.append(size == 1 ? random.pick([1, 1, 2, 17, 0]) : size)
    }
    if random.oneIn(2) { sizes.append(random.pick([1, 4, 65, 0])) }
    let shape = Shape(sizes)
    guard fits(TensorType(type(x).dtype, shape)) else { return nil }
    return try emit(.movement(.broadcast(shape, axes: axes)), [x])
  }
}
