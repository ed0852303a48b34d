/// What a stage does with the values of its body at each point. A new effect is an operation of one of these forms.
public enum Effect: Hashable, Sendable {
  case store(BodyID, BufferAccess)
  case storeScratch(BodyID, row: Int)
  /// Defines the next reduced value.
  case reduce(KernelReduction.Operation, BodyID)
  /// Makes a line of results out of the values of the whole stage.
  case line(LineOperation, BodyID, BufferAccess)
  /// Combines the value into an element, at each outer point in row-major order of the inner ones (R5). Outer points
  /// reach different elements.
  case scatter(ScatterCombiner, BodyID, BufferAccess)
}

extension Effect {
  /// The value that the effect takes; the left operand of a dot.
  public var value: BodyID {
    switch self {
    case .store(let value, _), .storeScratch(let value, _), .reduce(_, let value), .line(_, let value, _),
      .scatter(_, let value, _):
      value
    }
  }

  /// What the effect writes of a buffer.
  public var access: BufferAccess? {
    switch self {
    case .store(_, let access), .line(_, _, let access), .scatter(_, _, let access): access
    case .storeScratch, .reduce: nil
    }
  }

  /// The scratch row that the effect fills.
  public var scratchRow: Int? { if case .storeScratch(_, let row) = self { row } else { nil } }

  /// What the effect reduces and how, if it defines a reduced value.
  public var reduction: (operation: KernelReduction.Operation, value: BodyID)? {
    if case .reduce(let operation, let value) = self { (operation, value) } else { nil }
  }

  public var lineOperation: LineOperation? { if case .line(let operation, _, _) = self { operation } else { nil } }

  /// The operands, if the effect is a dot.
  public var dot: (lhs: BodyID, rhs: BodyID)? {
    if case .reduce(.dot(let rhs), let lhs) = self { (lhs, rhs) } else { nil }
  }

  /// Whether each point stores the element of its own place, when it has read what it reads there.
  var storesInOrder: Bool {
    switch self {
    case .store: true
    case .line(let operation, _, _): !operation.needsWholeLine
    case .storeScratch, .reduce, .scatter: false
    }
  }

  /// Whether several workers, or the lanes of a vector, may share the elements of the stage: none waits for another,
  /// and none is a term of a dot.
  public var sharesElements: Bool {
    switch self {
    case .store, .storeScratch, .reduce(.reduce, _), .reduce(.argReduce, _): true
    case .reduce(.dot, _), .line, .scatter: false
    }
  }

  package func rewritingIndices(
    affine: (AffineIndex) -> AffineIndex, data: (DataIndex) -> DataIndex
  ) -> Effect {
    guard let access = access?.rewritingIndices(affine: affine, data: data) else { return self }
    switch self {
    case .storeScratch, .reduce: return self
    case .store(let value, _): return .store(value, access)
    case .line(let operation, let value, _): return .line(operation, value, access)
    case .scatter(let combiner, let value, _): return .scatter(combiner, value, access)
    }
  }

  /// Nanoseconds of one core in vector code.
  var nanoseconds: Double {
    switch self {
    case .store, .storeScratch: 0.1
    case .reduce(.reduce, _), .reduce(.dot, _): 0.03
    case .reduce(.argReduce, _): 0.1
    case .line(let operation, _, _): operation.nanoseconds
    case .scatter: 1
    }
  }
}

// MARK: - Text

extension Effect {
  var phrase: KernelPhrase {
    switch self {
    case .store(let value, let access): KernelPhrase("store", [value], at: access)
    case .storeScratch(let value, let row): KernelPhrase("storeScratch", [value], ["row": .integer(row)])
    case .reduce(.reduce(let kind), let value): KernelPhrase("reduce", [value], ["kind": .word(kind.rawValue)])
    case .reduce(.argReduce(let kind), let value): KernelPhrase("argReduce", [value], ["kind": .word(kind.rawValue)])
    case .reduce(.dot(let rhs), let lhs): KernelPhrase("dot", [lhs, rhs])
    case .line(let operation, let value, let access):
      KernelPhrase(operation.spelling, [value], operation.attributes, at: access)
    case .scatter(let combiner, let value, let access):
      KernelPhrase("scatter", [value], ["combiner": .word(combiner.rawValue)], at: access)
    }
  }

  init(_ phrase: KernelPhraseReader) throws(ConstraintFailure) {
    let attributes = phrase.attributes
    switch phrase.spelling {
    case "store": self = .store(try phrase.operands(1)[0], try phrase.access())
    case "storeScratch": self = .storeScratch(try phrase.operands(1)[0], row: try attributes.integer("row"))
    case "reduce": self = .reduce(.reduce(try attributes.word("kind", ReductionKind.self)), try phrase.operands(1)[0])
    case "argReduce":
      self = .reduce(.argReduce(try attributes.word("kind", ArgReductionKind.self)), try phrase.operands(1)[0])
    case "dot":
      let operands = try phrase.operands(2)
      self = .reduce(.dot(operands[1]), operands[0])
    case "scatter":
      guard let value = phrase.operands.last else {
        throw ConstraintFailure("kernel.C1", "scatter takes indices and a value, found no operands")
      }
      self = .scatter(
        try attributes.word("combiner", ScatterCombiner.self), value,
        try phrase.indexedAccess(phrase.operands.dropLast()))
    default:
      guard let operation = try LineOperation(phrase.spelling, attributes) else {
        throw ConstraintFailure("parse.C4", "there is no kernel effect '\(phrase.spelling)'")
      }
      self = .line(operation, try phrase.operands(1)[0], try phrase.access())
    }
  }
}
