import KilnIR

/// A kernel with what it is bound to, while all its integers are constants.
struct KernelDraft {
  var kernel: KernelDefinition
  var schedule = Schedule.cpu(.serial)
  var bindings: [BufferBinding]
  var sites: [ExecutionPlan.Site]
  var label: String

  /// The values written.
  var outputs: [ValueID] {
    zip(bindings, kernel.buffers).compactMap { binding, buffer in
      if case .value(let value) = binding, buffer.isWritten { value } else { nil }
    }
  }

  /// The values read and not written.
  var inputs: [ValueID] {
    zip(bindings, kernel.buffers).compactMap { binding, buffer in
      if case .value(let value) = binding, !buffer.isWritten { value } else { nil }
    }
  }

  /// Whether `result` may share the memory of `operand`.
  func canOverwrite(_ operand: ValueID, with result: ValueID) -> Bool {
    kernel.canOverwrite(bindings, .value(operand), with: .value(result))
  }

  /// Whether there is nothing to do: no points to write.
  var isEmpty: Bool { kernel.outer.contains(.constant(0)) }
}

extension KernelDefinition {
  /// Whether what is bound to its buffers as `result` may share the memory of what is bound as `operand`, at every
  /// buffer that it is bound to. All integers are constants still.
  func canOverwrite<Bound: Equatable>(_ bound: [Bound], _ operand: Bound, with result: Bound) -> Bool {
    let reads = bound.indices.filter { bound[$0] == operand && !buffers[$0].isWritten }
    let writes = bound.indices.filter { bound[$0] == result && buffers[$0].isWritten }
    guard writes.count == 1, !reads.isEmpty else { return false }
    return reads.allSatisfy { canOverwrite(read: $0, written: writes[0], []) }
  }
}
