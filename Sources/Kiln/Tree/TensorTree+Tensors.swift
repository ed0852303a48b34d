/// What every tree can do.
extension TensorTree {
  /// The tensors with their names (`layers.0.weight`), in the order of the visit.
  public var tensors: [(name: String, tensor: AnyTensor)] {
    var copy = self
    var visitor = Collecting()
    copy.visit(&visitor)
    return visitor.tensors
  }

  /// Replaces every tensor by `transform` of its name and itself. The element type must stay.
  public mutating func updateTensors(_ transform: (_ name: String, _ tensor: AnyTensor) -> AnyTensor) {
    withoutActuallyEscaping(transform) { transform in
      var visitor = Transforming(transform: transform)
      visit(&visitor)
    }
  }

  /// The tree with every tensor replaced by `transform` of itself and the tensor at the same place of `other`, such as a
  /// parameter and its gradient.
  ///
  /// - Precondition: Both trees have the same structure; where `other` has fewer tensors the rest stays.
  public func combined(with other: Self, _ transform: (AnyTensor, AnyTensor) -> AnyTensor) -> Self {
    var result = self
    var others = other.tensors.makeIterator()
    result.updateTensors { _, tensor in others.next().map { transform(tensor, $0.tensor) } ?? tensor }
    return result
  }
}

/// The names on the way to the tensor that is being visited.
struct TreePath {
  private(set) var names: [String] = []

  mutating func enter(_ name: String) { names.append(name) }
  mutating func leave() { names.removeLast() }
  var description: String { names.joined(separator: ".") }

  /// The path as a name of the IR's text.
  var irName: String {
    String(decoding: description.utf8.map { isNameByte($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
  }

  private func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
  }
}

private struct Collecting: TensorVisitor {
  static var isReadOnly: Bool { true }
  var tensors: [(name: String, tensor: AnyTensor)] = []
  var path = TreePath()

  mutating func leaf(_ tensor: inout AnyTensor) { tensors.append((path.description, tensor)) }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}

private struct Transforming: TensorVisitor {
  let transform: (String, AnyTensor) -> AnyTensor
  var path = TreePath()

  mutating func leaf(_ tensor: inout AnyTensor) {
    let result = transform(path.description, tensor)
    if result.dtype == tensor.dtype {
      tensor = result
    } else {
      tensor = AnyTensor(
        tensor.core.failed(
          "tree.C1", "\(path.description) has elements \(tensor.dtype) and cannot become \(result.type)"))
    }
  }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
  mutating func enter(_ name: String) { path.enter(name) }
  mutating func enter(_ index: Int) { path.enter(String(index)) }
  mutating func leave() { path.leave() }
}
