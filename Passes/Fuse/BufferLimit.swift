import KilnIR

/// Counts the buffers that a kernel of some instructions may need, before it is known what other kernels read of it.
struct BufferLimit {
  private let maximumBuffers: Int
  private let resolver: Resolver
  /// Which instructions read a value, itself or through views.
  private var readers: [ValueID: Set<InstructionID>] = [:]
  /// What the function gives back, itself or as a view.
  private var results: Set<ValueID>

  init(_ maximumBuffers: Int, _ resolver: Resolver) {
    self.maximumBuffers = maximumBuffers
    self.resolver = resolver
    let function = resolver.function
    results = Set(function.results)
    for id in function.instructions.ids.reversed() {
      let instruction = function.instructions[id]
      for operand in instruction.operands {
        guard case .view = instruction.op.fusionClass else {
          readers[operand, default: []].insert(id)
          continue
        }
        readers[operand, default: []].formUnion(readers[instruction.result, default: []])
        if results.contains(instruction.result) { results.insert(operand) }
      }
    }
  }

  /// Whether there are enough buffers: one for each operand from elsewhere, and one for each result that is read
  /// elsewhere.
  func allows(_ members: [InstructionID]) -> Bool {
    let inside = Set(members)
    var operands: Set<ValueID> = []
    var written = 0
    for member in members {
      let instruction = resolver.function.instructions[member]
      for value in instruction.operands {
        if let id = resolver.computingInstruction(value), inside.contains(id) { continue }
        operands.insert(value)
      }
      written += instruction.results.count {
        results.contains($0) || !readers[$0, default: []].isSubset(of: inside)
      }
    }
    return operands.count + written <= maximumBuffers
  }
}

extension FusionPlan.Cluster {
  /// Whether a kernel of several members has more than `maximumBuffers`. One that computes a single instruction has
  /// what that needs: nothing can be taken from it.
  func exceeds(_ maximumBuffers: Int, _ resolver: Resolver) -> Bool {
    guard members.count > 1 else { return false }
    let operandCount = members.reduce(0) { $0 + resolver.function.instructions[$1].operands.count }
    guard operandCount + outputs.count > maximumBuffers else { return false }
    return ClusterLowering.lower(self, resolver).contains { $0.kernel.buffers.count > maximumBuffers }
  }
}
