import KilnIR

extension Tensor: CustomStringConvertible {
  /// The elements as nested lists. Of a large tensor only the corners are shown, after its type.
  public var description: String { core.text }
}

extension AnyTensor: CustomStringConvertible {
  /// The elements as nested lists. Of a large tensor only the corners are shown, after its type.
  public var description: String { core.text }
}

extension TensorCore {
  private static let shownCount = 200
  private static let edgeCount = 3

  fileprivate var text: String {
    switch kind {
    case .traced: return "\(type), traced"
    case .poisoned: return "\(type), without a value: \(poison.reason.message)"
    case .buffer, .view:
      let isLarge = interned.elementCount > Self.shownCount
      let body = text(axis: 0, offset: 0, strides: shape.rowMajorStrides, isShort: isLarge)
      return isLarge ? "\(type) \(body)" : body
    case .device, .deviceView:
      do throws(KilnError) {
        return try moved(to: nil).text
      } catch {
        return "\(type), without a value: \(error.diagnostics[0].message)"
      }
    }
  }

  private func text(axis: Int, offset: Int, strides: [Int], isShort: Bool) -> String {
    guard axis < shape.rank else { return bytes.load(dtype, at: offset).description }
    let size = shape.dimensions[axis]
    let shown =
      isShort && size > 2 * Self.edgeCount
      ? Array(0..<Self.edgeCount) + Array((size - Self.edgeCount)..<size) : Array(0..<size)
    var parts: [String] = []
    for (place, index) in shown.enumerated() {
      if place > 0 && index != shown[place - 1] + 1 { parts.append("...") }
      parts.append(text(axis: axis + 1, offset: offset + index * strides[axis], strides: strides, isShort: isShort))
    }
    let separator = axis == shape.rank - 1 ? ", " : ",\n" + String(repeating: " ", count: axis + 1)
    return "[" + parts.joined(separator: separator) + "]"
  }
}
