#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Settings from the environment.
package enum Setting {
  /// The number that the variable `name` holds; nil without one. Text that is not a number of `range` is reported on
  /// standard error and ignored.
  package static func number<Number: LosslessStringConvertible & Comparable>(
    _ name: String, in range: ClosedRange<Number>
  ) -> Number? {
    guard let text = getenv(name).map({ String(cString: $0) }), !text.isEmpty else { return nil }
    if let number = Number(text), range.contains(number) { return number }
    let message =
      "kiln: \(name) is '\(text)' and is ignored: expected a number from \(range.lowerBound) to \(range.upperBound)\n"
    _ = message.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    return nil
  }
}
