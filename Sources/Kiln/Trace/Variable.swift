import KilnIR
import KilnRuntime

/// A cell for state that changes between calls: a learning rate, a running mean.
///
/// A compiled function that reads a variable reads it again at each call; nothing is baked in. Assign to it outside of
/// traces; its shape stays that of its first value.
public final class Variable<Scalar: TensorElement>: Sendable {
  let storage: VariableStorage

  /// A cell that holds `value`.
  public init(_ value: Tensor<Scalar>) { storage = VariableStorage(value.core) }

  /// The value now. Inside a trace: a hidden input, bound to the value of each call.
  ///
  /// Assigning inside a trace, or another shape, is a diagnostic.
  public var value: Tensor<Scalar> {
    get { Tensor(core: Trace.current?.read(storage) ?? storage.current) }
    set { storage.assign(newValue.core) }
  }
}

/// The untyped cell.
package final class VariableStorage: Sendable {
  let type: TensorType
  private let value: Lock<TensorCore>

  init(_ core: TensorCore) {
    type = core.type
    value = Lock(core)
  }

  package var current: TensorCore { value.withLock { $0 } }

  func assign(_ core: TensorCore) {
    if Trace.current != nil || core.kind == .traced {
      fail("variable.C1", "a variable cannot be assigned in a trace; return the value and assign it after the call")
    } else if core.type != type {
      fail("variable.C2", "this variable holds a \(type) and cannot become a \(core.type)")
    } else {
      value.withLock { $0 = core }
    }
  }

  private func fail(_ label: String, _ message: String) {
    _ = Failure.poison(Diagnostic(label, message, at: CallSite.here()), type)
  }
}
