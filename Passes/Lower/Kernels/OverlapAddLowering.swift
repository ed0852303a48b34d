import KilnIR

/// The windows that an `overlapAdd` adds up.
struct WindowGrid {
  let shape: Shape
  let axes: [Int]
  let strides: [Int]
  let dilations: [Int]

  init(_ shape: Shape, _ axes: [Int], _ strides: [Int], _ dilations: [Int]) {
    self.shape = shape
    self.axes = axes
    self.strides = strides
    self.dilations = dilations
  }

  /// The longest run of taps of window axis `number` of which no two, in whatever windows, meet in one element.
  func run(_ number: Int) -> Int { strides[number] / gcd(strides[number], dilations[number]) }

  /// Whether the windows of this many positions and taps leave out no element along window axis `number`. A gap may be
  /// suspected where dilated windows leave none.
  func coversAxis(_ number: Int, positions: Int, taps: Int) -> Bool {
    if positions == 1 && taps == 1 { return shape[axes[number]] == 1 }
    return dilations[number] == 1 && (positions == 1 || taps >= strides[number])
      && (positions - 1) * strides[number] + taps == shape[axes[number]].staticSize
  }
}

func gcd(_ a: Int, _ b: Int) -> Int { b == 0 ? a : gcd(b, a % b) }

/// `overlapAdd` as kernels without conflicts: the taps are cut into runs so short that the windows of one run do not
/// overlap. Each kernel adds one run to what the earlier ones left. Later taps come first, since they belong to earlier
/// windows (Numerics.md R5). An element starts at -0, to which its first term adds exactly.
extension ClusterLowering {
  func overlapAdd(_ grid: WindowGrid, _ instruction: Instruction) -> [KernelDraft] {
    let operand = function.valueTypes[instruction.operands[0]]
    let rank = grid.shape.rank
    let numbers = grid.axes.indices
    let whole = Array(grid.shape)
    let result = instruction.result
    let dtype = operand.dtype
    guard !operand.shape.contains(0) else {
      return [fill(result, Scalar(dtype, bits: 0), whole)].filter { !$0.isEmpty }
    }
    let runs = numbers.reduce([[]] as [[Range<Int>]]) { pieces, number in
      let (taps, length) = (operand.shape[rank + number].staticSize, grid.run(number))
      let starts = stride(from: (taps - 1) / length * length, through: 0, by: -length)
      return pieces.flatMap { piece in starts.map { piece + [$0..<min($0 + length, taps)] } }
    }
    let covers = numbers.allSatisfy {
      grid.coversAxis(
        $0, positions: operand.shape[grid.axes[$0]].staticSize, taps: operand.shape[rank + $0].staticSize)
    }
    let start = dtype.isReal ? Scalar(dtype, -0.0) : Scalar(dtype, bits: 0)
    var drafts: [KernelDraft] = []
    if !covers { drafts.append(fill(result, Scalar(dtype, bits: 0), whole)) }
    if runs.count > 1 && covers {
      drafts.append(fill(result, start, whole))
    } else if runs.count > 1 && dtype.isReal {
      drafts += runs.map { piece(grid, instruction, $0, start: start, adds: false) }
    }
    return drafts + runs.map { piece(grid, instruction, $0, start: nil, adds: runs.count > 1) }
  }

  /// One number everywhere.
  private func fill(_ value: ValueID, _ number: Scalar, _ extents: [Dimension]) -> KernelDraft {
    var stage = writer(extents, Array(extents.indices))
    var buffers = BufferList()
    let constant = stage.emit(.constant(number))
    let identity = IndexDomain(extents: extents).identity(Array(extents.indices))
    let effect = store(value, constant, at: identity, stage, &buffers)
    return draft(
      buffers, outer: extents, [KernelDefinition.Stage(inner: [], body: stage.body, effects: [effect])], stage.sites)
  }

  /// One run of taps: stores `start`, or else the taps' elements, added to what is there or not.
  private func piece(
    _ grid: WindowGrid, _ instruction: Instruction, _ taps: [Range<Int>], start: Scalar?, adds: Bool
  ) -> KernelDraft {
    let operand = instruction.operands[0]
    let rank = grid.shape.rank
    let extents = Array(function.valueTypes[operand].shape[..<rank]) + taps.map { Dimension($0.count) }
    let domain = IndexDomain(extents: extents)
    var index = domain.identity(Array(extents.indices))
    for (number, range) in taps.enumerated() {
      index[rank + number] = index[rank + number] + Dimension(range.lowerBound)
    }
    var place = Array(index[..<rank])
    for (number, axis) in grid.axes.enumerated() {
      let size = grid.shape[axis]
      place[axis] =
        place[axis] * size.step(grid.strides[number]) + index[rank + number] * size.step(grid.dilations[number])
    }
    // The taps beside their windows, so that neighbours in the result are neighbours in the loops.
    let loops = (0..<rank).flatMap { axis in [axis] + (grid.axes.firstIndex(of: axis).map { [rank + $0] } ?? []) }
    var stage = writer(extents, loops)
    var buffers = BufferList()
    var effects: [Effect] = []
    if let start {
      effects.append(store(instruction.result, stage.emit(.constant(start)), at: place, stage, &buffers))
    } else {
      let value = stage.element(operand, at: index, &buffers)
      for output in cluster.outputs where output != instruction.result {
        let element = stage.element(output, at: index, &buffers)
        effects.append(store(output, element, at: index, stage, &buffers))
      }
      let dtype = function.valueTypes[operand].dtype
      let buffer = buffers.index(.value(instruction.result), dtype, isWritten: true)
      var sum = value
      if adds {
        let old = stage.emit(.load(BufferAccess(buffer, stage.affine(place, in: grid.shape))))
        sum = stage.emit(.operation(.add, operands: [old, value], dtype: dtype))
      }
      effects.append(store(instruction.result, sum, at: place, stage, &buffers))
    }
    return draft(
      buffers, outer: loops.map { extents[$0] },
      [KernelDefinition.Stage(inner: [], body: stage.body, effects: effects)], stage.sites)
  }
}
