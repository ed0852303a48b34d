/// One operation of a function. Its results are numbered consecutively from `firstResult`.
public struct Instruction: Hashable, Sendable {
  public var op: Op
  public var operands: [ValueID]
  public var firstResult: ValueID
  public var resultCount: Int

  public init(op: Op, operands: [ValueID], firstResult: ValueID, resultCount: Int) {
    self.op = op
    self.operands = operands
    self.firstResult = firstResult
    self.resultCount = resultCount
  }

  public var results: LazyMapSequence<Range<UInt32>, ValueID> {
    (firstResult.rawValue..<firstResult.rawValue + UInt32(resultCount)).lazy.map { ValueID(rawValue: $0) }
  }

  /// The result of an instruction that has one.
  public var result: ValueID { firstResult }
}
