/// The dtypes of what bodies compute. The kernel is well formed (`KernelVerifier`): a reduced value is read behind the stage
/// that defines it, so one walk over the stages in their order knows them all.
extension Kernel {
  /// The dtype of every value of a stage's body.
  public func bodyDTypes(ofStage stage: Int) -> EntityTable<BodyID, DType> {
    let reduced = reducedDTypes(beforeStage: stage)
    return EntityTable(stages[stage].body.map { dtype(of: $0, reduced) })
  }

  /// The dtype of a value of one of the kernel's bodies.
  public func dtype(of id: BodyID, in body: [BodyInstruction]) -> DType {
    if case .reduced(let number) = body[id.index] { reducedDTypes[number] } else { dtype(of: body[id.index], []) }
  }

  /// The dtypes of all reduced values, in the order of their numbers.
  public var reducedDTypes: [DType] { reducedDTypes(beforeStage: stages.count) }

  private func reducedDTypes(beforeStage count: Int) -> [DType] {
    var reduced: [DType] = []
    for stage in stages[..<count] {
      let known = reduced
      for (operation, value) in stage.effects.compactMap(\.reduction) {
        reduced.append(operation.resultDType(dtype(of: stage.body[value.index], known)))
      }
    }
    return reduced
  }

  private func dtype(of instruction: BodyInstruction, _ reduced: [DType]) -> DType {
    switch instruction {
    case .constant(let scalar): scalar.dtype
    case .operation(_, _, let dtype), .index(_, let dtype): dtype
    case .load(let buffer, _), .gather(let buffer, _, _, _): buffers[buffer].dtype
    case .loadScratch(let row): scratchRows[row]
    case .reduced(let number): reduced[number]
    }
  }
}
