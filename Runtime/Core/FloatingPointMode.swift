import CRuntime

/// The floating-point mode that Kiln computes in (Numerics.md E5): round to nearest, denormals kept, exceptions masked.
///
/// A caller may have turned flushing on, knowingly or by loading a library built with `-ffast-math`. Every entry that
/// computes, on the machine or by interpretation or folding, runs inside `withStandard`.
package enum FloatingPointMode {
  /// Runs `body` in the standard mode and gives the calling thread its own mode back.
  @inline(__always)
  package static func withStandard<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let saved = enter()
    defer { leave(saved) }
    return try body()
  }

  /// Sets the standard mode and returns the caller's, to be handed to `leave` on the same thread.
  @inline(__always)
  package static func enter() -> UInt64 {
    let saved = kiln_fp_mode()
    if saved != standardMode { kiln_set_fp_mode(standardMode) }
    return saved
  }

  @inline(__always)
  package static func leave(_ saved: UInt64) {
    // Flags that the work raised are not the caller's: the whole register is put back.
    if kiln_fp_mode() != saved { kiln_set_fp_mode(saved) }
  }

  /// The control register of the calling thread, for tests.
  package static var current: UInt64 {
    get { kiln_fp_mode() }
    set { kiln_set_fp_mode(newValue) }
  }

  /// The bits that flush denormal results and operands to zero on this machine, for tests.
  package static var flushing: UInt64 {
    #if arch(x86_64)
      0x8040
    #else
      1 << 24
    #endif
  }
}

@inline(__always)
private var standardMode: UInt64 {
  #if arch(x86_64)
    0x1F80
  #else
    0
  #endif
}
