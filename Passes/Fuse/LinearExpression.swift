/// An integer that is linear in the coordinates of a domain: constant + Σ coefficient × coordinate.
struct LinearExpression: Hashable, Sendable {
  var constant: Int
  /// One per axis of the domain.
  var coefficients: [Int]

  static func zero(_ axisCount: Int) -> LinearExpression {
    LinearExpression(constant: 0, coefficients: Array(repeating: 0, count: axisCount))
  }

  /// The coordinate along `axis` of a domain with `axisCount` axes.
  static func axis(_ axis: Int, of axisCount: Int) -> LinearExpression {
    var expression = zero(axisCount)
    expression.coefficients[axis] = 1
    return expression
  }

  static func + (a: LinearExpression, b: LinearExpression) -> LinearExpression {
    LinearExpression(
      constant: a.constant + b.constant, coefficients: zip(a.coefficients, b.coefficients).map { $0 + $1 })
  }

  static func * (a: LinearExpression, factor: Int) -> LinearExpression {
    LinearExpression(constant: a.constant * factor, coefficients: a.coefficients.map { $0 * factor })
  }

  static func + (a: LinearExpression, b: Int) -> LinearExpression {
    LinearExpression(constant: a.constant + b, coefficients: a.coefficients)
  }

  /// The least and the greatest value over the domain with these extents.
  func range(_ extents: [Int]) -> ClosedRange<Int> {
    var (low, high) = (constant, constant)
    for (coefficient, extent) in zip(coefficients, extents) where extent > 0 {
      let reach = coefficient * (extent - 1)
      if reach < 0 { low += reach } else { high += reach }
    }
    return low...high
  }
}

/// Where in a tensor an element lies, per axis, as linear expressions over the coordinates of a domain.
typealias IndexExpression = [LinearExpression]

/// The domain over which indices are expressed.
struct IndexDomain: Hashable, Sendable {
  var extents: [Int]

  /// The index of the point itself, for a tensor with the axes `axes` of the domain.
  func identity(_ axes: [Int]) -> IndexExpression { axes.map { .axis($0, of: extents.count) } }

  /// The row-major element number of `index` in a tensor of shape `sizes`.
  func linearize(_ index: IndexExpression, _ sizes: [Int]) -> LinearExpression {
    var result = LinearExpression.zero(extents.count)
    for (expression, size) in zip(index, sizes) { result = result * size + expression }
    return result
  }

  /// The index of the element with row-major number `number` in a tensor of shape `sizes`, if it is linear.
  func delinearize(_ number: LinearExpression, _ sizes: [Int]) -> IndexExpression? {
    var rest = number
    var reversed: IndexExpression = []
    for size in sizes.reversed() {
      if size == 1 {
        reversed.append(.zero(extents.count))
        continue
      }
      // What is a multiple of the size belongs to the axes further out; the remainder must stay below the size.
      var (inner, outer) = (LinearExpression.zero(extents.count), LinearExpression.zero(extents.count))
      guard size > 0 else { return nil }
      for (axis, coefficient) in rest.coefficients.enumerated() where extents[axis] > 1 {
        if coefficient % size == 0 {
          outer.coefficients[axis] = coefficient / size
        } else {
          inner.coefficients[axis] = coefficient
        }
      }
      inner.constant = ((rest.constant % size) + size) % size
      outer.constant = (rest.constant - inner.constant) / size
      let range = inner.range(extents)
      guard range.lowerBound >= 0 && range.upperBound < size else { return nil }
      reversed.append(inner)
      rest = outer
    }
    return reversed.reversed()
  }
}
