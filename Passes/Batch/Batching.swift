package import KilnIR

/// Vectorisation as a transformation of modules: the function on many examples at once, with no loop.
///
/// Some parameters get a leading batch axis, always axis 0, and so do all values that depend on them. Work that depends
/// on none of them is done once. Each example has the bits that the function itself gives (Numerics.md S5).
package enum Batching {
  /// Adds a function whose parameters `indices` have a leading axis of `size` examples and which returns the results of
  /// `name` for each, stacked along a leading axis; a result that depends on no batched parameter is repeated.
  ///
  /// Calls are inlined first.
  /// - Throws: `vmap.C1` an index is out of range or twice there, `vmap.C2` a negative size, `vmap.C3` an op cannot be
  ///   batched, at the user's line; `type.C1` where a value with its batch axis is too large.
  package static func vmap(
    of name: String, in module: Module, size: Dimension, over indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    var reached = try module.reachable(from: name)
    reached = try Inliner.inline(reached)
    let function = try reached.require(name)
    try function.requireParameters(indices, "vmap.C1")
    if Dimension.isAtLeast(size, 0) == false {
      throw KilnError("vmap.C2", "a batch has no negative size, found \(size)")
    }
    var walk = BatchWalk(module.unusedName("\(name)_vmap"), size: size, in: module)
    let parameters = walk.addParameters(
      function.parameters, isMapped: function.parameters.indices.map { indices.contains($0) })
    let results = try walk.allMapped(walk.run(function, parameters))
    var batched = walk.rewriter.module
    try batched.add(walk.rewriter.finish(results).withoutDeadCode(in: batched))
    return (batched, walk.rewriter.name)
  }
}

extension Pass {
  /// `Batching.vmap` as a pass.
  package static func vmap(of name: String, size: Dimension, over indices: [Int]) -> Pass {
    let arguments = ([name, size.description] + indices.map(String.init)).joined(separator: ", ")
    return Pass("vmap(\(arguments))") { module throws(KilnError) in
      try Batching.vmap(of: name, in: module, size: size, over: indices).module
    }
  }
}
