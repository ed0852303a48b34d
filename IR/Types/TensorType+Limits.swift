extension TensorType {
  /// Every tensor has fewer bytes than this, counting extents of 0 as 1, so that no product of extents and no offset
  /// overflows an `Int`.
  public static let byteLimit = 1 << 48

  /// The most axes that a tensor has.
  public static let maximumRank = 32

  /// Checks the extents: `type.C1` for the size, `type.C2` for the rank.
  package func requireAddressable() throws(ConstraintFailure) {
    try require(rank <= Self.maximumRank, "type.C2", "a tensor has at most \(Self.maximumRank) axes, found \(rank)")
    var byteCount = dtype.byteCount
    // What is known at calls only is checked when sizes are bound.
    for case let size? in shape.map(\.size) {
      try require(size >= 0, "type.C1", "\(self) is not a possible type: the extent \(size) is negative")
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: max(size, 1))
      try require(
        !overflow && product < Self.byteLimit, "type.C1",
        "\(self) is not a possible type: a tensor has fewer than 2^48 bytes")
      byteCount = product
    }
  }
}
