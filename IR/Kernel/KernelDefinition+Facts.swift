/// The dtypes of what bodies compute. A reduced value is read behind the stage that defines it, so one walk over the
/// stages in their order knows them all.
extension KernelDefinition {
  /// The dtype of every value of a stage's body. The kernel is well formed (`KernelVerifier`).
  public func bodyDTypes(ofStage stage: Int) -> EntityTable<BodyID, DType> {
    let reduced = reducedDTypes(beforeStage: stage)
    return EntityTable(stages[stage].body.map { dtype(of: $0, reduced)! })
  }

  /// The dtype of a value of one of the kernel's bodies.
  public func dtype(of id: BodyID, in body: [BodyInstruction]) -> DType {
    if case .reduced(let number) = body[id.index] { reducedDTypes[number] } else { dtype(of: body[id.index], [])! }
  }

  /// The dtypes of all reduced values, in the order of their numbers.
  public var reducedDTypes: [DType] { reducedDTypes(beforeStage: stages.count).map { $0! } }

  /// Nil where the kernel is broken: the printer shows broken kernels too.
  func reducedDTypes(beforeStage count: Int) -> [DType?] {
    var reduced: [DType?] = []
    for stage in stages[..<count] {
      let known = reduced
      for (operation, value) in stage.effects.compactMap(\.reduction) {
        let dtype = stage.body.indices.contains(value.index) ? dtype(of: stage.body[value.index], known) : nil
        reduced.append(dtype.map(operation.resultDType))
      }
    }
    return reduced
  }

  func dtype(of instruction: BodyInstruction, _ reduced: [DType?]) -> DType? {
    switch instruction {
    case .constant(let scalar): scalar.dtype
    case .operation(_, _, let dtype), .index(_, let dtype): dtype
    case .load(let access): buffers.indices.contains(access.buffer) ? buffers[access.buffer].dtype : nil
    case .loadScratch(let row): scratchRows.indices.contains(row) ? scratchRows[row] : nil
    case .reduced(let number): reduced.indices.contains(number) ? reduced[number] : nil
    }
  }

  /// The element types that the kernel stores or computes with.
  public var dtypes: Set<DType> {
    let computed = stages.flatMap(\.body).compactMap { dtype(of: $0, []) }
    return Set(buffers.map(\.dtype) + scratchRows + computed)
  }
}

extension KernelDefinition {
  /// Elements of a block of R2, and terms of a block of D1.
  public static let reductionBlock = 1024
  public static let contractionBlock = 512

  /// Elements of a block of the reductions, or of the dot, of stage 0.
  package var block: Int { stages[0].effects.contains { $0.dot != nil } ? Self.contractionBlock : Self.reductionBlock }

  /// Blocks of stage 0: at least one, even of nothing.
  package func blockCount(_ integers: [Int]) -> Int { max(1, ceilDivide(stages[0].innerCount(integers), block)) }

  /// The first stage that reads or fills a scratch row; all that do have equal inner extents.
  public func firstStage(withScratchRow row: Int) -> Stage? { stages.first { $0.scratchRows.contains(row) } }

  /// Whether an index out of range is an error of the launch.
  public var checksBounds: Bool { stages.contains { $0.accesses.contains { $0.bounds == .check } } }

  /// The effect of a kernel whose line has to be there as a whole before the first result is known.
  public var wholeLine: (operation: LineOperation, value: BodyID)? {
    for case .line(let operation, let value, _) in stages.flatMap(\.effects) where operation.needsWholeLine {
      return (operation, value)
    }
    return nil
  }

  /// The reductions of a stage, in the order of their numbers.
  public func reductions(ofStage number: Int) -> [KernelReduction] {
    let (body, first) = (stages[number].body, stages[..<number].reduce(0) { $0 + $1.reductionCount })
    return stages[number].effects.compactMap(\.reduction).enumerated().map { place, reduction in
      KernelReduction(
        number: first + place, operation: reduction.operation, value: reduction.value,
        dtype: dtype(of: reduction.value, in: body))
    }
  }

  /// The number of reduction effects.
  public var reductionCount: Int { stages.reduce(0) { $0 + $1.reductionCount } }

  /// The buffers of a kernel that does nothing but copy one to the other, element by element: where both are the same
  /// memory there is nothing to do.
  public var copiedBuffers: (source: Int, target: Int)? {
    guard stages.count == 1, stages[0].inner.isEmpty, stages[0].body.count == 1, stages[0].effects.count == 1,
      let from = stages[0].body[0].plainAccess, case .store(let value, let to) = stages[0].effects[0],
      value.index == 0, from.index == to.index
    else { return nil }
    return (from.buffer, to.buffer)
  }

  /// Whether a written buffer may share the memory of a read one in a launch with these integers: both have elements of
  /// one size, and every point reads its own element of it, no later than the stage that stores the result there.
  ///
  /// A launch may have the memory that it reads at several buffers; then this must hold for each of them.
  public func canOverwrite(read: Int, written: Int, _ integers: [Int]) -> Bool {
    canOverwrite(read: read, written: written) { $0.value(integers) }
  }

  /// The same where the integers are sizes of another kind.
  package func canOverwrite<Size: Equatable>(read: Int, written: Int, size: (KernelInteger) -> Size) -> Bool {
    guard buffers[read].dtype.byteCount == buffers[written].dtype.byteCount else { return false }
    func place(_ index: AffineIndex) -> [Size] { ([index.offset] + index.strides).map(size) }
    var stored: (stage: Int, place: [Size])?
    for (number, stage) in stages.enumerated() {
      for effect in stage.effects {
        guard let access = effect.access, access.buffer == written else { continue }
        guard stored == nil, effect.storesInOrder else { return false }
        stored = (number, place(access.index))
      }
    }
    guard let stored else { return false }
    for (number, stage) in stages.enumerated() {
      for access in stage.body.compactMap(\.access) where access.buffer == read {
        guard access.data.isEmpty, number <= stored.stage, place(access.index) == stored.place else { return false }
      }
    }
    return true
  }
}
