extension TensorValue {
  /// A tensor of elements written as `elementText` writes them, `[1.0, nan]`; one number alone fills the tensor.
  /// - Throws: `value.C1` for another number of elements, `value.C3` for text that is not a number of the dtype, or the
  ///   mistake in the text.
  public init(_ type: TensorType, text: String) throws(KilnError) {
    let values = try Self.values([type], text: text)
    self = values[0]
  }

  /// Tensors of `types`, written as `elementText` writes them, with commas between.
  package static func values(_ types: [TensorType], text: String) throws(KilnError) -> [TensorValue] {
    let isEmpty = text.utf8.allSatisfy { $0 == UInt8(ascii: " ") }
    let attributes = isEmpty ? [] : try Parser.parseValues(text, file: "<values>")
    do throws(ConstraintFailure) {
      try require(
        attributes.count == types.count, "value.C4", "\(types.count) tensors are expected, found \(attributes.count)")
      var values: [TensorValue] = []
      for (type, attribute) in zip(types, attributes) { values.append(try TensorValue(type, attribute)) }
      return values
    } catch {
      throw KilnError(error)
    }
  }

  private init(_ type: TensorType, _ attribute: Attribute) throws(ConstraintFailure) {
    switch attribute {
    case .number(let text):
      let word = try Self.word(text, type.dtype)
      try self.init(type, bits: Array(repeating: word, count: type.shape.elementCount))
    case .list(let elements):
      var words: [UInt64] = []
      for element in elements {
        guard case .number(let text) = element else {
          throw ConstraintFailure("value.C3", "expected a number of type \(type.dtype), found \(element)")
        }
        words.append(try Self.word(text, type.dtype))
      }
      try self.init(type, bits: words)
    case .word, .size, .symbol:
      throw ConstraintFailure("value.C3", "expected a number or a list of numbers, found \(attribute)")
    }
  }

  private static func word(_ text: String, _ dtype: DType) throws(ConstraintFailure) -> UInt64 {
    guard let scalar = Scalar(dtype, text: text) else {
      throw ConstraintFailure("value.C3", "expected a number of type \(dtype), found \(text)")
    }
    return scalar.bits
  }
}
