import KilnIR

/// What a kernel's buffer stands for.
enum BufferBinding: Hashable {
  case value(ValueID)
  case constant(Literal)
}

/// The buffers of a kernel while it is written.
struct BufferList {
  private(set) var bindings: [BufferBinding] = []
  private(set) var buffers: [Kernel.Buffer] = []
  private var indices: [BufferBinding: Int] = [:]

  mutating func index(_ binding: BufferBinding, _ dtype: DType, isWritten: Bool) -> Int {
    if let index = indices[binding] {
      if isWritten { buffers[index].isWritten = true }
      return index
    }
    bindings.append(binding)
    buffers.append(Kernel.Buffer(dtype, isWritten: isWritten))
    indices[binding] = bindings.count - 1
    return bindings.count - 1
  }
}

/// Writes the body of one stage by demand: a value is computed from its producers down to what lies in buffers. Equal
/// steps are written once.
struct StageWriter {
  let resolver: Resolver
  let domain: IndexDomain
  /// The domain axes that are loop axes here, in the order of the kernel: outer, then inner.
  let axes: [Int]
  /// Members of the cluster: their values are computed, not loaded.
  let members: Set<InstructionID>
  /// The number of the reduction that a member defines.
  let reducedNumbers: [ValueID: Int]
  /// Scratch rows that earlier stages filled.
  var scratch: [ValueID: Int] = [:]

  private(set) var body: [BodyInstruction] = []
  private var interned: [BodyInstruction: BodyID] = [:]
  private(set) var sites: [ExecutionPlan.Site]

  private struct Place: Hashable {
    var value: ValueID
    var index: IndexExpression
  }
  /// A value that two others read is written once, or a chain of squares would take exponential time.
  private var computed: [Place: BodyID] = [:]

  init(
    resolver: Resolver, domain: IndexDomain, axes: [Int], members: Set<InstructionID>, reducedNumbers: [ValueID: Int],
    sites: [ExecutionPlan.Site]
  ) {
    self.resolver = resolver
    self.domain = domain
    self.axes = axes
    self.members = members
    self.reducedNumbers = reducedNumbers
    self.sites = sites
  }

  private var function: Function { resolver.function }

  mutating func emit(_ instruction: BodyInstruction) -> BodyID {
    if let existing = interned[instruction] { return existing }
    body.append(instruction)
    let id = BodyID(body.count - 1)
    interned[instruction] = id
    return id
  }

  /// The affine form over this stage's axes. All numbers are constants still; parameters come last.
  func affine(_ expression: LinearExpression) -> AffineIndex {
    AffineIndex(
      offset: .constant(expression.constant), strides: axes.map { .constant(expression.coefficients[$0]) })
  }

  func affine(_ index: IndexExpression, in shape: Shape) -> AffineIndex {
    affine(domain.linearize(index, shape.dimensions))
  }

  /// The element of `value` at `index`.
  mutating func element(_ value: ValueID, at index: IndexExpression, _ buffers: inout BufferList) -> BodyID {
    switch resolver.resolve(value, at: index, in: domain) {
    case .source(let source, let index): return self.source(source, at: index, &buffers)
    case .buffer(let view, let index):
      return load(resolver.bufferRoot(view), function.valueTypes[view], at: index, &buffers)
    case .value(let base, let index):
      if let row = scratch[base] { return emit(.loadScratch(row: row)) }
      if let number = reducedNumbers[base] { return emit(.reduced(number)) }
      guard let id = resolver.definitions[base], members.contains(id) else {
        return load(base, function.valueTypes[base], at: index, &buffers)
      }
      let place = Place(value: base, index: index)
      if let known = computed[place] { return known }
      let result = compute(id, at: index, &buffers)
      computed[place] = result
      return result
    }
  }

  private mutating func load(
    _ value: ValueID, _ type: TensorType, at index: IndexExpression, _ buffers: inout BufferList
  ) -> BodyID {
    let buffer = buffers.index(.value(value), type.dtype, isWritten: false)
    return emit(.load(buffer: buffer, affine(index, in: type.shape)))
  }

  private mutating func source(_ value: ValueID, at index: IndexExpression, _ buffers: inout BufferList) -> BodyID {
    guard let instruction = resolver.definition(value), case .source(let op) = instruction.op else {
      preconditionFailure("a source is defined by a source op")
    }
    switch op {
    case .constant(let literal):
      if let scalar = literal.splat { return emit(.constant(scalar)) }
      let buffer = buffers.index(.constant(literal), literal.type.dtype, isWritten: false)
      return emit(.load(buffer: buffer, affine(index, in: literal.type.shape)))
    case .iota(let type, let axis):
      let dtype: DType = type.dtype == .i32 ? .i32 : .i64
      return convert(emit(.index(affine(index[axis]), dtype: dtype)), from: dtype, to: type.dtype)
    case .dimensionSize(let axis):
      let size = function.valueTypes[instruction.operands[0]].shape.dimensions[axis]
      return emit(.constant(Scalar(Int64(size))))
    }
  }

