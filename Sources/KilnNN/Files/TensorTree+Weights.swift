public import Kiln

/// Where a tensor of a tree is found in a file that another library wrote, and in which order its axes are there.
public struct ForeignWeight: Hashable, Sendable {
  /// The name in the file.
  public var name: String
  /// The order of the axes in the file.
  public var order: Order

  /// The order of the axes in the file, beside Kiln's.
  public enum Order: Hashable, Sendable {
    /// As in Kiln.
    case same
    /// The weight of PyTorch's `Linear`, [out, in]; in Kiln [in, out].
    case linear
    /// The weight of PyTorch's `Conv1d`, `Conv2d` or `Conv3d`, [out, in, spatial…]; in Kiln [spatial…, in, out].
    case convolution
    /// Axis i in Kiln is axis `axes[i]` in the file.
    case axes([Int])

    /// For each axis in Kiln that in the file; nil if that cannot be.
    func axes(rank: Int) -> [Int]? {
      switch self {
      case .same: return Array(0..<rank)
      case .linear: return rank == 2 ? [1, 0] : nil
      case .convolution: return rank >= 3 ? Array(2..<rank) + [1, 0] : nil
      case .axes(let axes): return axes.sorted() == Array(0..<rank) ? axes : nil
      }
    }
  }

  /// The tensor `name` of the file, with its axes in `order`.
  public init(_ name: String, order: Order = .same) {
    self.name = name
    self.order = order
  }
}

/// How the tensors of a file differ from those of a tree; `loadWeights` gives it.
public struct WeightDifferences: Hashable, Sendable, CustomStringConvertible {
  /// Names of the tree that the file lacks.
  public internal(set) var missing: [String] = []
  /// Names of the file that the tree lacks.
  public internal(set) var unexpected: [String] = []
  /// Tensors of another shape, or of an element type that the tree's cannot hold exactly: what each is in both.
  public internal(set) var mismatched: [String] = []

  /// Whether the file and the tree have the same tensors.
  public var isEmpty: Bool { missing.isEmpty && unexpected.isEmpty && mismatched.isEmpty }

  var lines: [String] {
    missing.map { "\($0) is not in the file" } + mismatched + unexpected.map { "\($0) of the file is not in the tree" }
  }

  public var description: String { isEmpty ? "no differences" : lines.joined(separator: "\n") }
}

extension TensorTree {
  /// Writes the tensors as a safetensors file, by the names of `tensors`: `layers.0.weight`.
  ///
  /// A tensor alone has the name `tensor`. See `SafetensorsFile.write`.
  ///
  /// - Throws: `safetensors.C1` when the file cannot be written, `safetensors.C7` for names that stand for two tensors
  ///   and tensors of a trace.
  public func saveWeights(to path: String, metadata: [String: String] = [:]) throws(KilnError) {
    try SafetensorsFile.write(tensors.map { (fileName($0.name), $0.tensor) }, metadata: metadata, to: path)
  }

  /// Replaces the tensors by those of a safetensors file, by their names.
  ///
  /// ```swift
  /// struct Affine: TensorTree {
  ///   var weight = Tensor<Float>.zeros([3, 2])
  ///   var bias = Tensor<Float>.zeros([2])
  ///   mutating func visit(_ visitor: inout some TensorVisitor) {
  ///     visitor.visit(&weight, "weight")
  ///     visitor.visit(&bias, "bias")
  ///   }
  /// }
  /// var affine = Affine()
  /// // A file of PyTorch's, with other names and the weights of linear layers as [out, in].
  /// try affine.loadWeights(from: "affine.safetensors") { name, rank in
  ///   ForeignWeight("fc1." + name, order: rank == 2 ? .linear : .same)
  /// }
  /// ```
  /// Shapes must be those of the tree, in the order of Kiln. Reals with fewer bits (f16 and bf16 in a tree of f32) are
  /// converted, which is exact; another element type is a difference. Each tensor goes to the device of the one that it
  /// replaces.
  ///
  /// - Parameters:
  ///   - strict: whether every difference is an error, and then nothing is replaced. Otherwise what fits is taken, the
  ///     rest stays.
  ///   - mapping: for the name of a tensor of the tree and its rank, what it is in the file.
  /// - Throws: `safetensors.C1` to `C6` for a file that cannot be read, `weights.C1` with all differences if `strict`.
  /// - Returns: The differences.
  @discardableResult
  public mutating func loadWeights(
    from path: String, strict: Bool = true,
    mapping: (_ name: String, _ rank: Int) -> ForeignWeight = { name, _ in ForeignWeight(name) }
  ) throws(KilnError) -> WeightDifferences {
    let file = try SafetensorsFile(path)
    var differences = WeightDifferences()
    var (results, used): ([AnyTensor], Set<String>) = ([], [])
    for (name, tensor) in tensors {
      let source = mapping(fileName(name), tensor.rank)
      used.insert(source.name)
      let found = try file.weight(for: tensor, named: fileName(name), source, &differences)
      results.append(try found?.moved(besides: tensor) ?? tensor)
    }
    differences.unexpected = file.names.filter { !used.contains($0) }.sorted()
    if strict, !differences.isEmpty {
      let count = differences.lines.count
      throw KilnError.atCall(
        "weights.C1", "\(path) has other tensors than the tree: \(count) difference\(count == 1 ? "" : "s")",
        notes: differences.lines)
    }
    var rest = results[...]
    updateTensors { _, tensor in rest.popFirst() ?? tensor }
    return differences
  }

  /// The name in a file; that of a bare tensor is empty.
  private func fileName(_ name: String) -> String { name.isEmpty ? "tensor" : name }
}

extension SafetensorsFile {
  /// The elements for `tensor`, or nil and one more difference.
  fileprivate func weight(
    for tensor: AnyTensor, named name: String, _ source: ForeignWeight, _ differences: inout WeightDifferences
  ) throws(KilnError) -> AnyTensor? {
    let shown = source.name == name ? name : "\(name) (\(source.name) in the file)"
    guard let type = type(of: source.name) else {
      differences.missing.append(shown)
      return nil
    }
    let axes = source.order.axes(rank: type.shape.rank)
    let shape = axes.map { axes in axes.map { type.shape.dimensions[$0] } }
    guard let axes, shape == tensor.dimensions, AnyTensor.isExact(type.dtype, as: tensor.dtype) else {
      let order = source.order == .same ? "" : ", in the order \(source.order)"
      differences.mismatched.append("\(shown) is \(tensor.type) in the tree, \(type) in the file\(order)")
      return nil
    }
    return try self.tensor(source.name).widened(to: tensor.dtype).permuted(axes)
  }
}
