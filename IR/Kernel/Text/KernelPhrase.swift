/// The text of an instruction or effect: `name(%0, %1) {attribute = value}`.
struct KernelPhrase: CustomStringConvertible {
  let spelling: String
  let operands: [BodyID]
  let attributes: [(name: String, value: Attribute)]

  /// Indices of the access that are data stand before the other operands.
  init(
    _ spelling: String, _ operands: [BodyID] = [], _ attributes: KeyValuePairs<String, Attribute> = [:],
    at access: BufferAccess? = nil
  ) {
    self.spelling = spelling
    self.operands = (access?.data.map(\.value) ?? []) + operands
    self.attributes = attributes.map { ($0.key, $0.value) } + (access?.attributes ?? [])
  }

  init(_ spelling: String, _ attributes: KeyValuePairs<String, Attribute>) { self.init(spelling, [], attributes) }

  var description: String {
    let head = "\(spelling)(\(operands.map { "%\($0.index)" }.joined(separator: ", ")))"
    if attributes.isEmpty { return head }
    return head + " {" + attributes.map { "\($0.name) = \($0.value)" }.joined(separator: ", ") + "}"
  }
}

/// A phrase that was read, for the instruction or effect that it spells.
struct KernelPhraseReader {
  let spelling: String
  let operands: [BodyID]
  let attributes: AttributeReader

  func operands(_ count: Int) throws(ConstraintFailure) -> [BodyID] {
    try require(
      operands.count == count, "kernel.C1", "\(spelling) takes \(count) operands, found \(operands.count)")
    return operands
  }

  func access() throws(ConstraintFailure) -> BufferAccess {
    BufferAccess(try attributes.integer("buffer"), try attributes.affine("at"))
  }

  /// An access whose indices are data: a stride, an extent and a site for each of the values.
  func indexedAccess(_ values: ArraySlice<BodyID>) throws(ConstraintFailure) -> BufferAccess {
    let (strides, extents) = (try attributes.kernelIntegers("strides"), try attributes.kernelIntegers("extents"))
    let sites = try attributes.integers("sites")
    try require(
      strides.count == values.count && extents.count == values.count && sites.count == values.count, "kernel.C1",
      "\(spelling) has \(values.count) indices, found \(strides.count) strides, \(extents.count) extents and "
        + "\(sites.count) sites")
    guard sites.allSatisfy({ Int32(exactly: $0) != nil }) else {
      throw attributes.malformed("sites", "32-bit integers")
    }
    var access = try access()
    access.data = values.indices.enumerated().map { number, index in
      DataIndex(values[index], stride: strides[number], extent: extents[number], site: sites[number])
    }
    access.bounds = try attributes.word("bounds", IndexBounds.self)
    return access
  }
}

// MARK: - Attributes

extension BufferAccess {
  fileprivate var attributes: [(name: String, value: Attribute)] {
    let place: [(name: String, value: Attribute)] = [("buffer", .integer(buffer)), ("at", .affine(index))]
    guard let bounds else { return place }
    return place + [
      ("strides", .kernelIntegers(data.map(\.stride))), ("extents", .kernelIntegers(data.map(\.extent))),
      ("bounds", .word(bounds.rawValue)), ("sites", .integers(data.map(\.site))),
    ]
  }
}

extension Attribute {
  private static func kernelInteger(_ integer: KernelInteger) -> Attribute {
    switch integer {
    case .constant(let value): .integer(value)
    case .argument(let index): .word("n\(index)")
    }
  }

  static func kernelIntegers(_ integers: [KernelInteger]) -> Attribute { .list(integers.map { .kernelInteger($0) }) }

  static func affine(_ index: AffineIndex) -> Attribute {
    .list([.kernelInteger(index.offset), .kernelIntegers(index.strides)])
  }
}

extension AttributeReader {
  func kernelIntegers(_ name: String) throws(ConstraintFailure) -> [KernelInteger] {
    try kernelIntegers(try required(name), name)
  }

  func affine(_ name: String) throws(ConstraintFailure) -> AffineIndex {
    guard case .list(let parts) = try required(name), parts.count == 2 else {
      throw malformed(name, "[offset, [strides]]")
    }
    return AffineIndex(offset: try kernelInteger(parts[0], name), strides: try kernelIntegers(parts[1], name))
  }

  private func kernelIntegers(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> [KernelInteger] {
    guard case .list(let elements) = attribute else { throw malformed(name, "a list of integers") }
    var integers: [KernelInteger] = []
    for element in elements { integers.append(try kernelInteger(element, name)) }
    return integers
  }

  private func kernelInteger(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> KernelInteger {
    switch attribute {
    case .number(let text):
      if let value = Int(text) { return .constant(value) }
    case .word(let text):
      if text.first == "n", let index = Int(text.dropFirst()), index >= 0 { return .argument(index) }
    case .size, .symbol, .list: break
    }
    throw malformed(name, "integers, or launch integers like n0")
  }

  func word<Word: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ type: Word.Type
  ) throws(ConstraintFailure) -> Word {
    guard let value = Word(rawValue: try word(name)) else {
      throw malformed(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }
}
