import KilnIR

/// Branches and loops, whose functions are drawn with them. Loops end after a few turns.
extension ProgramGenerator {
  static let loopRecipes: [Recipe] = [
    Recipe(label: "cond") { generator throws(ConstraintFailure) in
      guard generator.canNest, generator.options.dtypes.contains(.bool) else { return nil }
      let predicate = try generator.value(of: TensorType(.bool, .scalar))
      let inputs = generator.someValues(0...3, orAgain: [predicate])
      let types = inputs.map { generator.type($0) }
      let results = generator.someTypes(1...2)
      let then = try generator.function(taking: types, giving: results)
      let otherwise = try generator.function(taking: types, giving: results)
      let op = Op.control(.cond(then: then, else: otherwise))
      return generator.random.pick(try generator.builder.emit(op, [predicate] + inputs))
    },
    Recipe(label: "while") { generator throws(ConstraintFailure) in
      guard generator.canNest, generator.options.dtypes.contains(.i32) else { return nil }
      let counter = TensorType(.i32, .scalar)
      let (carried, captured) = generator.someCarried()
      let types = [counter] + (carried + captured).map { generator.type($0) }
      let limit = Int32(generator.random.index(below: 4))
      let condition = try generator.function(taking: types, giving: []) { body throws(ConstraintFailure) in
        [try body.emit(.map(.less), [ValueID(0), body.number(limit)])]
      }
      let next = try generator.function(
        taking: types, giving: carried.map { generator.type($0) }
      ) { body throws(ConstraintFailure) in [try body.emit(.map(.add), [ValueID(0), body.number(1)])] }
      let start = try generator.number(0)
      let op = Op.control(.while(condition: condition, body: next, captured: captured.count))
      let results = try generator.builder.emit(op, [start] + carried + captured)
      return generator.random.pick(results)
    },
    Recipe(label: "scan") { generator throws(ConstraintFailure) in
      guard generator.canNest else { return nil }
      let length: Dimension = generator.random.pick([0, 1, 2, 3, 5])
      let (carried, captured) = generator.someCarried()
      var elements = generator.someTypes(0...2).filter { generator.fits($0.stacked(5)) }
      // A value that the loop carries or captures may be what it goes over, too.
      let wholes = (carried + captured).map { generator.type($0) }.filter { $0.shape.first == length }
      if let whole = wholes.randomElement(using: &generator.random) { elements.append(whole.element) }
      var xs: [ValueID] = []
      for element in elements {
        xs.append(try generator.value(of: element.stacked(length), orAgain: carried + captured + xs))
      }
      let carriedTypes = carried.map { generator.type($0) }
      let ys = generator.someTypes(0...2).filter { generator.fits($0.stacked(5)) }
      let body = try generator.function(
        taking: carriedTypes + elements + captured.map { generator.type($0) }, giving: carriedTypes + ys)
      let op = Op.control(
        .scan(
          ControlOp.Scan(
            body: body, carried: carried.count, captured: captured.count, length: length,
            isReversed: generator.random.oneIn(3))))
      return generator.random.pick(try generator.builder.emit(op, carried + xs + captured))
    },
  ]

  private var canNest: Bool { depth < 2 }

  mutating func number(_ value: Int32) throws(ConstraintFailure) -> ValueID {
    try emit(.source(.constant(Literal(splat: Scalar(value)))), [])
  }

  /// Values at hand, some of them more than once.
  mutating func someValues(_ counts: ClosedRange<Int>, orAgain chosen: [ValueID] = []) -> [ValueID] {
    var found = chosen
    for _ in 0..<Int.random(in: counts, using: &random) {
      found.append(!found.isEmpty && random.oneIn(4) ? random.pick(found) : random.pick(values))
    }
    return Array(found[chosen.count...])
  }

  private mutating func someCarried() -> (carried: [ValueID], captured: [ValueID]) {
    let carried = someValues(1...2)
    return (carried, someValues(0...2, orAgain: carried))
  }

  private mutating func someTypes(_ counts: ClosedRange<Int>) -> [TensorType] {
    (0..<Int.random(in: counts, using: &random)).map { _ in
      random.oneIn(2) ? type(random.pick(values)) : randomType()
    }
  }

  /// Draws a function with these parameters and results and adds it to the module.
  /// - Parameter first: gives further results, which come first.
  mutating func function(
    taking parameters: [TensorType], giving results: [TensorType],
    first: (inout ProgramGenerator) throws(ConstraintFailure) -> [ValueID] = { _ in [] }
  ) throws(ConstraintFailure) -> String {
    // Functions inside this one are added before it: they take names of their own depth.
    let name = builder.module.unusedName("region\(depth)")
    var body = ProgramGenerator(name, inside: &self, parameters: parameters)
    var values = try first(&body)
    try body.draw(instructions: random.index(below: 4))
    for type in results { values.append(try body.value(of: type)) }
    builder.module = body.builder.module
    try builder.module.append(body.builder.finish(values))
    return name
  }
}
