/// A launch that is one plain matrix product, as a library of linear algebra knows it: c = a·b, row-major.
///
/// Only `.fast` programs use it: a library adds in an order of its own (Numerics.md D4).
public struct MatrixProduct: Hashable, Sendable {
  /// An operand in memory: elements between its rows, and whether it is stored transposed.
  public struct Operand: Hashable, Sendable {
    public var buffer: Int
    public var offset: Int
    public var leadingDimension: Int
    public var isTransposed: Bool
  }

  public let dtype: DType
  public let rows: Int
  public let columns: Int
  public let terms: Int
  public let left: Operand
  public let right: Operand
  public let result: Operand

  /// Below this many products a library's call costs more than it saves.
  private static let smallest = 64 * 64 * 64

  /// Nil unless the kernel multiplies two matrices of f32 or f64 and stores the product, and nothing else.
  public init?(_ kernel: KernelDefinition, _ integers: [Int]) {
    guard let contraction = Contraction(kernel), contraction.roles == ContractionRoles(batchAxes: 0, rowAxes: 1),
      kernel.outer.count == 2, kernel.stages.count == 2, contraction.terms.count == 1,
      kernel.stages[0].body.count <= 2, kernel.stages[1].body == [.reduced(0)], kernel.stages[1].effects.count == 1,
      case .store(_, let stored) = kernel.stages[1].effects[0]
    else { return nil }
    dtype = kernel.buffers[stored.buffer].dtype
    let shape = contraction.shape(integers)
    (rows, columns, terms) = (shape.rows, shape.columns, shape.terms)
    guard dtype == .f32 || dtype == .f64, [rows, columns, terms].allSatisfy({ $0 <= Int(Int32.max) }),
      rows * columns * terms >= Self.smallest,
      let left = Self.operand(contraction.left, along: (0, 2), integers),
      let right = Self.operand(contraction.right, along: (2, 1), integers),
      let result = Self.operand(stored, along: (0, 1), integers), !result.isTransposed,
      // The rows of a convolution overlap.
      left.leadingDimension >= (left.isTransposed ? rows : terms),
      right.leadingDimension >= (right.isTransposed ? terms : columns)
    else { return nil }
    (self.left, self.right, self.result) = (left, right, result)
  }

  /// The matrix whose rows run along one axis and whose columns along the other, if one of the two has step 1.
  private static func operand(
    _ access: BufferAccess, along axes: (row: Int, column: Int), _ integers: [Int]
  ) -> Operand? {
    let strides = access.index.strides.map { $0.value(integers) }
    let (row, column) = (strides[axes.row], strides[axes.column])
    let offset = access.index.offset.value(integers)
    if column == 1 && row > 1 {
      return Operand(buffer: access.buffer, offset: offset, leadingDimension: row, isTransposed: false)
    }
    if row == 1 && column > 1 {
      return Operand(buffer: access.buffer, offset: offset, leadingDimension: column, isTransposed: true)
    }
    return nil
  }
}
