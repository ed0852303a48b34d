/// A loop nest as data: what it computes (the definition) and how (the schedule).
///
/// **Definition.** The points of `outer` are independent. At each of them the stages run in order. A stage visits the
/// points of its `inner` axes in row-major order (once if it has none), evaluates its body there and applies its effects.
/// Reductions collect the elements of one stage at one outer point, numbered in that order, and are combined as
/// NUMERICS.md R2, R3 and D1 say; later stages read them by `reduced`. So the bits follow from the definition alone.
///
/// **Schedule.** Vector lanes, tiles and the cut into work units; never a change of bits.
///
/// Extents, strides and offsets that do not shape the code are launch arguments, so that one compiled object serves many
/// shapes. A kernel has no name: its content is its identity.
public struct Kernel: Hashable, Sendable {
  public var buffers: [Buffer]
  /// Element types of the scratch rows: one row per outer point and type, as long as the inner domain of the stages that
  /// use it (they have equal inner extents).
  public var scratchRows: [DType]
  /// How many launch integers there are.
  public var integerCount: Int
  /// The independent axes, outermost first.
  public var outer: [KernelInteger]
  public var stages: [Stage]
  public var schedule: Schedule

  public init(
    buffers: [Buffer], scratchRows: [DType] = [], integerCount: Int, outer: [KernelInteger], stages: [Stage],
    schedule: Schedule
  ) {
    self.buffers = buffers
    self.scratchRows = scratchRows
    self.integerCount = integerCount
    self.outer = outer
    self.stages = stages
    self.schedule = schedule
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

/// An integer that is part of the code, or the launch argument of that number.
public enum KernelInteger: Hashable, Sendable {
  case constant(Int)
  case argument(Int)

  public func value(_ integers: [Int]) -> Int {
    switch self {
    case .constant(let value): value
    case .argument(let index): integers[index]
    }
  }
}

/// A value of a stage's body: the number of its instruction.
public struct BodyID: EntityID {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
}

/// An element index: `offset` + the sum of stride × coordinate over the outer axes, then the stage's inner axes.
/// A stride may be 0 or negative.
public struct AffineIndex: Hashable, Sendable {
  public var offset: KernelInteger
  public var strides: [KernelInteger]

  public init(offset: KernelInteger, strides: [KernelInteger]) {
    self.offset = offset
    self.strides = strides
  }
}

/// An index that is data: the integer `value` of a body along an axis of `extent` elements that lie `stride` apart. It is
/// in range if 0 ≤ value < extent.
public struct DataIndex: Hashable, Sendable {
  public var value: BodyID
  public var stride: KernelInteger
  public var extent: KernelInteger
  /// What the launch's status word becomes when the index is checked and out of range.
  public var site: Int

  public init(_ value: BodyID, stride: KernelInteger, extent: KernelInteger, site: Int) {
    self.value = value
    self.stride = stride
    self.extent = extent
    self.site = site
  }
}

/// One step of a body. Operands stand before their users.
public enum BodyInstruction: Hashable, Sendable {
  case constant(Scalar)
  case operation(Primitive, operands: [BodyID], dtype: DType)
  /// The affine form itself as an integer of type `dtype` (i32 or i64): coordinates, as `iota` needs them.
  case index(AffineIndex, dtype: DType)
  case load(buffer: Int, AffineIndex)
  /// The element at `AffineIndex` + the sum of stride × value over the indices, when all are in range. Otherwise, by
  /// `bounds`: that of the nearest indices, zero bits, or (check) zero bits and the launch's status word becomes a site.
  case gather(buffer: Int, AffineIndex, [DataIndex], bounds: IndexBounds)
  /// The element of a scratch row at the stage's inner point.
  case loadScratch(row: Int)
  /// The result of the reduction of that number (counted over the effects of all stages in order) at this outer point.
  case reduced(Int)
}

/// What a stage does with the values of its body at each point.
public enum Effect: Hashable, Sendable {
  case store(buffer: Int, AffineIndex, value: BodyID)
  case storeScratch(row: Int, value: BodyID)
  /// Defines the next reduced value. Sums and products of reals follow R2, all others are order-free (R3).
  case reduce(ReductionKind, value: BodyID)
  /// Defines the next reduced value: the `i32` number of the first extreme among the stage's elements (E9).
  case argReduce(ArgReductionKind, value: BodyID)
  /// Defines the next reduced value: the sum of lhs × rhs as D1 says.
  case dot(lhs: BodyID, rhs: BodyID)
  /// Combines `value` into the element at `AffineIndex` + the sum of stride × value over the indices, at each outer point
  /// in row-major order of the inner ones (R5). Outer points reach different elements. Indices out of range go by `bounds`:
  /// to the nearest, left out, or left out with a site as status (check).
  case scatter(buffer: Int, AffineIndex, [DataIndex], ScatterCombiner, bounds: IndexBounds, value: BodyID)
  /// Stores at each point the combination of the stage's values up to it, in row-major order of the inner points (R4).
  case scanReduce(ReductionKind, value: BodyID, buffer: Int, AffineIndex)
  /// Stores at inner point i the `i32` number of the point whose `key`, an unsigned integer of 32 or 64 bits, is the i-th
  /// in ascending order; equal keys stay in their order.
  case argSort(key: BodyID, buffer: Int, AffineIndex)
}

/// How a kernel runs. `lanes` are elements, whatever their width; a backend splits vectors that its registers cannot hold.
public enum Schedule: Hashable, Sendable {
  /// Scalar loops; any kernel. Work units are the outer points.
  case serial
  /// No inner axes in any stage. Vectors along the last outer axis, tails masked. Work units are (leading outer point,
  /// chunk of `grain` elements of the last axis). `streaming` asks for stores that bypass the caches.
  case pointwise(lanes: Int, unroll: Int, grain: Int, streaming: Bool)
  /// One stage, no inner axes. Square tiles of `lanes` × `lanes` points along `axis` and the last outer axis: what lies side
  /// by side along `axis` is loaded so and turned in registers. Work units are (other outer point, `lanes` points of `axis`,
  /// chunk of `grain` elements of the last axis).
  case turned(axis: Int, lanes: Int, grain: Int)
  /// Vectors along the inner axes: 32 lanes, the lanes of R2. Work units are the outer points.
  case rows
  /// One stage that reduces with one effect, then stages without inner axes. Few outer points, long rows: phase 0 has a
  /// work unit per (outer point, block of 1,024 elements) and writes block values to the workspace; phase 1 has a unit per
  /// outer point, combines them by Tree16 and runs the other stages.
  case splitRows
  /// Vectors along the last outer axis, reductions stepping over rows. Work units are (leading outer point, strip of
  /// `strip` elements of the last outer axis).
  case columns(strip: Int)
  /// Stage 0 holds one `dot` and nothing else; the other stages have no inner axes. Outer axes are batch…, then row axes,
  /// then column axes. Register tiles of `rows` × `columns`.
  case contraction(ContractionSchedule)
}