  private mutating func convert(_ value: BodyID, from dtype: DType, to target: DType) -> BodyID {
    dtype == target ? value : emit(.operation(.convert, operands: [value], dtype: target))
  }

  /// A member of the cluster at `index`.
  private mutating func compute(_ id: InstructionID, at index: IndexExpression, _ buffers: inout BufferList) -> BodyID {
    let instruction = function.instructions[id]
    switch instruction.op {
    case .map(let scalarFunction):
      let operands = instruction.operands.map { element($0, at: index, &buffers) }
      return inline(scalarFunction.program(for: instruction.operands.map { function.valueTypes[$0].dtype }), operands)
    case .type(.convert(let dtype)):
      let operand = element(instruction.operands[0], at: index, &buffers)
      return convert(operand, from: function.valueTypes[instruction.operands[0]].dtype, to: dtype)
    case .type(.bitcast(let dtype)):
      let operand = element(instruction.operands[0], at: index, &buffers)
      return emit(.operation(.bitcast, operands: [operand], dtype: dtype))
    case .indexing(.gather(let axis, let bounds)):
      return gather(id, axis: axis, bounds: bounds, at: index, &buffers)
    case .source, .movement, .reduction, .contraction, .indexing(.scatter), .control:
      preconditionFailure("\(instruction.op.spelling) is not computed in a body")
    }
  }

  private mutating func inline(_ program: ScalarProgram, _ operands: [BodyID]) -> BodyID {
    var values = operands
    for instruction in program.instructions {
      switch instruction {
      case .constant(let scalar): values.append(emit(.constant(scalar)))
      case .operation(let primitive, let inputs, let dtype):
        values.append(emit(.operation(primitive, operands: inputs.map { values[$0.index] }, dtype: dtype)))
      }
    }
    return values[program.result.index]
  }

  private mutating func gather(
    _ id: InstructionID, axis: Int, bounds: IndexBounds, at index: IndexExpression, _ buffers: inout BufferList
  ) -> BodyID {
    let instruction = function.instructions[id]
    let (operand, indices) = (instruction.operands[0], instruction.operands[1])
    let (operandType, indexType) = (function.valueTypes[operand], function.valueTypes[indices])
    let number = element(indices, at: Array(index[axis..<(axis + indexType.rank)]), &buffers)
    let rest = Array(index[..<axis]) + [.zero(domain.extents.count)] + Array(index[(axis + indexType.rank)...])
    let place = dataIndexed(operand, at: rest, axis: axis)
    let extent = operandType.shape.dimensions[axis]
    return emit(
      .gather(
        buffer: buffers.index(.value(place.buffer), operandType.dtype, isWritten: false), affine(place.start),
        index: number, stride: .constant(place.stride), extent: .constant(extent), bounds: bounds,
        site: site(id, axis: axis, extent: extent)))
  }

  mutating func site(_ id: InstructionID, axis: Int, extent: Int) -> Int {
    sites.append(
      ExecutionPlan.Site(
        spelling: function.instructions[id].op.spelling, axis: axis, extent: extent, location: function.locations[id]))
    return sites.count
  }

  /// Where `value` lies when its index along `axis` is data: the element with index 0 there, and elements per step.
  /// One more axis stands for the data, so that views are followed as always.
  private func dataIndexed(
    _ value: ValueID, at index: IndexExpression, axis: Int
  ) -> (buffer: ValueID, start: LinearExpression, stride: Int) {
    let extent = function.valueTypes[value].shape.dimensions[axis]
    let wide = IndexDomain(extents: domain.extents + [extent])
    var widened = index.map { LinearExpression(constant: $0.constant, coefficients: $0.coefficients + [0]) }
    widened[axis] = .axis(domain.extents.count, of: domain.extents.count + 1)
    let (buffer, linear): (ValueID, LinearExpression)
    switch resolver.resolve(value, at: widened, in: wide) {
    case .value(let base, let index):
      (buffer, linear) = (base, wide.linearize(index, function.valueTypes[base].shape.dimensions))
    case .buffer(let view, let index):
      (buffer, linear) = (resolver.bufferRoot(view), wide.linearize(index, function.valueTypes[view].shape.dimensions))
    case .source(let source, let index):
      // Fusion had it written out, since no index map reads a source at data.
      (buffer, linear) = (source, wide.linearize(index, function.valueTypes[source].shape.dimensions))
    }
    let start = LinearExpression(constant: linear.constant, coefficients: Array(linear.coefficients.dropLast()))
    return (buffer, start, linear.coefficients.last ?? 0)
  }
}
