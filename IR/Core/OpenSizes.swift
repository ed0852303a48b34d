extension Module {
  /// Checks that `entry` and the functions that it runs have numbers for all their sizes.
  /// - Throws: `size.C3` for a name.
  package func requireNumbers(in entry: String) throws(KilnError) {
    var needed: Set<String> = [entry]
    for function in functions.reversed() where needed.contains(function.name) {
      if let name = function.openSizes.min() {
        throw KilnError("size.C3", "@\(function.name): no argument brings the size \(name)")
      }
      for instruction in function.instructions.elements { needed.formUnion(instruction.op.callees) }
    }
  }
}

extension Function {
  /// The names of sizes in its types and in the attributes of its instructions.
  fileprivate var openSizes: Set<String> {
    var names = sizeNames
    for instruction in instructions.elements {
      _ = instruction.op.mapDimensions { size in
        names.formUnion(size.names)
        return size
      }
    }
    return names
  }
}
