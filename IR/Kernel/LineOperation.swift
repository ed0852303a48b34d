/// How a line of results comes from the values of a whole stage, of which it is the only effect.
public enum LineOperation: Hashable, Sendable {
  /// At each point the combination of the values up to it, in row-major order of the inner points (R4).
  case scanReduce(ReductionKind)
  /// At inner point i the `i32` number of the point whose value, an unsigned integer of 32 or 64 bits, is the i-th in
  /// ascending order; equal values stay in their order. Only the points before `first` have a result, if it is given.
  case argSort(first: Int? = nil)

  /// So many are selected as the line passes by; more are sorted with all others.
  public static let mostSelected = 64

  public var spelling: String {
    switch self {
    case .scanReduce: "scanReduce"
    case .argSort: "argSort"
    }
  }

  init?(_ spelling: String, _ attributes: AttributeReader) throws(ConstraintFailure) {
    switch spelling {
    case "scanReduce": self = .scanReduce(try attributes.word("kind", ReductionKind.self))
    case "argSort":
      let first = attributes["first"] == nil ? nil : try attributes.integer("first")
      try require(first ?? 0 >= 0, "kernel.C6", "a sort has at least 0 results")
      self = .argSort(first: first)
    default: return nil
    }
  }

  /// The dtype of the results, for values of a dtype.
  func resultDType(_ dtype: DType) throws(ConstraintFailure) -> DType {
    switch self {
    case .scanReduce(let kind): return try kind.primitive.resultDType(operands: [dtype, dtype])
    case .argSort:
      try require(dtype == .u32 || dtype == .u64, "kernel.C2", "a sort key is u32 or u64, found \(dtype)")
      return .i32
    }
  }

  /// The result of a line of one element; nil: its value.
  public var resultOfOne: Scalar? {
    switch self {
    case .scanReduce: nil
    case .argSort: .zero(.i32)
    }
  }

  /// Whether all values of the line are needed before the first result is known: such a line is the kernel's only
  /// stage. In others each point stores the element of its own place, when it has read what it reads there.
  public var needsWholeLine: Bool {
    switch self {
    case .scanReduce: false
    case .argSort: true
    }
  }

  /// Bytes of scratch for each element of a line; a sort has two places for each key and each number.
  public var scratchBytesPerElement: Int {
    switch self {
    case .scanReduce: 0
    case .argSort: isSelection ? 0 : 24
    }
  }

  /// Bytes of scratch for each line besides; a sort has a histogram of every byte of a key, a selection those that it
  /// holds.
  public var scratchBytesPerLine: Int {
    switch self {
    case .scanReduce: 0
    case .argSort: isSelection ? 16 * Self.mostSelected : 8 * 256 * 8
    }
  }

  var nanoseconds: Double {
    switch self {
    case .scanReduce: 0.2
    case .argSort: isSelection ? 0.5 : 2
    }
  }
}

extension LineOperation {
  /// How many results a line has, if not one for each element.
  public var resultCount: Int? {
    switch self {
    case .scanReduce: nil
    case .argSort(let first): first
    }
  }

  public var isSelection: Bool { resultCount.map { $0 <= Self.mostSelected } ?? false }

  var attributes: KeyValuePairs<String, Attribute> {
    switch self {
    case .scanReduce(let kind): ["kind": .word(kind.rawValue)]
    case .argSort(let first?): ["first": .integer(first)]
    case .argSort(nil): [:]
    }
  }
}

extension KernelDefinition {
  /// The dtype of the keys by which the kernel sorts lines.
  package var sortKey: DType? {
    guard case .line(.argSort, let key, _)? = stages[0].effects.first else { return nil }
    return dtype(of: key, in: stages[0].body)
  }
}
