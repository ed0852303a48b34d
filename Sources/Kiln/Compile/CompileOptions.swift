/// How a function is compiled.
public struct CompileOptions: Sendable {
  /// Where it runs; nil: where the arguments lie, or the captured tensors, or on the device that is current at the
  /// call.
  public var device: Device?
  /// How strictly numbers follow section 5 of the Spec.
  public var numerics: Numerics
  /// The most programs that the function may have; a program for all sizes is one, however many sizes come. A call that
  /// would need one more throws `compile.limit`: nothing is ever silently interpreted. With 0 or less every call
  /// throws, but for calls that another trace records.
  public var limit: Int
  /// The most threads that a call may use, from 1 to 256; nil: all, as many as KILN_THREADS says, which is the upper
  /// bound in any case. With 1 a call never shares its work: best where many calls run at once. Bits do not depend on
  /// it (Numerics.md, R6). Another number throws `compile.C6`.
  public var threads: Int?
  /// Names for sizes of the arguments. Without them the first program is for the sizes of the first call, and where a
  /// second size comes the sizes that differ get names.
  public var sizes: SizeDeclaration?
  /// Whether every call traces the closure again and throws if it records another program: slow, and finds Swift code
  /// in the closure that depends on more than the arguments. KILN_CHECK=retrace sets it.
  public var checksEveryTrace: Bool

  /// Options, of which those that are not given have their defaults.
  public init(device: Device? = nil, numerics: Numerics = .strict, limit: Int = 64, threads: Int? = nil) {
    self.device = device
    self.numerics = numerics
    self.limit = limit
    self.threads = threads
    checksEveryTrace = RetraceCheck.isOnByDefault
  }
}
