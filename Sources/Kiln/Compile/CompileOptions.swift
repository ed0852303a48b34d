/// How a function is compiled.
public struct CompileOptions: Sendable {
  /// Where it runs; nil: where the arguments lie, or the captured tensors, or on the device that is current at the
  /// call.
  public var device: Device?
  /// How strictly numbers follow section 5 of the Spec.
  public var numerics: Numerics
  /// The most programs that the function may have. A call that would need one more throws `compile.limit`: nothing is
  /// ever silently interpreted or forgotten. With 0 or less every call throws, but for calls that another trace
  /// records.
  public var limit: Int
  /// Whether every call traces the closure again and throws if it records another program: slow, and finds Swift code
  /// in the closure that depends on more than the arguments. KILN_CHECK=retrace sets it.
  public var checksEveryTrace: Bool

  /// Options, of which those that are not given have their defaults.
  public init(device: Device? = nil, numerics: Numerics = .strict, limit: Int = 64) {
    self.device = device
    self.numerics = numerics
    self.limit = limit
    checksEveryTrace = RetraceCheck.isOnByDefault
  }
}
