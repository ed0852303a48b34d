extension Module {
  /// A size in `entry` or in a function that it runs which has no number, nor is one of `sizes`.
  package func openSize(
    reachedFrom entry: String, besides sizes: [String: Int] = [:]
  ) -> (function: String, name: String)? {
    for function in functions(reachedFrom: entry).reversed() {
      if let name = function.openSizes.filter({ sizes[$0] == nil }).min() { return (function.name, name) }
    }
    return nil
  }

  /// The module of `entry` and what it runs, with the sizes that arguments of these shapes bring.
  ///
  /// - Throws: `size.C2` for arguments that do not fit, and as below.
  package func bound(toArguments shapes: [Shape], of entry: Function) throws(KilnError) -> Module {
    try bound(to: entry.sizes(of: shapes), for: entry.name)
  }

  /// The module of `entry` and what it runs, with these sizes.
  ///
  /// - Throws: `size.C1` for sizes that do not fit, `size.C3` for a size without a number, `type.C1` when a tensor
  ///   becomes too large.
  package func bound(to sizes: [String: Int], for entry: String) throws(KilnError) -> Module {
    let bound = try reduced(to: entry).bound(to: sizes)
    if let (function, name) = bound.openSize(reachedFrom: entry) {
      throw KilnError("size.C3", "@\(function): no argument brings the size \(name)")
    }
    return bound
  }
}

extension Function {
  /// The names of sizes in its types and in the attributes of its instructions.
  fileprivate var openSizes: Set<String> {
    var names: Set<String> = valueTypes.elements.reduce(into: []) { $0.formUnion($1.shape.names) }
    for instruction in instructions.elements {
      _ = instruction.op.mapDimensions { size in
        names.formUnion(size.names)
        return size
      }
    }
    return names
  }
}
