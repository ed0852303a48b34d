import KilnIR

/// A buffer of a plan that is being made. One function may be lowered several times, so values do not name buffers.
struct BufferID: EntityID {
  let rawValue: UInt32
}

/// What a buffer stands for.
struct PlanBuffer {
  enum Place: Hashable {
    /// In the arena.
    case local
    case parameter(Int)
    case result(Int)
    case constant(Literal)
    /// The part of another buffer that belongs to the turn of a repeat.
    case element(of: BufferID, loop: Int)
  }

  var type: TensorType
  var place: Place
  /// The loops around it, outermost first: it holds a value of one turn of each.
  var loops: [Int]
  /// For people.
  var name: String
}

/// What runs, as a tree: launches, and the regions of branches and loops. Loops have numbers of their own.
indirect enum RegionNode: Sendable {
  case launch(RegionLaunch)
  case loop(number: Int, condition: [RegionNode], body: [RegionNode], predicate: BufferID)
  /// The region that the `bool` or `i32` in a buffer numbers.
  case branch([[RegionNode]], selector: BufferID)
  case `repeat`(number: Int, count: Dimension, isReversed: Bool, body: [RegionNode])
}

/// A kernel on its buffers.
struct RegionLaunch {
  var draft: KernelDraft
  /// One per buffer of the kernel.
  var buffers: [BufferID]
  /// Whether it only brings a value to the buffer in which a loop carries it, and may go where both can be one buffer.
  var isMove = false

  var written: [BufferID] { zip(buffers, draft.kernel.buffers).compactMap { $1.isWritten ? $0 : nil } }

  /// Whether `result` may share the memory of `operand`.
  func canOverwrite(_ operand: BufferID, with result: BufferID) -> Bool {
    draft.canOverwrite(operand, with: result, in: buffers)
  }
}

/// Something that a function's body does in one place: a kernel, or a control op.
enum RegionItem {
  case kernel(KernelDraft)
  case control(ControlItem)

  var inputs: [ValueID] {
    switch self {
    case .kernel(let draft): draft.inputs
    case .control(let item): item.operands
    }
  }

  var outputs: [ValueID] {
    switch self {
    case .kernel(let draft): draft.outputs
    case .control(let item): item.results
    }
  }

  /// Whether `result` may share the memory of `operand`.
  func canOverwrite(_ operand: ValueID, with result: ValueID) -> Bool {
    switch self {
    case .kernel(let draft): draft.canOverwrite(.value(operand), with: .value(result), in: draft.bindings)
    case .control(let item): item.canOverwrite(operand, with: result)
    }
  }
}

/// A `cond`, `while` or `scan` on values that have buffers.
struct ControlItem {
  var op: ControlOp
  var operands: [ValueID]
  var results: [ValueID]
  var location: SourceLocation

  /// A carried operand is read at the beginning, into the buffer of the carried result.
  func canOverwrite(_ operand: ValueID, with result: ValueID) -> Bool {
    guard let number = results.firstIndex(of: result), number < carriedCount else { return false }
    return operands.indices.filter { operands[$0] == operand } == [number]
  }

  private var carriedCount: Int {
    switch op {
    case .call, .custom, .checkpoint, .stopGradient, .barrier, .cond: 0
    case .while(_, _, let captured): operands.count - captured
    case .scan(let scan): scan.carried
    }
  }
}
