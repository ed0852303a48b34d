package import KilnIR

/// How a Jacobian is made: a row at a time (reverse) or a column at a time (forward), all of them at once by batching.
package enum JacobianMode: Hashable, Sendable, CaseIterable {
  /// Pushes every direction of the parameters forward: cheaper where there are fewer inputs than outputs.
  case forward
  /// Pulls every direction of the results back: cheaper where there are fewer outputs than inputs.
  case reverse
}

extension Differentiation {
  /// Adds a function with the parameters of `name` that returns the Jacobian of each real result with respect to each
  /// of the parameters `indices`, the parameters varying faster. Element (r…, p…) of one is the derivative of element
  /// r… of the result by element p… of the parameter, in the dtype of the parameter.
  ///
  /// - Throws: as `jvp` and `vjp` do, and as `Batching.vmap` does.
  package static func jacobian(
    of name: String, in module: Module, withRespectTo indices: [Int], mode: JacobianMode
  ) throws(KilnError) -> (module: Module, name: String) {
    switch mode {
    case .forward: try forwardJacobian(of: name, in: module, indices)
    case .reverse: try reverseJacobian(of: name, in: module, indices)
    }
  }

  /// Adds a function with the parameters of `name` that returns the second derivatives of its first result, a real
  /// scalar: for each pair of `indices`, the second varying faster, a tensor with the axes of the one and then of the
  /// other.
  ///
  /// It is the forward Jacobian of the gradient.
  /// - Throws: as `gradient` and `jacobian` do.
  package static func hessian(
    of name: String, in module: Module, withRespectTo indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let gradient = try gradient(of: name, in: module, withRespectTo: indices)
    let jacobian = try jacobian(of: gradient.name, in: gradient.module, withRespectTo: indices, mode: .forward)
    let count = indices.count * indices.count
    return try selecting(0..<count, of: jacobian.name, as: "\(name)_hessian", in: jacobian.module)
  }

  /// One batch of directions holds every element of every parameter; the block of a parameter is zero in the others.
  private static func forwardJacobian(
    of name: String, in module: Module, _ indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try module.require(name)
    let push = try jvp(of: name, in: module, withRespectTo: indices)
    let inputs = indices.map { function.parameters[$0].type }
    let size = inputs.reduce(Dimension(0)) { $0 + $1.shape.size }
    let first = function.parameters.count
    let batched = try Batching.vmap(
      of: push.name, in: push.module, size: size, over: Array(first..<first + indices.count))

    let results = function.resultTypes
    var build = try JacobianBuilder(function, as: "\(name)_jacobian", in: batched.module)
    let directions = try build.directions(inputs)
    let tangents = try build.inlined(batched.name, directions).dropFirst(results.count)
    var blocks: [ValueID] = []
    for (tangent, output) in zip(tangents, results.filter(\.dtype.isReal)) {
      for (input, range) in zip(inputs, ranges(inputs)) {
        blocks.append(try build.columns(tangent, range, output: output, input: input))
      }
    }
    return try added(build.rewriter.finish(blocks), to: build.rewriter.module)
  }

  /// One batch of directions holds every element of every real result.
  private static func reverseJacobian(
    of name: String, in module: Module, _ indices: [Int]
  ) throws(KilnError) -> (module: Module, name: String) {
    let function = try module.require(name)
    let pull = try vjp(of: name, in: module, withRespectTo: indices)
    let outputs = function.resultTypes.filter(\.dtype.isReal)
    let size = outputs.reduce(Dimension(0)) { $0 + $1.shape.size }
    let first = function.parameters.count
    let batched = try Batching.vmap(
      of: pull.name, in: pull.module, size: size, over: Array(first..<first + outputs.count))

    var build = try JacobianBuilder(function, as: "\(name)_jacobian", in: batched.module)
    let directions = try build.directions(outputs)
    let gradients = try build.inlined(batched.name, directions).dropFirst(function.resultTypes.count)
    var blocks: [ValueID] = []
    for (output, range) in zip(outputs, ranges(outputs)) {
      for (gradient, index) in zip(gradients, indices) {
        blocks.append(try build.rows(gradient, range, output: output, input: function.parameters[index].type))
      }
    }
    return try added(build.rewriter.finish(blocks), to: build.rewriter.module)
  }

