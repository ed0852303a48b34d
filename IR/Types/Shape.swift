/// The extents of a tensor, outermost first. Storage is row-major.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral {
  private var extents: [Dimension]

  public init(_ extents: [Dimension]) { self.extents = extents }
  public init(_ sizes: [Int]) { extents = sizes.map { Dimension($0) } }
  public init(arrayLiteral elements: Dimension...) { extents = elements }

  /// The shape of a single number.
  public static let scalar = Shape([Int]())

  public var rank: Int { extents.count }

  /// The sizes as integers. Asking a symbolic size pins the program that is traced to the one of the call at hand.
  public var dimensions: [Int] { extents.map { $0.staticSize } }

  /// The number of elements, which may depend on sizes that calls bring.
  public var size: Dimension { extents.reduce(1, *) }

  /// Whether an extent is known at calls only.
  public var isSymbolic: Bool { extents.contains { $0.isSymbolic } }

  /// The names of the sizes that it depends on.
  package var names: Set<String> { extents.reduce(into: []) { $0.formUnion($1.names) } }

  /// The number of elements: the product of the extents, 1 for a scalar. Of a type that is too large (`type.C1`) the
  /// nearest `Int`.
  public var elementCount: Int { extents.reduce(1) { $0.saturatingProduct($1.staticSize) } }

  /// Elements (not bytes) between neighbours along each axis of a contiguous row-major tensor.
  package var rowMajorSteps: [Dimension] {
    var steps = [Dimension](repeating: 1, count: rank)
    for axis in stride(from: rank - 2, through: 0, by: -1) { steps[axis] = steps[axis + 1] * extents[axis + 1] }
    return steps
  }

  /// The same where the extents are numbers.
  public var rowMajorStrides: [Int] { rowMajorSteps.map(\.staticSize) }
}

extension Shape: RandomAccessCollection, MutableCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { extents.count }
  public subscript(axis: Int) -> Dimension {
    get { extents[axis] }
    set { extents[axis] = newValue }
  }
}

extension Shape: CustomStringConvertible {
  public var description: String { "[" + extents.map(\.description).joined(separator: ",") + "]" }
}

extension [Int] {
  /// The numbers as extents.
  package var extents: [Dimension] { map { Dimension($0) } }
}
