/// What an index outside its axis means.
public enum IndexBounds: String, CaseIterable, Hashable, Sendable {
  /// The call throws, with the line of the op.
  case check
  /// The nearest valid index is used.
  case clamp
  /// `gather` gives zero, `scatter` leaves the update out.
  case drop
}

/// How `scatter` combines an update with what is there.
public enum ScatterCombiner: String, CaseIterable, Hashable, Sendable {
  case replace, add, multiply, maximum, minimum
}

/// Ops whose indices are data.
public enum IndexingOp: Hashable, Sendable {
  /// `x` and integer `indices`: the slices of `x` that the indices name, shaped as `IndexingLayout` says.
  case gather(IndexedAxes, bounds: IndexBounds)
  /// `x`, integer `indices` and `updates` (shaped as `gather` would give): `x` with each update combined into its
  /// slice, in ascending row-major order of the indices (Numerics.md R5).
  case scatter(IndexedAxes, combiner: ScatterCombiner, bounds: IndexBounds)
  /// `x` and a start index for each of its axes: the box of `sizes` elements that begins there.
  case dynamicSlice(sizes: [Dimension], bounds: IndexBounds)
  /// `x`, an update and a start index for each axis: `x` with the update written over the box that begins there.
  case dynamicUpdateSlice(bounds: IndexBounds)
  /// The `i32` indices along `axis` by which the elements are in order: equal ones stay in their order, -0 equals +0,
  /// NaN is last in both directions (Numerics.md E9). Of that order the `first` ones, or all.
  case argSort(axis: Int, isDescending: Bool, first: Int? = nil)

  /// `gather` along one axis.
  public static func gather(axis: Int, bounds: IndexBounds) -> IndexingOp { .gather(IndexedAxes(axis), bounds: bounds) }

  /// `scatter` along one axis.
  public static func scatter(axis: Int, combiner: ScatterCombiner, bounds: IndexBounds) -> IndexingOp {
    .scatter(IndexedAxes(axis), combiner: combiner, bounds: bounds)
  }

  var spelling: String {
    switch self {
    case .gather: "gather"
    case .scatter: "scatter"
    case .dynamicSlice: "dynamicSlice"
    case .dynamicUpdateSlice: "dynamicUpdateSlice"
    case .argSort: "argSort"
    }
  }

  var attributes: [NamedAttribute] {
    switch self {
    case .gather(let indexed, let bounds):
      indexed.attributes + [NamedAttribute("bounds", .word(bounds.rawValue))]
    case .scatter(let indexed, let combiner, let bounds):
      indexed.attributes + [
        NamedAttribute("combiner", .word(combiner.rawValue)), NamedAttribute("bounds", .word(bounds.rawValue)),
      ]
    case .dynamicSlice(let sizes, let bounds):
      [NamedAttribute("sizes", .dimensions(sizes)), NamedAttribute("bounds", .word(bounds.rawValue))]
    case .dynamicUpdateSlice(let bounds): [NamedAttribute("bounds", .word(bounds.rawValue))]
    case .argSort(let axis, let isDescending, let first):
      [NamedAttribute("axis", .integer(axis)), NamedAttribute("descending", .truth(isDescending))]
        + (first.map { [NamedAttribute("first", .integer($0))] } ?? [])
    }
  }

  static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> IndexingOp? {
    func bounds() throws(ConstraintFailure) -> IndexBounds {
      guard let bounds = IndexBounds(rawValue: try reader.word("bounds")) else {
        throw reader.malformed("bounds", "check, clamp or drop")
      }
      return bounds
    }
    switch spelling {
    case "gather":
      try reader.allow("axis", "axes", "batch", "bounds")
      return .gather(try IndexedAxes(reader), bounds: try bounds())
    case "scatter":
      try reader.allow("axis", "axes", "batch", "combiner", "bounds")
      guard let combiner = ScatterCombiner(rawValue: try reader.word("combiner")) else {
        throw reader.malformed("combiner", "replace, add, multiply, maximum or minimum")
      }
      return .scatter(try IndexedAxes(reader), combiner: combiner, bounds: try bounds())
    case "dynamicSlice":
      try reader.allow("sizes", "bounds")
      return .dynamicSlice(sizes: try reader.dimensions("sizes"), bounds: try bounds())
    case "dynamicUpdateSlice":
      try reader.allow("bounds")
      return .dynamicUpdateSlice(bounds: try bounds())
    case "argSort":
      try reader.allow("axis", "descending", "first")
      return .argSort(
        axis: try reader.integer("axis"), isDescending: try reader.truth("descending"),
        first: reader["first"] == nil ? nil : try reader.integer("first"))
    default: return nil
    }
  }

