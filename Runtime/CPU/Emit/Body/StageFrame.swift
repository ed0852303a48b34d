import KilnIR

/// A point, or `lanes` points side by side, at which a body is evaluated.
struct Point {
  var lanes = 1
  /// The coordinates over the outer and then the inner axes; of lane 0 where lanes run along the axis.
  var coordinates: [LLVMValue?]
  /// The axis along which the lanes are neighbours, if there is one.
  var vectorAxis: Int?
  /// Added to the coordinate of `vectorAxis`: the number of an unrolled copy, which costs no instruction.
  var displacement = 0
  /// Coordinates that differ from lane to lane in another way, as vectors of 64-bit integers.
  var laneCoordinates: [Int: LLVMValue] = [:]
  /// The lanes that exist, nil for all.
  var mask: LLVMValue?
  /// The number of the point (lane 0) within the inner domain: its place in scratch rows.
  var innerIndex: LLVMValue?
}

/// A stage inside its loops: what does not change in the innermost loops is computed before them and kept here.
struct StageFrame {
  let number: Int
  let stage: KernelDefinition.Stage
  /// The axes whose coordinates change inside.
  let varying: [Int]
  /// Whether reduced values differ from point to point (they do where a kernel reduces many columns at once).
  let reducedVaries: Bool
  /// The parts of the indices that do not change.
  var bases: [AffineIndex: LLVMValue] = [:]
  var pointers: [BufferAccess: LLVMValue] = [:]
  /// Values of the body that do not change, as scalars and in `lanes` lanes.
  var scalars: [Int: LLVMValue] = [:]
  var broadcasts: [Int: LLVMValue] = [:]

  func isInvariant(_ id: BodyID) -> Bool { scalars[id.index] != nil }
}

extension KernelEmitter {
  /// Computes what stays the same while the axes `varying` run.
  ///
  /// - Parameters:
  ///   - coordinates: those of the other axes.
  ///   - lanes: how wide the inner loops are. The frame must be made where the body runs at least once.
  func frame(
    ofStage number: Int, coordinates: [LLVMValue?], varying: [Int], lanes: Int, reducedVaries: Bool = false
  ) -> StageFrame {
    let stage = kernel.stages[number]
    var frame = StageFrame(number: number, stage: stage, varying: varying, reducedVaries: reducedVaries)
    for index in stage.affineIndices where frame.bases[index] == nil {
      frame.bases[index] = base(of: index, coordinates, varying)
    }
    for access in stage.accesses {
      frame.pointers[access.start] = module.offset(
        context.buffers[access.buffer], frame.bases[access.index]!, of: memoryType(kernel.buffers[access.buffer].dtype))
    }
    hoist(into: &frame, coordinates, lanes)
    return frame
  }

  private func base(of index: AffineIndex, _ coordinates: [LLVMValue?], _ varying: [Int]) -> LLVMValue {
    var sum = value(index.offset)
    for (axis, stride) in index.strides.enumerated() where !varying.contains(axis) {
      if let coordinate = coordinates[axis], let term = product(coordinate, stride) { sum = add(sum, term) }
    }
    return sum
  }

  /// Evaluates the invariant values that others use.
  private func hoist(into frame: inout StageFrame, _ coordinates: [LLVMValue?], _ lanes: Int) {
    let body = frame.stage.body
    var point = Point(coordinates: coordinates)
    point.lanes = 1
    for (number, instruction) in body.enumerated() {
      let isInvariant =
        switch instruction {
        case .constant: false  // has its own vector constant
        case .operation(_, let operands, _):
          operands.allSatisfy { isFixed($0, frame) } && !operands.allSatisfy { isConstant($0, body) }
        case .index(let index, _): isFixed(index, frame)
        case .load(let access): isFixed(access.index, frame) && access.data.allSatisfy { isFixed($0.value, frame) }
        case .loadScratch: false
        case .reduced: !frame.reducedVaries
        }
      guard isInvariant else { continue }
      var memo = BodyValues(frame: frame, point: point)
      let value = evaluate(BodyID(number), &memo)
      frame.scalars[number] = value
      frame.broadcasts[number] = module.broadcast(value, lanes)
    }
  }

  private func isConstant(_ id: BodyID, _ body: [BodyInstruction]) -> Bool {
    if case .constant = body[id.index] { return true }
    return false
  }

  private func isFixed(_ id: BodyID, _ frame: StageFrame) -> Bool {
    frame.isInvariant(id) || isConstant(id, frame.stage.body)
  }

  private func isFixed(_ index: AffineIndex, _ frame: StageFrame) -> Bool {
    frame.varying.allSatisfy { index.strides[$0] == .constant(0) }
  }
}
