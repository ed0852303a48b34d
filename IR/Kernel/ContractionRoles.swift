/// The roles of the outer axes of a kernel whose stage 0 is the dot of a matrix product: batch axes come first, then at
/// most one row axis, along which only the left operand moves, then at most one column axis, along which only the right
/// one does.
public struct ContractionRoles: Hashable, Sendable {
  public var batchAxes: Int
  /// 0 or 1.
  public var rowAxes: Int

  public init(batchAxes: Int, rowAxes: Int) {
    self.batchAxes = batchAxes
    self.rowAxes = rowAxes
  }

  public var columnAxis: Int { batchAxes + rowAxes }
}

/// A kernel's matrix product: batches of rows × columns outputs, each the sum of `terms` products.
public struct Contraction: Hashable, Sendable {
  public let roles: ContractionRoles
  public let lhs: BodyID
  public let rhs: BodyID
  /// What the operands load; a dot may work in another dtype than memory, above a conversion.
  public let left: BufferAccess
  public let right: BufferAccess
  /// The dtype that the dot works in.
  public let dtype: DType
  /// Whether an operand lies in memory in another dtype than that.
  public let convertsLeft: Bool
  public let convertsRight: Bool
  public let outer: [KernelInteger]
  /// The extents over which products are summed.
  public let terms: [KernelInteger]

  /// Nil unless the kernel has roles and its stage 0 is one dot of two loads.
  public init?(_ kernel: KernelDefinition) {
    guard let roles = kernel.contraction, let stage = kernel.stages.first, stage.effects.count == 1,
      let (lhs, rhs) = stage.effects[0].dot, let left = stage.body.loadedOperand(lhs),
      let right = stage.body.loadedOperand(rhs)
    else { return nil }
    self.roles = roles
    (self.lhs, self.rhs, self.left, self.right) = (lhs, rhs, left, right)
    dtype = kernel.dtype(of: lhs, in: stage.body)
    convertsLeft = kernel.buffers[left.buffer].dtype != dtype
    convertsRight = kernel.buffers[right.buffer].dtype != dtype
    outer = kernel.outer
    terms = stage.inner
  }

  public var rowExtent: KernelInteger? { roles.rowAxes > 0 ? outer[roles.batchAxes] : nil }
  public var columnExtent: KernelInteger? { roles.columnAxis < outer.count ? outer[roles.columnAxis] : nil }

  /// Whether one right operand serves all batches.
  public var sharesRight: Bool { right.index.strides[..<roles.batchAxes].allSatisfy { $0 == .constant(0) } }

  public struct Shape: Hashable, Sendable {
    public let batches: Int
    public let rows: Int
    public let columns: Int
    public let terms: Int
    /// How many right operands there are: one for each batch, or one for all.
    public let rightBatches: Int
  }

  /// The shape in a launch.
  public func shape(_ integers: [Int]) -> Shape {
    let batches = outer[..<roles.batchAxes].product(integers)
    return Shape(
      batches: batches, rows: rowExtent?.value(integers) ?? 1, columns: columnExtent?.value(integers) ?? 1,
      terms: terms.product(integers), rightBatches: sharesRight ? 1 : batches)
  }
}

extension [BodyInstruction] {
  /// The load behind a dot's operand: itself or below its conversion.
  package func loadedOperand(_ id: BodyID) -> BufferAccess? {
    if case .operation(.convert, let operands, _) = self[id.index] { return self[operands[0].index].plainAccess }
    return self[id.index].plainAccess
  }
}
