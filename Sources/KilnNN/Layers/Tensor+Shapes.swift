import Kiln

// What layers compute with shapes, also where their sizes are those of a later call.

extension Tensor {
  /// Whether it has the axis, negative ones from the end, with this extent or one that a call may bring.
  func mayHave(_ extent: Int, at axis: Int) -> Bool {
    let place = axis < 0 ? axis + rank : axis
    return shape.indices.contains(place) && Dimension.equality(shape[place], Dimension(extent)) != false
  }

  /// Whether the two may have the same shape.
  func mayHaveShape(of other: Tensor) -> Bool {
    rank == other.rank && zip(shape, other.shape).allSatisfy { Dimension.equality($0, $1) != false }
  }

  /// The axes from `axis` on as `rest`.
  func reshaped(from axis: Int, to rest: [Dimension]) -> Tensor {
    reshaped(to: Shape(Array(shape.prefix(axis)) + rest))
  }

  /// The axes from `axis` on as one.
  func flattened(from axis: Int) -> Tensor { reshaped(from: axis, to: [shape.dropFirst(axis).reduce(1, *)]) }
}
