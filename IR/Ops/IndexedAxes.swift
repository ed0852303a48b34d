/// Which axes of a tensor the indices of `gather` and `scatter` name, and which axes of both run together.
public struct IndexedAxes: Hashable, Sendable {
  /// The indexed axes of the operand, in the order of the components of an index.
  public var axes: [Int]
  /// Whether the last axis of the indices holds the components of an index. If not, an index is one number.
  public var hasVectors: Bool
  /// Axes of the operand, each with the axis of the indices that runs together with it.
  public var batch: [AxisPair]

  /// One indexed axis; an index is one number.
  public init(_ axis: Int, batch: [AxisPair] = []) {
    axes = [axis]
    hasVectors = false
    self.batch = batch
  }

  /// Several indexed axes; the last axis of the indices has one component for each of them.
  public init(vectorsAlong axes: [Int], batch: [AxisPair] = []) {
    self.axes = axes
    hasVectors = true
    self.batch = batch
  }
}

extension IndexedAxes {
  /// `axis = 1`, or `axes = [0, 2]` for vectors, and `batch` where there is one.
  var attributes: [NamedAttribute] {
    let indexed = hasVectors ? NamedAttribute("axes", .integers(axes)) : NamedAttribute("axis", .integer(axes[0]))
    return [indexed] + (batch.isEmpty ? [] : [NamedAttribute("batch", .pairs(batch))])
  }

  init(_ reader: AttributeReader) throws(ConstraintFailure) {
    let batch = reader["batch"] == nil ? [] : try reader.pairs("batch")
    guard reader["axes"] != nil else {
      self.init(try reader.integer("axis"), batch: batch)
      return
    }
    try require(
      reader["axis"] == nil, "attribute.C1", "\(reader.spelling) has 'axis' or 'axes', not both")
    self.init(vectorsAlong: try reader.integers("axes"), batch: batch)
  }
}

/// How the axes of an indexed operand, of the indices and of what is gathered (or of the updates) go together.
///
/// The gathered tensor has the axes of the operand in their order: where the first of its indexed axes stood are the
/// axes of the indices that are neither a batch axis nor the one of the components, and the other indexed axes are
/// gone.
package struct IndexingLayout {
  /// The axis of the gathered tensor for each axis of the operand; nil for the indexed ones.
  package private(set) var operandAxes: [Int?] = []
  /// The axis of the gathered tensor for each axis of the indices; nil for the one of the components.
  package private(set) var indexAxes: [Int?]
  /// The extents of the gathered tensor.
  package private(set) var shape: [Dimension] = []

  /// The attributes fit the shapes: `IndexedAxes.requireFit` does not throw.
  package init(_ indexed: IndexedAxes, operand: Shape, indices: Shape) {
    let vectorAxis = indexed.hasVectors ? indices.rank - 1 : nil
    let paired = Set(indexed.batch.map(\.rhs))
    indexAxes = Array(repeating: nil, count: indices.rank)
    let place = indexed.axes.min()
    for axis in operand.indices {
      if axis == place {
        for index in indices.indices where index != vectorAxis && !paired.contains(index) {
          indexAxes[index] = shape.count
          shape.append(indices[index])
        }
      }
      if indexed.axes.contains(axis) {
        operandAxes.append(nil)
      } else {
        operandAxes.append(shape.count)
        shape.append(operand[axis])
      }
    }
    for pair in indexed.batch { indexAxes[pair.rhs] = operandAxes[pair.lhs] }
  }
}

extension IndexedAxes {
  /// The labels of the constraints, which `gather` and `scatter` number differently.
  struct Labels {
    let spelling: String
    let nearest, batch, extents, vector: String

    static let gather = Labels(
      spelling: "gather", nearest: "gather.C3", batch: "gather.C4", extents: "gather.C5", vector: "gather.C6")
    static let scatter = Labels(
      spelling: "scatter", nearest: "scatter.C5", batch: "scatter.C6", extents: "scatter.C7", vector: "scatter.C8")
  }

  /// The shape of what `indices` name in `operand`.
  func gatheredShape(
    _ operand: TensorType, indices: TensorType, _ bounds: IndexBounds, _ labels: Labels,
    _ sizes: inout SizeQuestions
  ) throws(ConstraintFailure) -> Shape {
    try require(!axes.isEmpty, "\(labels.spelling).C1", "\(labels.spelling) indexes at least one axis of \(operand)")
    try requireAxes(axes + batch.map(\.lhs), of: operand, "\(labels.spelling).C1")
    try require(indices.dtype.isInteger, "\(labels.spelling).C2", "indices are integers, found \(indices)")
    if hasVectors {
      let message = "the last axis of the indices has a component for each of the axes \(axes), found \(indices)"
      try require(indices.rank > 0, labels.vector, message)
      try sizes.require(indices.shape[indices.rank - 1], .equal, Dimension(axes.count), labels.vector, message)
    }
    try requireAxes(batch.map(\.rhs), of: indices, labels.batch)
    try require(
      !hasVectors || !batch.contains { $0.rhs == indices.rank - 1 }, labels.batch,
      "the last axis of the indices \(indices) holds their components and is not a batch axis")
    for pair in batch {
      try sizes.require(
        operand.shape[pair.lhs], .equal, indices.shape[pair.rhs], labels.extents,
        "axis \(pair.lhs) of \(operand) has \(operand.shape[pair.lhs]) elements, axis \(pair.rhs) of the indices \(indices) "
          + "has \(indices.shape[pair.rhs])")
    }
    // An axis without elements is right where there are no indices then.
    for axis in axes where bounds == .clamp && indices.shape.size.isMultiple(of: operand.shape[axis]) != true {
      try sizes.require(
        operand.shape[axis], .atLeast, 1, labels.nearest,
        "indices cannot be clamped to axis \(axis) of \(operand), which has no elements")
    }
    return Shape(IndexingLayout(self, operand: operand.shape, indices: indices.shape).shape)
  }
}
