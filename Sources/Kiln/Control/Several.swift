import KilnIR

/// Several trees as one.
struct Several<each Tree: TensorTree>: TreeGroup {
  var trees: (repeat each Tree)

  init(_ trees: repeat each Tree) { self.trees = (repeat each trees) }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    func visited<Element: TensorTree>(_ tree: Element, _ index: inout Int) -> Element {
      var tree = tree
      visitor.enter(index)
      tree.visit(&visitor)
      visitor.leave()
      index += 1
      return tree
    }
    var index = 0
    trees = (repeat visited(each trees, &index))
  }

  // The compiler (6.3) cannot pass a tuple of a pack from a closure's result on to a call.

  static func result<Thrown: Error>(
    of body: () throws(Thrown) -> (repeat each Tree)
  ) throws(Thrown) -> Several {
    let trees = try body()
    return Several(repeat each trees)
  }

  func result<Thrown: Error>(
    of body: (repeat each Tree) throws(Thrown) -> Tensor<Bool>
  ) throws(Thrown) -> Tensor<Bool> { try body(repeat each trees) }

  func next<Thrown: Error>(
    by body: (repeat each Tree) throws(Thrown) -> (repeat each Tree)
  ) throws(Thrown) -> Several {
    let next = try body(repeat each trees)
    return Several(repeat each next)
  }

  func next<Thrown: Error>(
    _ number: Tensor<Int32>, by body: (Tensor<Int32>, repeat each Tree) throws(Thrown) -> (repeat each Tree)
  ) throws(Thrown) -> Several {
    let next = try body(number, repeat each trees)
    return Several(repeat each next)
  }
}
