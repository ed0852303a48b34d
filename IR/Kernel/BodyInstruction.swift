/// A value of a stage's body: the number of its instruction.
public struct BodyID: EntityID {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// One step of a body. Operands stand before their users.
public enum BodyInstruction: Hashable, Sendable {
  case constant(Scalar)
  case operation(Primitive, operands: [BodyID], dtype: DType)
  /// The affine form itself as an integer of type `dtype` (i32 or i64): coordinates, as `iota` needs them.
  case index(AffineIndex, dtype: DType)
  /// The element of a buffer; a gather where its index is data.
  case load(BufferAccess)
  /// The element of a scratch row at the stage's inner point.
  case loadScratch(row: Int)
  /// The result of the reduction of that number (counted over the effects of all stages in order) at this outer point.
  case reduced(Int)
}

extension BodyInstruction {
  /// What the instruction reads of a buffer.
  public var access: BufferAccess? { if case .load(let access) = self { access } else { nil } }

  /// What the instruction reads of a buffer at an affine index.
  public var plainAccess: BufferAccess? {
    guard let access, access.data.isEmpty else { return nil }
    return access
  }

  /// The affine index of the access, or the one whose value the instruction is.
  public var affineIndex: AffineIndex? {
    if case .index(let index, _) = self { index } else { access?.index }
  }

  /// The scratch row that the instruction reads.
  public var scratchRow: Int? { if case .loadScratch(let row) = self { row } else { nil } }

  package func rewritingIndices(
    affine: (AffineIndex) -> AffineIndex, data: (DataIndex) -> DataIndex
  ) -> BodyInstruction {
    switch self {
    case .constant, .operation, .loadScratch, .reduced: self
    case .index(let index, let dtype): .index(affine(index), dtype: dtype)
    case .load(let access): .load(access.rewritingIndices(affine: affine, data: data))
    }
  }

  /// Nanoseconds of one core in vector code: some 30 operations, or some 40 bytes moved, in each.
  var nanoseconds: Double {
    switch self {
    case .constant, .index, .reduced: 0
    case .operation(.divide, _, _), .operation(.sqrt, _, _): 0.15
    case .operation(.remainder, _, _): 20
    case .operation: 0.03
    case .load(let access): access.data.isEmpty ? 0.1 : 1
    case .loadScratch: 0.1
    }
  }
}

// MARK: - Text

extension BodyInstruction {
  var phrase: KernelPhrase {
    switch self {
    case .constant(let scalar): KernelPhrase("constant", ["value": .number(scalar.description)])
    case .operation(let primitive, let operands, _): KernelPhrase(primitive.spelling, operands)
    case .index(let index, _): KernelPhrase("index", ["at": .affine(index)])
    case .load(let access): KernelPhrase(access.data.isEmpty ? "load" : "gather", at: access)
    case .loadScratch(let row): KernelPhrase("loadScratch", ["row": .integer(row)])
    case .reduced(let number): KernelPhrase("reduced", ["number": .integer(number)])
    }
  }

  init(_ phrase: KernelPhraseReader, _ dtype: DType) throws(ConstraintFailure) {
    let attributes = phrase.attributes
    switch phrase.spelling {
    case "constant":
      guard case .number(let text) = try attributes.required("value"), let scalar = Scalar(dtype, text: text) else {
        throw attributes.malformed("value", "of type \(dtype)")
      }
      self = .constant(scalar)
    case "index": self = .index(try attributes.affine("at"), dtype: dtype)
    case "load": self = .load(try phrase.access())
    case "gather": self = .load(try phrase.indexedAccess(phrase.operands[...]))
    case "loadScratch": self = .loadScratch(row: try attributes.integer("row"))
    case "reduced": self = .reduced(try attributes.integer("number"))
    default:
      guard let primitive = Primitive(rawValue: phrase.spelling) else {
        throw ConstraintFailure("parse.C4", "there is no kernel instruction '\(phrase.spelling)'")
      }
      self = .operation(primitive, operands: phrase.operands, dtype: dtype)
    }
  }
}
