public import KilnIR

extension RandomProgram {
  /// The program after a transformation that must keep its meaning.
  public func transformed(_ transform: (Module) throws -> Module) rethrows -> RandomProgram {
    RandomProgram(module: try transform(module), entry: entry, inputs: inputs)
  }

  /// Why the results of `run` are not those of the reference; nil when they agree bit for bit, all NaNs being one.
  public func disagreement(_ run: (RandomProgram) throws -> [TensorValue]) -> String? {
    let expected: [TensorValue]
    do { expected = try self.run() } catch { return "the reference fails: \(error)" }
    let found: [TensorValue]
    do { found = try run(self) } catch { return "it fails: \(error)" }
    guard expected.count == found.count else { return "\(found.count) results, the reference has \(expected.count)" }
    for (index, pair) in zip(expected, found).enumerated() where !pair.0.isIdentical(to: pair.1) {
      return "result \(index) differs: the reference gives \(pair.0.excerpt), found \(pair.1.excerpt)"
    }
    return nil
  }

  /// The whole program as text, for a failing test.
  public var listing: String {
    module.description + "\n"
      + zip(module[entry]?.parameters ?? [], inputs).map { "%\($0.name) = \($1.excerpt)" }.joined(separator: "\n")
  }
}

extension TensorValue {
  /// The text, shortened.
  fileprivate var excerpt: String {
    let text = description
    return text.count <= 400 ? text : text.prefix(400) + " ..."
  }
}