  /// Where the elements of each type lie among those of all.
  private static func ranges(_ types: [TensorType]) -> [(first: Dimension, end: Dimension)] {
    var start: Dimension = 0
    return types.map { type in
      defer { start = start + type.shape.size }
      return (start, start + type.shape.size)
    }
  }
}

/// Builds the function around a batched derivative: directions in, blocks of the Jacobian out.
private struct JacobianBuilder {
  var rewriter: Rewriter
  private let arguments: [ValueID]

  init(_ function: Function, as name: String, in module: Module) throws(KilnError) {
    var rewriter = Rewriter(module.unusedName(name), in: module)
    arguments = function.parameters.map { rewriter.addParameter($0) }
    self.rewriter = rewriter
  }

  /// The unit vectors of the space of all elements of `types`, cut into tensors of those types, each with a leading
  /// axis.
  mutating func directions(_ types: [TensorType]) throws(KilnError) -> [ValueID] {
    let size = types.reduce(Dimension(0)) { $0 + $1.shape.size }
    var start: Dimension = 0
    var directions: [ValueID] = []
    for type in types {
      let count = type.shape.size
      let place = TensorType(.i64, Shape([size, count]))
      let row = try rewriter.iota(place, axis: 0)
      let column = try rewriter.add(
        rewriter.iota(place, axis: 1), rewriter.size(start, place.shape))
      let ones = try rewriter.convert(rewriter.equal(row, column), to: type.dtype)
      directions.append(try rewriter.reshape(ones, type.stacked(size).shape))
      start = start + count
    }
    return directions
  }

  /// The results of a function that calls nothing, on the parameters and then `directions`.
  mutating func inlined(_ name: String, _ directions: [ValueID]) throws(KilnError) -> [ValueID] {
    let function = try rewriter.module.require(name)
    let values = try rewriter.copyBody(of: function, arguments: arguments + directions)
    return function.results.map { values[$0] }
  }

  /// The block of a batch of gradients whose rows are the elements `range` of the results.
  mutating func rows(
    _ gradient: ValueID, _ range: (first: Dimension, end: Dimension), output: TensorType, input: TensorType
  ) throws(KilnError) -> ValueID {
    let rows = try rewriter.slice(gradient, axis: 0, from: range.first, to: range.end)
    return try rewriter.reshape(rows, Shape(Array(output.shape) + Array(input.shape)))
  }

  /// The block of a batch of tangents whose leading axis is the elements `range` of the parameters.
  mutating func columns(
    _ tangent: ValueID, _ range: (first: Dimension, end: Dimension), output: TensorType, input: TensorType
  ) throws(KilnError) -> ValueID {
    let columns = try rewriter.slice(tangent, axis: 0, from: range.first, to: range.end)
    let moved = try rewriter.transpose(columns, Array(1..<1 + output.rank) + [0])
    let block = try rewriter.reshape(moved, Shape(Array(output.shape) + Array(input.shape)))
    return try rewriter.convert(block, to: input.dtype)
  }
}

extension Pass {
  /// `Differentiation.jacobian` as a pass.
  package static func jacobian(of name: String, withRespectTo indices: [Int], mode: JacobianMode) -> Pass {
    let spelling = mode == .reverse ? "jacobian" : "forwardJacobian"
    return Pass("\(spelling)(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.jacobian(of: name, in: module, withRespectTo: indices, mode: mode).module
    }
  }

  /// `Differentiation.hessian` as a pass.
  package static func hessian(of name: String, withRespectTo indices: [Int]) -> Pass {
    Pass("hessian(\(arguments(name, indices)))") { module throws(KilnError) in
      try Differentiation.hessian(of: name, in: module, withRespectTo: indices).module
    }
  }
}
