import KilnIR

/// A kernel with what it is bound to, while all its integers are constants.
struct KernelDraft {
  var kernel: Kernel
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

  /// Whether there is nothing to do: no points to write.
  var isEmpty: Bool { kernel.outer.contains(.constant(0)) }
}
