import KilnIR

/// What every tree can do.
extension TensorTree {
  /// The tensors with their names (`layers.0.weight`), in the order of the visit.
  public var tensors: [(name: String, tensor: AnyTensor)] {
    var copy = self
    var visitor = Collecting()
    copy.visit(&visitor)
    return visitor.tensors
  }

  /// The tensors with elements of one type and their names, in the order of the visit.
  ///
  /// ```swift
  /// let norm = sqrt(gradient.tensors(of: Float.self).map { ($0.tensor * $0.tensor).sum() }.reduce(0, +))
  /// ```
  public func tensors<Scalar: TensorElement>(of type: Scalar.Type) -> [(name: String, tensor: Tensor<Scalar>)] {
    tensors.compactMap { name, tensor in Tensor<Scalar>(tensor).map { (name, $0) } }
  }

  /// A tree of the same structure with zeros instead of every tensor: the start of a sum, a velocity or a mean.
  public static func zeros(like other: Self) -> Self {
    other.replacing { AnyTensor(TensorCore.zero($0.type)) }
  }

  /// Replaces every tensor by `transform` of its name and itself. The element type must stay (`tree.C1`). If
  /// `transform` throws, nothing is replaced.
  public mutating func updateTensors<Failure: Error>(
    _ transform: (_ name: String, _ tensor: AnyTensor) throws(Failure) -> AnyTensor
  ) throws(Failure) {
    var results: [AnyTensor] = []
    for (name, tensor) in tensors {
      let result = try transform(name, tensor)
      results.append(result.dtype == tensor.dtype ? result : changedType(name, tensor, result))
    }
    replaceTensors(by: results)
  }

  /// The tree with every tensor of one element type replaced by `transform` of it.
  ///
  /// ```swift
  /// let clipped = gradient.mapped { clip($0, low: -1, high: 1) }
  /// let deviations = variances.mapped(of: Double.self) { sqrt($0) }
  /// ```
  /// Without `of:` the closure takes tensors of `Float`.
  ///
  /// Integers and truth values stay as they are where `type` is real. A real tensor of another type is a diagnostic
  /// (`tree.C4`), which names it: nothing is left out in silence. The shape may change.
  ///
  /// - Throws: what `transform` throws.
  public func mapped<Scalar: TensorElement, Failure: Error>(
    of type: Scalar.Type, _ transform: (Tensor<Scalar>) throws(Failure) -> Tensor<Scalar>
  ) throws(Failure) -> Self {
    try mappedWithNames(of: type) { (_: String, tensor) throws(Failure) in try transform(tensor) }
  }

  /// `mapped` with the name of each tensor.
  ///
  /// ```swift
  /// let decay = network.mappedWithNames { name, _ in name.hasSuffix("weight") ? 0.01 : 0 }
  /// ```
  public func mappedWithNames<Scalar: TensorElement, Failure: Error>(
    of type: Scalar.Type,
    _ transform: (_ name: String, _ tensor: Tensor<Scalar>) throws(Failure) -> Tensor<Scalar>
  ) throws(Failure) -> Self {
    var pass = TreePass([self], of: type)
    while let place = pass.next() { pass.set(0, place, try transform(pass.name(place), pass[0, place])) }
    var result = self
    result.replaceTensors(by: pass.results(0))
    return result
  }

  /// The tree with every tensor of `Float` replaced by `transform` of it; see `mapped(of:_:)`.
  public func mapped<Failure: Error>(
    _ transform: (Tensor<Float>) throws(Failure) -> Tensor<Float>
  ) throws(Failure) -> Self { try mapped(of: Float.self, transform) }

  /// The tree with every tensor of `Float` replaced by `transform` of its name and itself; see
  /// `mappedWithNames(of:_:)`.
  public func mappedWithNames<Failure: Error>(
    _ transform: (_ name: String, _ tensor: Tensor<Float>) throws(Failure) -> Tensor<Float>
  ) throws(Failure) -> Self { try mappedWithNames(of: Float.self, transform) }

  private func changedType(_ name: String, _ old: AnyTensor, _ new: AnyTensor) -> AnyTensor {
    AnyTensor(old.core.failed("tree.C1", "\(name) has elements \(old.dtype) and cannot become \(new.type)"))
  }
}

extension TensorTree {
  /// The tree with `transform` of each tensor in its place.
  func replacing(_ transform: (AnyTensor) -> AnyTensor) -> Self {
    var result = self
    result.replaceTensors(by: tensors.map { transform($0.tensor) })
    return result
  }

  /// Replaces the tensors by `results`, in order. Tensors of objects stay, with a diagnostic.
  mutating func replaceTensors(by results: [AnyTensor]) {
    if let failure = TreeCheck.failure(of: self) {
      _ = Failure.poison(failure, TensorType(.f32, .scalar))
      guard TreeCheck.isValue(self) else { return }
    }
    var visitor = Replacing(results)
    visit(&visitor)
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

private struct Replacing: TensorVisitor {
  private var rest: ArraySlice<AnyTensor>

  init(_ tensors: [AnyTensor]) { rest = tensors[...] }

  mutating func leaf(_ tensor: inout AnyTensor) { if let new = rest.popFirst() { tensor = new } }
  mutating func constant<Value: Hashable & Sendable>(_ value: Value, _ name: String) {}
}
