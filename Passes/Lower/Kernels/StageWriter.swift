import KilnIR

/// What a kernel's buffer stands for.
enum BufferBinding: Hashable {
  case value(ValueID)
  case constant(Literal)
}

/// The buffers of a kernel while it is written.
struct BufferList {
  private(set) var bindings: [BufferBinding] = []
  private(set) var buffers: [KernelDefinition.Buffer] = []
  private var indices: [BufferBinding: Int] = [:]

  mutating func index(_ binding: BufferBinding, _ dtype: DType, isWritten: Bool) -> Int {
    if let index = indices[binding] {
      if isWritten { buffers[index].isWritten = true }
      return index
    }
    bindings.append(binding)
    buffers.append(KernelDefinition.Buffer(dtype, isWritten: isWritten))
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
  private(set) var sites: [KernelDraft.Site]

  private struct Place: Hashable {
    var value: ValueID
    var index: IndexExpression
  }
  /// A value that two others read is written once, or a chain of squares would take exponential time.
  private var computed: [Place: BodyID] = [:]

  init(
    resolver: Resolver, domain: IndexDomain, axes: [Int], members: Set<InstructionID>, reducedNumbers: [ValueID: Int],
    sites: [KernelDraft.Site]
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

  /// The affine form over this stage's axes.
  func affine(_ expression: LinearExpression) -> AffineIndex {
    AffineIndex(
      offset: KernelInteger(expression.constant), strides: axes.map { KernelInteger(expression.coefficients[$0]) })
  }

  func affine(_ index: IndexExpression, in shape: Shape) -> AffineIndex {
    affine(domain.linearize(index, shape))
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
    return emit(.load(BufferAccess(buffer, affine(index, in: type.shape))))
  }

  private mutating func source(_ value: ValueID, at index: IndexExpression, _ buffers: inout BufferList) -> BodyID {
    guard let instruction = resolver.definition(value), case .source(let op) = instruction.op else {
      preconditionFailure("a source is defined by a source op")
    }
    switch op {
    case .constant(let literal):
      if let scalar = literal.splat { return emit(.constant(scalar)) }
      let buffer = buffers.index(.constant(literal), literal.type.dtype, isWritten: false)
      return emit(.load(BufferAccess(buffer, affine(index, in: literal.type.shape))))
    case .iota(let type, let axis):
      let dtype: DType = type.dtype == .i32 ? .i32 : .i64
      return convert(emit(.index(affine(index[axis]), dtype: dtype)), from: dtype, to: type.dtype)
    case .dimensionSize(let axis):
      let extent = function.valueTypes[instruction.operands[0]].shape[axis]
      if let size = extent.size { return emit(.constant(Scalar(Int64(size)))) }
      return emit(.index(affine(.zero(domain.extents.count) + extent), dtype: .i64))
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
    case .indexing(.gather(let indexed, let bounds)):
      return gather(id, indexed, bounds: bounds, at: index, &buffers)
    case .indexing(.dynamicSlice(let sizes, let bounds)):
      return dynamicSlice(id, sizes: sizes, bounds: bounds, at: index, &buffers)
    case .source, .movement, .reduction, .contraction, .indexing, .control:
      preconditionFailure("\(instruction.op.spelling) is not computed in a body")
    }
  }

  mutating func inline(_ program: ScalarProgram, _ operands: [BodyID]) -> BodyID {
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
    _ id: InstructionID, _ indexed: IndexedAxes, bounds: IndexBounds, at index: IndexExpression,
    _ buffers: inout BufferList
  ) -> BodyID {
    let operand = function.instructions[id].operands[0]
    let type = function.valueTypes[operand]
    let layout = indexingLayout(id, indexed)
    let numbers = components(id, indexed, layout, at: index, &buffers)
    let rest = layout.operandAxes.map { $0.map { index[$0] } ?? .zero(domain.extents.count) }
    let place = dataIndexed(operand, at: rest, indexed.axes.map { ($0, type.shape[$0]) })
    let data = zip(zip(indexed.axes, numbers), place.strides).map { choice, stride in
      let extent = type.shape[choice.0]
      return DataIndex(
        choice.1, stride: KernelInteger(stride), extent: KernelInteger(extent),
        site: site(id, axis: choice.0, extent: extent))
    }
    let buffer = buffers.index(.value(place.buffer), type.dtype, isWritten: false)
    return emit(.load(BufferAccess(buffer, affine(place.start), data: data, bounds: bounds)))
  }

  /// The axes of a gather or scatter.
  func indexingLayout(_ id: InstructionID, _ indexed: IndexedAxes) -> IndexingLayout {
    let operands = function.instructions[id].operands
    return IndexingLayout(
      indexed, operand: function.valueTypes[operands[0]].shape, indices: function.valueTypes[operands[1]].shape)
  }

  /// The components of the index that belongs to the element at `index` of what is gathered, or of the updates.
  mutating func components(
    _ id: InstructionID, _ indexed: IndexedAxes, _ layout: IndexingLayout, at index: IndexExpression,
    _ buffers: inout BufferList
  ) -> [BodyID] {
    let indices = function.instructions[id].operands[1]
    return indexed.axes.indices.map { component in
      let vector = LinearExpression.zero(domain.extents.count) + Dimension(component)
      return element(indices, at: layout.indexAxes.map { $0.map { index[$0] } ?? vector }, &buffers)
    }
  }

  mutating func site(_ id: InstructionID, axis: Int, extent: Dimension) -> Int {
    sites.append(
      KernelDraft.Site(
        spelling: function.instructions[id].op.spelling, axis: axis, extent: extent, location: function.locations[id]))
    return sites.count
  }

  /// A box of the operand. Its start along an axis of which it takes everything is 0, which only `check` looks at.
  private mutating func dynamicSlice(
    _ id: InstructionID, sizes: [Dimension], bounds: IndexBounds, at index: IndexExpression, _ buffers: inout BufferList
  ) -> BodyID {
    let operands = function.instructions[id].operands
    let type = function.valueTypes[operands[0]]
    let axes = movingAxes(sizes, in: type, bounds)
    let place = dataIndexed(operands[0], at: index, axes)
    let data = starts(id, operands.dropFirst(), axes, strides: place.strides, &buffers)
    let buffer = buffers.index(.value(place.buffer), type.dtype, isWritten: false)
    return emit(
      .load(BufferAccess(buffer, affine(place.start), data: data, bounds: data.isEmpty ? nil : bounds)))
  }

  /// The axes along which the start of a box of `sizes` is looked at, each with the number of starts that are in range.
  func movingAxes(
    _ sizes: [Dimension], in type: TensorType, _ bounds: IndexBounds
  ) -> [(axis: Int, extent: Dimension)] {
    type.shape.enumerated().map { (axis: $0.offset, extent: $0.element - sizes[$0.offset] + 1) }
      .filter { bounds == .check || Dimension.isAtLeast(1, $0.extent) != true }
  }

  /// The starts of a box as indices that are data.
  mutating func starts(
    _ id: InstructionID, _ starts: some Collection<ValueID>, _ axes: [(axis: Int, extent: Dimension)],
    strides: [Dimension],
    _ buffers: inout BufferList
  ) -> [DataIndex] {
    let values = Array(starts)
    return zip(axes, strides).map { choice, stride in
      DataIndex(
        element(values[choice.axis], at: [], &buffers), stride: KernelInteger(stride),
        extent: KernelInteger(choice.extent),
        site: site(id, axis: choice.axis, extent: choice.extent))
    }
  }

  /// Where `value` lies when what `axes` name is added to its index: the element at `index`, and elements per step.
  /// More axes stand for the data, of the extents given, so that views are followed as always.
  private func dataIndexed(
    _ value: ValueID, at index: IndexExpression, _ axes: [(axis: Int, extent: Dimension)]
  ) -> (buffer: ValueID, start: LinearExpression, strides: [Dimension]) {
    let wide = IndexDomain(extents: domain.extents + axes.map(\.extent))
    let none = Array(repeating: Dimension(0), count: axes.count)
    var widened = index.map { LinearExpression(constant: $0.constant, coefficients: $0.coefficients + none) }
    for (number, choice) in axes.enumerated() {
      widened[choice.axis] = widened[choice.axis] + .axis(domain.extents.count + number, of: wide.extents.count)
    }
    let (buffer, linear): (ValueID, LinearExpression)
    switch resolver.resolve(value, at: widened, in: wide) {
    case .value(let base, let index):
      (buffer, linear) = (base, wide.linearize(index, function.valueTypes[base].shape))
    case .buffer(let view, let index):
      (buffer, linear) = (resolver.bufferRoot(view), wide.linearize(index, function.valueTypes[view].shape))
    case .source(let source, let index):
      // Fusion had it written out, since no index map reads a source at data.
      (buffer, linear) = (source, wide.linearize(index, function.valueTypes[source].shape))
    }
    let start = LinearExpression(
      constant: linear.constant, coefficients: Array(linear.coefficients.dropLast(axes.count)))
    return (buffer, start, Array(linear.coefficients.suffix(axes.count)))
  }
}
