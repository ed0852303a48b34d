package import KilnIR

/// Reverse-mode derivatives as a transformation of modules: each function here adds one function that computes
/// derivatives of another, and leaves the rest of the module as it is.
///
/// Calls are inlined first. A derived function consists of ordinary instructions, so it can be differentiated again.
/// The derivative is taken of the module as recorded, without simplification (Numerics.md S3, G1).
package enum Differentiation {
  /// Adds a function with the parameters of `name` that returns the gradient of its first result with respect to the
  /// parameters `indices`, in that order. A gradient has the type of its parameter; one that the result does not depend
  /// on is zero. Hidden parameters may be named like any other.
  ///
  /// - Throws: `gradient.C1` an index is out of range or twice there, `gradient.C2` the first result is not a real
  ///   scalar, `gradient.C3` a parameter is not real, `differentiate.C1` an op has no derivative (and the gradient
  ///   needs it), at the user's line.
  package static func gradient(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try prepare(name, in: module, indices)
    try requireScalar(function)
    let derived = module.unusedName("\(name)_gradient")
    var walk = try ReverseWalk(function, as: derived, active: indices, seeds: [0], in: module)
    try walk.seedWithOne()
    let gradients = try walk.gradients(indices)
    return try added(walk.rewriter.finish(gradients), to: walk.rewriter.module)
  }

  /// Like `gradient`, with the results of `name` in front of the gradients. The first result is differentiated; further
  /// results are returned as they are.
  package static func valueAndGradient(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try prepare(name, in: module, indices)
    try requireScalar(function)
    let derived = module.unusedName("\(name)_valueAndGradient")
    var walk = try ReverseWalk(function, as: derived, active: indices, seeds: [0], in: module)
    try walk.seedWithOne()
    let gradients = try walk.gradients(indices)
    return try added(walk.rewriter.finish(walk.results + gradients), to: walk.rewriter.module)
  }

  /// Adds a function that takes the parameters of `name` and then one cotangent for each real result, and returns the
  /// results of `name` and then the products of the cotangents with its Jacobian, one for each of `indices`.
  ///
  /// - Throws: as `gradient` does; the results may have any type.
  package static func vjp(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try prepare(name, in: module, indices)
    let derived = module.unusedName("\(name)_vjp")
    var walk = try ReverseWalk(function, as: derived, active: indices, in: module)
    try walk.seedWithParameters()
    let gradients = try walk.gradients(indices)
    return try added(walk.rewriter.finish(walk.results + gradients), to: walk.rewriter.module)
  }

  /// The function without calls, its `indices` checked.
  static func prepare(_ name: String, in module: Module, _ indices: [Int]) throws(KilnError) -> Function {
    var module = try module.reachable(from: name)
    module = try Inliner.inline(module)
    let function = try module.require(name)
    try function.requireParameters(indices, "gradient.C1")
    for index in indices where !function.parameters[index].type.dtype.isReal {
      let parameter = function.parameters[index]
      throw KilnError(
        "gradient.C3",
        "a derivative is taken by real parameters; parameter \(index) of @\(name), %\(parameter.name), is \(parameter.type)"
      )
    }
    return function
  }

  static func requireScalar(_ function: Function) throws(KilnError) {
    guard let result = function.results.first else {
      throw KilnError("gradient.C2", "@\(function.name) has no result to take a gradient of")
    }
    let type = function.valueTypes[result]
    guard type.dtype.isReal && type.rank == 0 else {
      throw KilnError(
        "gradient.C2", "a gradient is taken of a real scalar; the result of @\(function.name) is \(type)",
        at: function.location(of: result),
        notes: type.dtype.isReal ? ["reduce it first, for example with a sum or a mean"] : [])
    }
  }

  static func added(_ function: Function, to module: Module) throws(KilnError) -> (module: Module, name: String) {
    var module = module
    try module.add(function.withoutDeadCode(in: module))
    return (module, function.name)
  }
}

extension Pass {
  /// `Differentiation.gradient` as a pass.
  package static func gradient(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("gradient(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.gradient(of: name, in: module, withRespectTo: indices).module
    }
  }

  /// `Differentiation.valueAndGradient` as a pass.
  package static func valueAndGradient(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("valueAndGradient(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.valueAndGradient(of: name, in: module, withRespectTo: indices).module
    }
  }

  /// `Differentiation.vjp` as a pass.
  package static func vjp(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("vjp(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.vjp(of: name, in: module, withRespectTo: indices).module
    }
  }

  static func arguments(_ name: String, _ indices: [Int]) -> String {
    ([name] + indices.map(String.init)).joined(separator: ", ")
  }
}

extension Function {
  /// The location of the instruction that defines `value`.
  package func location(of value: ValueID) -> SourceLocation {
    definitions()[value].map { locations[$0] } ?? .unknown
  }
}
