extension Kernel {
  /// The dtype of every value of a stage's body.
  ///
  /// The kernel is well formed (`KernelVerifier`).
  public func bodyDTypes(ofStage stage: Int) -> EntityTable<BodyID, DType> {
    dtypes(stage, reducedDTypes(beforeStage: stage))
  }

  /// The dtype of every reduced value that the stages before `stage` define.
  public func reducedDTypes(beforeStage stage: Int) -> [DType] {
    var reduced: [DType] = []
    for index in 0..<stage {
      let body = dtypes(index, reduced)
      for effect in stages[index].effects {
        switch effect {
        case .reduce(_, let value), .dot(let value, _): reduced.append(body[value])
        case .argReduce: reduced.append(.i32)
        case .store, .storeScratch, .scatter, .scanReduce, .argSort: break
        }
      }
    }
    return reduced
  }

  private func dtypes(_ stage: Int, _ reduced: [DType]) -> EntityTable<BodyID, DType> {
    EntityTable(
      stages[stage].body.map { instruction in
        switch instruction {
        case .constant(let scalar): scalar.dtype
        case .operation(_, _, let dtype), .index(_, let dtype): dtype
        case .load(let buffer, _), .gather(let buffer, _, _, _): buffers[buffer].dtype
        case .loadScratch(let row): scratchRows[row]
        case .reduced(let number): reduced[number]
        }
      })
  }
}
