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

extension Sequence<KernelInteger> {
  /// The product of the extents of a launch.
  public func product(_ integers: [Int]) -> Int { reduce(1) { $0 * $1.value(integers) } }
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

/// An index that is data: the integer `value` of a body along an axis of `extent` elements that lie `stride` apart. It
/// is in range if 0 ≤ value < extent.
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

/// A place in a buffer that an instruction reads or an effect writes: the element at `index` + the sum of stride ×
/// value over the indices that are data.
public struct BufferAccess: Hashable, Sendable {
  public var buffer: Int
  public var index: AffineIndex
  public var data: [DataIndex]
  /// What an index out of range does: it counts as the nearest one in range; or there is no place, which reads zero
  /// bits and writes nothing, and under `check` also sets the launch's status word to the index's site.
  public var bounds: IndexBounds?

  /// The element at an affine index.
  public init(_ buffer: Int, _ index: AffineIndex) {
    self.init(buffer, index, data: [], bounds: nil)
  }

  public init(_ buffer: Int, _ index: AffineIndex, data: [DataIndex], bounds: IndexBounds?) {
    self.buffer = buffer
    self.index = index
    self.data = data
    self.bounds = bounds
  }
}

extension BufferAccess {
  /// Where the access goes when all indices that are data are 0.
  package var start: BufferAccess { BufferAccess(buffer, index) }

  package func rewritingIndices(
    affine: (AffineIndex) -> AffineIndex, data change: (DataIndex) -> DataIndex
  ) -> BufferAccess {
    BufferAccess(buffer, affine(index), data: data.map(change), bounds: bounds)
  }
}
