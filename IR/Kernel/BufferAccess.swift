/// A place in a buffer that an instruction reads or an effect writes: the element at an affine index, moved by indices that
/// are data.
public struct BufferAccess: Hashable, Sendable {
  public var buffer: Int
  public var index: AffineIndex
  public var data: [DataIndex] = []
  /// What an index out of range does, where there is data.
  public var bounds: IndexBounds?
}

extension BodyInstruction {
  /// What the instruction reads of a buffer.
  public var access: BufferAccess? {
    switch self {
    case .load(let buffer, let index): BufferAccess(buffer: buffer, index: index)
    case .gather(let buffer, let index, let data, let bounds):
      BufferAccess(buffer: buffer, index: index, data: data, bounds: bounds)
    case .constant, .operation, .index, .loadScratch, .reduced: nil
    }
  }

  /// The affine index of the access, or the one whose value the instruction is.
  public var affineIndex: AffineIndex? {
    if case .index(let index, _) = self { index } else { access?.index }
  }

  /// The scratch row that the instruction reads.
  public var scratchRow: Int? { if case .loadScratch(let row) = self { row } else { nil } }

  /// The instruction with its indices rewritten.
  package func mappingIndices(
    affine: (AffineIndex) -> AffineIndex, data: (DataIndex) -> DataIndex
  ) -> BodyInstruction {
    switch self {
    case .constant, .operation, .loadScratch, .reduced: self
    case .index(let index, let dtype): .index(affine(index), dtype: dtype)
    case .load(let buffer, let index): .load(buffer: buffer, affine(index))
    case .gather(let buffer, let index, let indices, let bounds):
      .gather(buffer: buffer, affine(index), indices.map(data), bounds: bounds)
    }
  }
}

extension Effect {
  /// What the effect writes of a buffer.
  public var access: BufferAccess? {
    switch self {
    case .store(let buffer, let index, _), .scanReduce(_, _, let buffer, let index), .argSort(_, let buffer, let index):
      BufferAccess(buffer: buffer, index: index)
    case .scatter(let buffer, let index, let data, _, let bounds, _):
      BufferAccess(buffer: buffer, index: index, data: data, bounds: bounds)
    case .storeScratch, .reduce, .argReduce, .dot: nil
    }
  }

  /// The scratch row that the effect fills.
  public var scratchRow: Int? { if case .storeScratch(let row, _) = self { row } else { nil } }

  /// Whether the effect makes a line of results out of the values of a whole stage.
  public var isOfLines: Bool {
    switch self {
    case .scanReduce, .argSort: true
    case .store, .storeScratch, .reduce, .argReduce, .dot, .scatter: false
    }
  }

  /// The effect with its indices rewritten.
  package func mappingIndices(affine: (AffineIndex) -> AffineIndex, data: (DataIndex) -> DataIndex) -> Effect {
    switch self {
    case .storeScratch, .reduce, .argReduce, .dot: self
    case .store(let buffer, let index, let value): .store(buffer: buffer, affine(index), value: value)
    case .scanReduce(let kind, let value, let buffer, let index):
      .scanReduce(kind, value: value, buffer: buffer, affine(index))
    case .argSort(let key, let buffer, let index): .argSort(key: key, buffer: buffer, affine(index))
    case .scatter(let buffer, let index, let indices, let combiner, let bounds, let value):
      .scatter(buffer: buffer, affine(index), indices.map(data), combiner, bounds: bounds, value: value)
    }
  }
}

extension Kernel.Stage {
  /// What the stage reads and writes, in the order of its instructions and effects.
  public var accesses: [BufferAccess] { body.compactMap(\.access) + effects.compactMap(\.access) }

  /// The affine indices of all accesses and of instructions that give coordinates.
  public var affineIndices: [AffineIndex] { body.compactMap(\.affineIndex) + effects.compactMap(\.access?.index) }

  /// The scratch rows that the stage reads or fills.
  public var scratchRows: [Int] { body.compactMap(\.scratchRow) + effects.compactMap(\.scratchRow) }

  /// The points of the inner axes of a launch.
  public func innerCount(_ integers: [Int]) -> Int { inner.product(integers) }
}

extension Kernel {
  /// The first stage that reads or fills a scratch row; all that do have equal inner extents.
  public func firstStage(withScratchRow row: Int) -> Stage? { stages.first { $0.scratchRows.contains(row) } }

  /// Whether an index out of range is an error of the launch.
  public var checksBounds: Bool { stages.contains { $0.accesses.contains { $0.bounds == .check } } }

  /// Whether the kernel sorts lines.
  public var sorts: Bool {
    stages.contains { $0.effects.contains { if case .argSort = $0 { true } else { false } } }
  }
}

extension Sequence<KernelInteger> {
  /// The product of the extents of a launch.
  public func product(_ integers: [Int]) -> Int { reduce(1) { $0 * $1.value(integers) } }
}
