/// Named sizes of a program become numbers.
extension Module {
  /// The module with `sizes` for the names.
  ///
  /// - Throws: `size.C1` when a size breaks what a function of it requires; `type.C1` when a tensor becomes too large.
  package func bound(to sizes: [String: Int]) throws(KilnError) -> Module {
    var result = Module()
    for function in functions {
      let bound = try function.bound(to: sizes)
      do throws(ConstraintFailure) { try result.append(bound) } catch { throw KilnError(error) }
    }
    return result
  }
}

extension Function {
  /// Whether a type of it depends on sizes that calls bring.
  package var isSymbolic: Bool { valueTypes.elements.contains { $0.shape.isSymbolic } }

  /// The sizes that arguments of these shapes bring. A parameter's extent that is a name says what the name is.
  ///
  /// - Throws: `size.C2` for an argument that does not fit its parameter or the other arguments, `size.C3` for a name
  ///   that no parameter has as an extent.
  package func sizes(of arguments: [Shape]) throws(KilnError) -> [String: Int] {
    try Self.sizes(parameters, of: arguments, in: "@\(name)")
  }

  package static func sizes(
    _ parameters: [Parameter], of arguments: [Shape], in function: String
  ) throws(KilnError) -> [String: Int] {
    var sizes: [String: Int] = [:]
    var places: [String: String] = [:]
    for (parameter, argument) in zip(parameters, arguments) where parameter.type.rank == argument.rank {
      for (axis, extent) in parameter.type.shape.enumerated() where extent.isSymbolic {
        guard let name = extent.polynomial.name, sizes[name] == nil else { continue }
        sizes[name] = argument[axis].size
        places[name] = "axis \(axis) of \(parameter.name)"
      }
    }
    for (parameter, argument) in zip(parameters, arguments) {
      let expected = parameter.type.shape.map { $0.bound(to: sizes) }
      if let open = expected.first(where: \.isSymbolic) {
        throw KilnError(
          "size.C3", "\(function): no argument brings the size \(open.names.sorted().joined(separator: ", "))")
      }
      guard parameter.type.shape.isSymbolic, expected != Array(argument) else { continue }
      let known = sizes.keys.sorted().map { "\($0) is \(sizes[$0]!) by \(places[$0]!)" }.joined(separator: ", ")
      throw KilnError(
        "size.C2",
        "\(parameter.name) of \(function) is \(parameter.type), found \(TensorType(parameter.type.dtype, argument)); \(known)"
      )
    }
    return sizes
  }

  package func bound(to sizes: [String: Int]) throws(KilnError) -> Function {
    func shape(_ shape: Shape) -> Shape {
      shape.isSymbolic ? Shape(shape.map { $0.bound(to: sizes) }) : shape
    }
    func type(_ type: TensorType) -> TensorType { TensorType(type.dtype, shape(type.shape)) }
    var open: [SizeRequirement] = []
    for requirement in requirements {
      let constraint = requirement.constraint.bound(to: sizes)
      switch constraint.truth {
      case true?: continue
      case nil: open.append(SizeRequirement(constraint, requirement.label, at: requirement.location))
      case false?: throw requirement.failure(sizes)
      }
    }
    let types = valueTypes.elements.map(type)
    for (value, type) in types.enumerated() where valueTypes[ValueID(value)] != type {
      do throws(ConstraintFailure) { try type.requireAddressable() } catch { throw KilnError(error) }
    }
    var bound: [Instruction] = []
    var numbers = SizeNumbers(types)
    for (id, instruction) in zip(instructions.ids, instructions.elements) {
      var instruction = instruction
      instruction.op = instruction.op.mapDimensions { $0.bound(to: sizes) }
      bound.append(numbers.folded(instruction, at: locations[id]))
    }
    return Function(
      name: name, parameters: parameters.map { Parameter($0.name, type($0.type), isHidden: $0.isHidden) },
      instructions: EntityTable(bound), results: results, requirements: open, valueTypes: EntityTable(types),
      locations: locations)
  }
}

extension SizeRequirement {
  /// The error of a call with these sizes.
  package func failure(_ sizes: [String: Int]) -> KilnError {
    let names = constraint.lhs.names.union(constraint.rhs.names).sorted()
    let found = names.map { "\($0) is \(sizes[$0].map { String($0) } ?? "not known")" }.joined(separator: ", ")
    return KilnError("size.C1", "\(label) needs \(constraint), found \(found)", at: location)
  }
}

extension Op {
  /// The op with other sizes in its attributes.
  package func mapDimensions(_ change: (Dimension) -> Dimension) -> Op {
    func shape(_ shape: Shape) -> Shape { Shape(shape.map(change)) }
    switch self {
    case .source(.constant(let literal)):
      guard let splat = literal.splat else { return self }
      return .source(.constant(Literal(splat: splat, shape: shape(literal.type.shape))))
    case .source(.iota(let type, let axis)):
      return .source(.iota(TensorType(type.dtype, shape(type.shape)), axis: axis))
    case .movement(let op): return .movement(op.mapDimensions(change))
    case .contraction(.convolution(let convolution)):
      return .contraction(
        .convolution(
          Convolution(
            batch: convolution.batch, contract: convolution.contract,
            windows: convolution.windows.map { window in
              var window = window
              window.low = change(window.low)
              window.high = change(window.high)
              return window
            }, result: convolution.result)))
    case .indexing(.dynamicSlice(let sizes, let bounds)):
      return .indexing(.dynamicSlice(sizes: sizes.map(change), bounds: bounds))
    case .control(.scan(var scan)):
      scan.length = change(scan.length)
      return .control(.scan(scan))
    case .source(.dimensionSize), .map, .type, .reduction, .contraction(.dot), .indexing, .control: return self
    }
  }
}

extension MovementOp {
  fileprivate func mapDimensions(_ change: (Dimension) -> Dimension) -> MovementOp {
    func shape(_ shape: Shape) -> Shape { Shape(shape.map(change)) }
    switch self {
    case .reshape(let result): return .reshape(shape(result))
    case .broadcast(let result, let axes): return .broadcast(shape(result), axes: axes)
    case .slice(let start, let limit, let stride):
      return .slice(start: start.map(change), limit: limit.map(change), stride: stride)
    case .pad(let low, let high, let interior):
      return .pad(low: low.map(change), high: high.map(change), interior: interior)
    case .windows(let axes, let sizes, let strides, let dilations):
      return .windows(axes: axes, sizes: sizes.map(change), strides: strides, dilations: dilations)
    case .overlapAdd(let result, let axes, let strides, let dilations):
      return .overlapAdd(shape(result), axes: axes, strides: strides, dilations: dilations)
    case .transpose, .reverse, .concatenate: return self
    }
  }
}