  func infer(_ operands: [TensorType], _ questions: inout SizeQuestions) throws(ConstraintFailure) -> TensorType {
    switch self {
    case .gather(let indexed, let bounds):
      try requireOperands(2, operands, of: spelling)
      return TensorType(
        operands[0].dtype, try indexed.gatheredShape(operands[0], indices: operands[1], bounds, .gather, &questions))
    case .scatter(let indexed, let combiner, let bounds):
      try requireOperands(3, operands, of: spelling)
      let (operand, updates) = (operands[0], operands[2])
      // What is wrong with the updates or the combiner comes before what is wrong with clamping.
      let shape = try indexed.gatheredShape(operand, indices: operands[1], .drop, .scatter, &questions)
      try questions.requireEqual(
        [updates], [TensorType(operand.dtype, shape)], "scatter.C3",
        "updates of \(operand) at \(operands[1]) have type \(TensorType(operand.dtype, shape)), found \(updates)")
      try require(
        combiner == .replace || operand.dtype.isInteger || operand.dtype == .f32 || operand.dtype == .f64, "scatter.C4",
        "scatter \(combiner) takes integers, f32 or f64, found \(operand.dtype); convert first")
      _ = try indexed.gatheredShape(operand, indices: operands[1], bounds, .scatter, &questions)
      return operand
    case .dynamicSlice(let sizes, let bounds):
      try require(!operands.isEmpty, "dynamicSlice.C0", "dynamicSlice takes a tensor and a start for each axis")
      let operand = operands[0]
      try require(
        sizes.count == operand.rank, "dynamicSlice.C1", "there is a size for each axis of \(operand), found \(sizes)")
      for (axis, size) in sizes.enumerated() {
        for (least, most) in [(0, size), (size, operand.shape[axis])] {
          try questions.require(
            most, .atLeast, least, "dynamicSlice.C2",
            "a slice of axis \(axis) of \(operand) has 0 to \(operand.shape[axis]) elements, found \(size)")
        }
      }
      try requireStarts(operands.dropFirst(), of: operand, bounds)
      return TensorType(operand.dtype, Shape(sizes))
    case .dynamicUpdateSlice(let bounds):
      try require(
        operands.count >= 2, "dynamicUpdateSlice.C0",
        "dynamicUpdateSlice takes a tensor, an update and a start for each axis, found \(operands.count) operands")
      let (operand, update) = (operands[0], operands[1])
      try require(
        update.dtype == operand.dtype && update.rank == operand.rank, "dynamicUpdateSlice.C1",
        "the update has the dtype and the rank of \(operand), found \(update)")
      for axis in operand.shape.indices {
        try questions.require(
          operand.shape[axis], .atLeast, update.shape[axis], "dynamicUpdateSlice.C2",
          "the update \(update) is larger than \(operand) along axis \(axis)")
      }
      try requireStarts(operands.dropFirst(2), of: operand, bounds)
      return operand
    case .argSort(let axis, _, let first):
      try requireOperands(1, operands, of: spelling)
      try requireAxis(axis, of: operands[0], "argSort.C1")
      try questions.require(
        Dimension(Int(Int32.max)), .atLeast, operands[0].shape[axis], "argSort.C2",
        "argSort sorts at most \(Int32.max) elements, axis \(axis) of \(operands[0]) has more")
      guard let first else { return TensorType(.i32, operands[0].shape) }
      try require(first >= 0, "argSort.C4", "argSort gives its first numbers, found \(first) of them")
      try questions.require(
        operands[0].shape[axis], .atLeast, Dimension(first), "argSort.C4",
        "argSort gives its first \(first) numbers, axis \(axis) of \(operands[0]) has fewer")
      var shape = Array(operands[0].shape)
      shape[axis] = Dimension(first)
      return TensorType(.i32, Shape(shape))
    }
  }

  /// Checks the start indices of a dynamic slice: `C3` their number and types, `C4` their bounds.
  private func requireStarts(
    _ starts: ArraySlice<TensorType>, of operand: TensorType, _ bounds: IndexBounds
  ) throws(ConstraintFailure) {
    let found = starts.map(\.description).joined(separator: ", ")
    try require(
      starts.count == operand.rank && starts.allSatisfy { $0.rank == 0 && $0 == starts.first }
        && starts.allSatisfy { $0.dtype == .i32 || $0.dtype == .i64 }, "\(spelling).C3",
      "there is a start for each axis of \(operand), all i32[] or all i64[], found (\(found))")
    try require(
      bounds != .drop, "\(spelling).C4", "the bounds of \(spelling) are check or clamp, found drop")
  }
}
