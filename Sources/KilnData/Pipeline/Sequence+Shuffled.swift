public import Kiln

extension Sequence {
  /// The elements in the order of `randomPermutation` by `key`: the same on every machine.
  ///
  /// ```swift
  /// let order = (0..<5).shuffled(key: RandomKey(seed: 1))
  /// ```
  public func shuffled(key: RandomKey) -> [Element] {
    let elements = Array(self)
    return Tensor<Int32>.randomPermutation(elements.count, key: key).scalars.map { elements[Int($0)] }
  }
}
