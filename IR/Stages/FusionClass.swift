/// How fusion treats an instruction. Decided by the family, never by the name of one op.
package enum FusionClass: Hashable {
  /// Computed wherever it is read: constants, coordinates.
  case source
  /// An index map: reads one operand elsewhere.
  case view
  /// One element from one element of each operand.
  case pointwise
  /// Like pointwise, with one operand (the first) read at indices that are data.
  case gather
  case reduction(axes: [Int])
  case contraction(ContractionOp)
  case scatter
  /// A line of results from a line of elements, along one axis.
  case line(axis: Int)
  case assembly
  /// Runs functions of the module: reads its operands as buffers and writes its results as such.
  case control
}

extension Op {
  package var fusionClass: FusionClass {
    switch self {
    case .source: .source
    case .map, .type: .pointwise
    case .movement(let op):
      switch op {
      case .reshape, .broadcast, .transpose, .slice, .reverse, .windows: .view
      case .pad, .concatenate, .overlapAdd: .assembly
      }
    case .reduction(let op):
      switch op {
      case .reduce(_, let axes): .reduction(axes: axes)
      case .argReduce(_, let axis): .reduction(axes: [axis])
      case .scanReduce(_, let axis, _): .line(axis: axis)
      }
    case .contraction(let op): .contraction(op)
    case .indexing(let op):
      switch op {
      case .gather, .dynamicSlice: .gather
      case .scatter, .dynamicUpdateSlice: .scatter
      case .argSort(let axis, _, _): .line(axis: axis)
      }
    case .control(let op):
      switch op {
      // A call that is left here was not inlined; `Fuser` reports it.
      case .call, .custom, .checkpoint: .source
      case .stopGradient, .barrier: .view
      case .cond, .while, .scan: .control
      }
    }
  }

  /// Whether the result is the operand's bytes under another type: both then share one buffer.
  package var keepsBytes: Bool {
    switch self {
    case .movement(.reshape), .control(.stopGradient), .control(.barrier): true
    case .source, .map, .type, .movement, .reduction, .contraction, .indexing, .control: false
    }
  }
}
