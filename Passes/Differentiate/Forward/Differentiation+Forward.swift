package import KilnIR

extension Differentiation {
  /// Adds a function that takes the parameters of `name` and then one tangent for each parameter of `indices`, and
  /// returns the results of `name` and then the product of its Jacobian with the tangents, one for each real result.
  ///
  /// - Throws: `gradient.C1` an index is out of range or twice there, `gradient.C3` a parameter is not real,
  ///   `differentiate.C1` an op has no derivative, at the user's line.
  package static func jvp(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try prepare(name, in: module, indices)
    var walk = ForwardWalk(function, as: module.unusedName("\(name)_jvp"), active: indices, in: module)
    try walk.walk()
    let tangents = try walk.materialisedTangents(where: function.resultTypes.map(\.dtype.isReal))
    return try added(walk.rewriter.finish(walk.results + tangents), to: walk.rewriter.module)
  }

  /// Adds a function that takes the parameters of `name` and then one tangent for each of `indices`, and returns the
  /// product of the Hessian of the first result with the tangents, one for each of `indices`: the directional
  /// derivative of the gradient, at a small multiple of its cost.
  ///
  /// - Throws: as `gradient` does.
  package static func hessianVectorProduct(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let gradient = try gradient(of: name, in: module, withRespectTo: indices)
    let product = try jvp(of: gradient.name, in: gradient.module, withRespectTo: indices)
    return try selecting(
      indices.count..<2 * indices.count, of: product.name, as: "\(name)_hessianVectorProduct", in: product.module)
  }

  /// Adds a function that returns all but the first `count` results of `name`, which calls nothing.
  package static func droppingResults(
    _ count: Int, of name: String, in module: Module
  ) throws(KilnError) -> (module: Module, name: String) {
    let results = try module.require(name).results.count
    return try selecting(min(count, results)..<results, of: name, as: name, in: module)
  }

  /// Adds a function that returns some of the results of `name`, which calls nothing.
  static func selecting(
    _ results: Range<Int>, of name: String, as base: String, in module: Module
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try module.require(name)
    var rewriter = Rewriter(module.unusedName(base), in: module)
    let values = try rewriter.copyBody(of: function, arguments: function.parameters.map { rewriter.addParameter($0) })
    return try added(rewriter.finish(function.results[results].map { values[$0] }), to: module)
  }
}

extension Pass {
  /// `Differentiation.jvp` as a pass.
  package static func jvp(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("jvp(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.jvp(of: name, in: module, withRespectTo: indices).module
    }
  }

  /// `Differentiation.hessianVectorProduct` as a pass.
  package static func hessianVectorProduct(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("hessianVectorProduct(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.hessianVectorProduct(of: name, in: module, withRespectTo: indices).module
    }
  }
}
