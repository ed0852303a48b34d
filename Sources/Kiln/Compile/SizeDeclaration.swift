import KilnIR

/// Names for the sizes of a compiled function's arguments: one program then serves all sizes.
///
/// ```swift
/// let scaled = compile(options: .sizes("batch, 784", "batch")) { (x: Tensor<Float>, scale: Tensor<Float>) in
///   x * scale.expandingShape(at: 1)
/// }
/// ```
/// There is a pattern for each argument, an update's state first: the extents of its tensors, separated by commas. A
/// name is a size that each call brings, the same wherever the name stands; a number is that number; `_` is whatever
/// comes, each size of which is a program of its own. `…` or an empty pattern leaves a whole argument as it comes.
public struct SizeDeclaration: Hashable, Sendable {
  /// One pattern for each argument.
  public var patterns: [String]
  /// The sizes that a name may have; calls with others throw `size.C1`. Without bounds a name is any size, 0 and 1
  /// included.
  public var bounds: [String: ClosedRange<Int>]

  /// A declaration of one pattern for each argument.
  public init(_ patterns: [String], bounds: [String: ClosedRange<Int>] = [:]) {
    self.patterns = patterns
    self.bounds = bounds
  }

  /// An extent as a pattern says it.
  enum Extent: Hashable, Sendable {
    case name(String)
    case number(Int)
    case any
  }

  /// The extents of each argument; nil where the argument is as it comes.
  /// - Throws: `size.C5` for a pattern of another form.
  func extents() throws(KilnError) -> [[Extent]?] {
    var all: [[Extent]?] = []
    for pattern in patterns {
      let words = pattern.split(separator: ",", omittingEmptySubsequences: false).map {
        String($0.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
      }
      if words == [""] || words == ["..."] || words == ["…"] {
        all.append(nil)
        continue
      }
      var extents: [Extent] = []
      for word in words { extents.append(try extent(word, pattern)) }
      all.append(extents)
    }
    let names = Set(all.flatMap { ($0 ?? []).compactMap { if case .name(let name) = $0 { name } else { nil } } })
    if let unknown = bounds.keys.sorted().first(where: { !names.contains($0) }) {
      throw KilnError("size.C5", "there are bounds for '\(unknown)', which no pattern names")
    }
    return all
  }

  private func extent(_ word: String, _ pattern: String) throws(KilnError) -> Extent {
    if word == "_" { return .any }
    if let number = Int(word), number >= 0 { return .number(number) }
    guard Dimension.isName(word) else {
      throw KilnError(
        "size.C5", "a pattern of sizes has names, numbers and _, separated by commas; found '\(word)' in \"\(pattern)\""
      )
    }
    return .name(word)
  }
}

extension CompileOptions {
  /// Options with names for the sizes of the arguments.
  /// - Parameters:
  ///   - patterns: One for each argument, as in `"batch, 784"`.
  ///   - bounds: The sizes that a name may have.
  public static func sizes(_ patterns: String..., bounds: [String: ClosedRange<Int>] = [:]) -> CompileOptions {
    var options = CompileOptions()
    options.sizes = SizeDeclaration(patterns, bounds: bounds)
    return options
  }
}

extension SizeDeclaration {
  /// The types of the arguments with names in them; nil if no extent has a name.
  /// - Throws: `size.C5`, or `size.C6` for arguments that the patterns do not fit.
  func types(of signature: Signature) throws(KilnError) -> [TensorType]? {
    let extents = try extents()
    guard extents.count == signature.leafCounts.count else {
      throw KilnError(
        "size.C6",
        "there are patterns of sizes for \(extents.count) arguments, and \(signature.leafCounts.count) arguments",
        at: signature.location)
    }
    var types = signature.leaves.map(\.type)
    var first = 0
    for (pattern, count) in zip(extents, signature.leafCounts) {
      defer { first += count }
      guard let pattern else { continue }
      for index in first..<first + count {
        types[index] = try Self.type(types[index], pattern, signature.leafNames[index], signature.location)
      }
    }
    return types.contains { $0.shape.isSymbolic } ? types : nil
  }

  private static func type(
    _ type: TensorType, _ pattern: [Extent], _ name: String, _ location: SourceLocation
  ) throws(KilnError) -> TensorType {
    guard pattern.count == type.rank else {
      throw KilnError(
        "size.C6", "\(name) is declared with \(pattern.count) extents, found \(type), which has \(type.rank)",
        at: location)
    }
    var shape = type.shape
    for (axis, extent) in pattern.enumerated() {
      switch extent {
      case .any: continue
      case .name(let word): shape[axis] = Dimension(named: word)
      case .number(let number):
        guard shape[axis] == Dimension(number) else {
          throw KilnError("size.C6", "axis \(axis) of \(name) is declared as \(number), found \(type)", at: location)
        }
      }
    }
    return TensorType(type.dtype, shape)
  }

  /// What the bounds require.
  var requirements: [SizeRequirement] {
    bounds.sorted { $0.key < $1.key }.flatMap { name, range in
      let size = Dimension(named: name)
      return [
        SizeRequirement(SizeConstraint(size, .atLeast, Dimension(range.lowerBound)), "the declaration"),
        SizeRequirement(SizeConstraint(Dimension(range.upperBound), .atLeast, size), "the declaration"),
      ]
    }
  }
}
