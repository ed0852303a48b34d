/// The tree of `transform` of the tensors at the same places of two trees.
///
/// ```swift
/// let largest = combined(seen, gradient) { maximum($0, abs($1)) }
/// ```
/// Without `of:` the closure takes tensors of `Float`.
///
/// The trees have the same structure: other names or element types are a diagnostic (`tree.C4`). Which tensors are
/// worked on is said at `TensorTree.mapped(of:_:)`; the others are those of the first tree.
///
/// - Throws: what `transform` throws.
public func combined<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ a: Tree, _ b: Tree, of type: Scalar.Type,
  _ transform: (Tensor<Scalar>, Tensor<Scalar>) throws(Failure) -> Tensor<Scalar>
) throws(Failure) -> Tree {
  try combined([a, b], of: type) { pass, place throws(Failure) in try transform(pass[0, place], pass[1, place]) }
}

/// `combined` of three trees.
public func combined<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ a: Tree, _ b: Tree, _ c: Tree, of type: Scalar.Type,
  _ transform: (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) throws(Failure) -> Tensor<Scalar>
) throws(Failure) -> Tree {
  try combined([a, b, c], of: type) { pass, place throws(Failure) in
    try transform(pass[0, place], pass[1, place], pass[2, place])
  }
}

/// `combined` of four trees.
public func combined<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ a: Tree, _ b: Tree, _ c: Tree, _ d: Tree, of type: Scalar.Type,
  _ transform: (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) throws(Failure) -> Tensor<Scalar>
) throws(Failure) -> Tree {
  try combined([a, b, c, d], of: type) { pass, place throws(Failure) in
    try transform(pass[0, place], pass[1, place], pass[2, place], pass[3, place])
  }
}

private func combined<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ trees: [Tree], of type: Scalar.Type, _ transform: (TreePass<Scalar>, Int) throws(Failure) -> Tensor<Scalar>
) throws(Failure) -> Tree {
  var pass = TreePass(trees, of: type)
  while let place = pass.next() { pass.set(0, place, try transform(pass, place)) }
  var result = trees[0]
  result.replaceTensors(by: pass.results(0))
  return result
}

/// Updates the tensors at the same places of two trees together, in one pass; see `update(_:_:_:with:of:_:)`.
public func update<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ a: inout Tree, _ b: inout Tree, with c: Tree, of type: Scalar.Type,
  _ transform: (inout Tensor<Scalar>, inout Tensor<Scalar>, Tensor<Scalar>) throws(Failure) -> Void
) throws(Failure) {
  var pass = TreePass([a, b, c], of: type)
  while let place = pass.next() {
    var (x, y) = (pass[0, place], pass[1, place])
    try transform(&x, &y, pass[2, place])
    pass.set(0, place, x)
    pass.set(1, place, y)
  }
  a.replaceTensors(by: pass.results(0))
  b.replaceTensors(by: pass.results(1))
}

/// Updates the tensors at the same places of three trees together, in one pass, with those of a fourth: parameters and
/// the moments of an optimizer, by the gradient.
///
/// ```swift
/// update(&network, &mean, &square, with: gradient) { p, m, v, g in
///   m = 0.9 * m + 0.1 * g
///   v = 0.999 * v + 0.001 * g * g
///   p -= rate * m / (sqrt(v) + 1e-8)
/// }
/// ```
/// The trees have the same structure: other names or element types are a diagnostic (`tree.C4`). Which tensors are
/// worked on is said at `TensorTree.mapped(of:_:)`; the others stay.
///
/// - Throws: what `transform` throws; then no tree has changed.
public func update<Tree: TensorTree, Scalar: TensorElement, Failure: Error>(
  _ a: inout Tree, _ b: inout Tree, _ c: inout Tree, with d: Tree, of type: Scalar.Type,
  _ transform: (inout Tensor<Scalar>, inout Tensor<Scalar>, inout Tensor<Scalar>, Tensor<Scalar>) throws(Failure) ->
    Void
) throws(Failure) {
  var pass = TreePass([a, b, c, d], of: type)
  while let place = pass.next() {
    var (x, y, z) = (pass[0, place], pass[1, place], pass[2, place])
    try transform(&x, &y, &z, pass[3, place])
    pass.set(0, place, x)
    pass.set(1, place, y)
    pass.set(2, place, z)
  }
  a.replaceTensors(by: pass.results(0))
  b.replaceTensors(by: pass.results(1))
  c.replaceTensors(by: pass.results(2))
}

// MARK: - Of Float, for closures without types

/// The tree of `transform` of the tensors of `Float` at the same places of two trees; see `combined(_:_:of:_:)`.
public func combined<Tree: TensorTree, Failure: Error>(
  _ a: Tree, _ b: Tree, _ transform: (Tensor<Float>, Tensor<Float>) throws(Failure) -> Tensor<Float>
) throws(Failure) -> Tree {
  try combined(a, b, of: Float.self, transform)
}

/// The tree of `transform` of the tensors of `Float` at the same places of three trees; see `combined(_:_:of:_:)`.
public func combined<Tree: TensorTree, Failure: Error>(
  _ a: Tree, _ b: Tree, _ c: Tree,
  _ transform: (Tensor<Float>, Tensor<Float>, Tensor<Float>) throws(Failure) -> Tensor<Float>
) throws(Failure) -> Tree {
  try combined(a, b, c, of: Float.self, transform)
}

/// The tree of `transform` of the tensors of `Float` at the same places of four trees; see `combined(_:_:of:_:)`.
public func combined<Tree: TensorTree, Failure: Error>(
  _ a: Tree, _ b: Tree, _ c: Tree, _ d: Tree,
  _ transform: (Tensor<Float>, Tensor<Float>, Tensor<Float>, Tensor<Float>) throws(Failure) -> Tensor<Float>
) throws(Failure) -> Tree {
  try combined(a, b, c, d, of: Float.self, transform)
}

/// Updates the tensors of `Float` of two trees together; see `update(_:_:_:with:of:_:)`.
public func update<Tree: TensorTree, Failure: Error>(
  _ a: inout Tree, _ b: inout Tree, with c: Tree,
  _ transform: (inout Tensor<Float>, inout Tensor<Float>, Tensor<Float>) throws(Failure) -> Void
) throws(Failure) {
  try update(&a, &b, with: c, of: Float.self, transform)
}

/// Updates the tensors of `Float` of three trees together; see `update(_:_:_:with:of:_:)`.
public func update<Tree: TensorTree, Failure: Error>(
  _ a: inout Tree, _ b: inout Tree, _ c: inout Tree, with d: Tree,
  _ transform: (inout Tensor<Float>, inout Tensor<Float>, inout Tensor<Float>, Tensor<Float>) throws(Failure) -> Void
) throws(Failure) {
  try update(&a, &b, &c, with: d, of: Float.self, transform)
}
