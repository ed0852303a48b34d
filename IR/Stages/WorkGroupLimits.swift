/// What the choice of a mapping, and its work items, depend on.
public struct WorkGroupLimits: Hashable, Sendable {
  public var isProcessor: Bool
  public var maximumWorkGroupSize: Int
  public var localMemoryBytes: Int
  /// Work items that fill the device.
  public var fullWorkItems: Int

  public init(isProcessor: Bool, maximumWorkGroupSize: Int, localMemoryBytes: Int, fullWorkItems: Int) {
    self.isProcessor = isProcessor
    self.maximumWorkGroupSize = maximumWorkGroupSize
    self.localMemoryBytes = localMemoryBytes
    self.fullWorkItems = fullWorkItems
  }
}
