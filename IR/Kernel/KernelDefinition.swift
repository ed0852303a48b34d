/// What a kernel computes: a loop nest as data. How it runs is a `Schedule` beside it; never a change of bits.
///
/// The points of `outer` are independent. At each of them the stages run in order. A stage visits the points of its
/// `inner` axes in row-major order (once if it has none), evaluates its body there and applies its effects. Reductions
/// collect the elements of one stage at one outer point, numbered in that order, and are combined as Numerics.md R2, R3
/// and D1 say; later stages read them by `reduced`. So the bits follow from the definition alone.
///
/// Extents, strides and offsets that do not shape the code are launch arguments, so that one compiled object serves
/// many shapes. A definition has no name: its content is its identity.
public struct KernelDefinition: Hashable, Sendable {
  public var buffers: [Buffer]
  /// Element types of the scratch rows: one row per outer point and type, as long as the inner domain of the stages
  /// that use it (they have equal inner extents).
  public var scratchRows: [DType]
  /// How many launch integers there are.
  public var integerCount: Int
  /// The independent axes, outermost first.
  public var outer: [KernelInteger]
  public var stages: [Stage]
  /// The roles of the outer axes, if stage 0 is a dot of a matrix product and its axes stand in their order.
  public var contraction: ContractionRoles?

  public init(
    buffers: [Buffer], scratchRows: [DType] = [], integerCount: Int, outer: [KernelInteger], stages: [Stage],
    contraction: ContractionRoles? = nil
  ) {
    self.buffers = buffers
    self.scratchRows = scratchRows
    self.integerCount = integerCount
    self.outer = outer
    self.stages = stages
    self.contraction = contraction
  }

  /// Memory that the launch binds. Buffers that are written may be the same memory as one that is read only if every
  /// point reads its element before it writes it and no other point reads that element.
  public struct Buffer: Hashable, Sendable {
    public var dtype: DType
    public var isWritten: Bool

    public init(_ dtype: DType, isWritten: Bool) {
      self.dtype = dtype
      self.isWritten = isWritten
    }
  }

  /// A loop over `inner` with a straight-line body.
  public struct Stage: Hashable, Sendable {
    public var inner: [KernelInteger]
    public var body: [BodyInstruction]
    public var effects: [Effect]

    public init(inner: [KernelInteger], body: [BodyInstruction], effects: [Effect]) {
      self.inner = inner
      self.body = body
      self.effects = effects
    }
  }
}

extension KernelDefinition.Stage {
  /// What the stage reads and writes, in the order of its instructions and effects.
  public var accesses: [BufferAccess] { body.compactMap(\.access) + effects.compactMap(\.access) }

  /// The affine indices of all accesses and of instructions that give coordinates.
  public var affineIndices: [AffineIndex] { body.compactMap(\.affineIndex) + effects.compactMap(\.access?.index) }

  /// The scratch rows that the stage reads or fills.
  public var scratchRows: [Int] { body.compactMap(\.scratchRow) + effects.compactMap(\.scratchRow) }

  public var reductionCount: Int { effects.reduce(0) { $0 + ($1.reduction == nil ? 0 : 1) } }

  /// The points of the inner axes of a launch.
  public func innerCount(_ integers: [Int]) -> Int { inner.product(integers) }
}
