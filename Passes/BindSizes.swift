import KilnIR

extension Pass {
  /// Makes named sizes numbers.
  ///
  /// - Throws: `size.C1` where a function requires something else, `type.C1` for a tensor that becomes too large.
  package static func bind(_ sizes: [String: Int]) -> Pass {
    let text = sizes.sorted { $0.key < $1.key }.map { "\($0.key), \($0.value)" }.joined(separator: ", ")
    return Pass("bind(\(text))") { module throws(KilnError) in try module.bound(to: sizes) }
  }
}
