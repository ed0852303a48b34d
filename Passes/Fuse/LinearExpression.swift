import KilnIR

/// An integer that is linear in the coordinates of a domain: constant + Σ coefficient × coordinate. What depends on
/// sizes that calls bring is decided by their forms: what holds, holds at every call.
struct LinearExpression: Hashable, Sendable {
  var constant: Dimension
  /// One per axis of the domain.
  var coefficients: [Dimension]

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

  static func * (a: LinearExpression, factor: Dimension) -> LinearExpression {
    LinearExpression(constant: a.constant * factor, coefficients: a.coefficients.map { $0 * factor })
  }

  static func + (a: LinearExpression, b: Dimension) -> LinearExpression {
    LinearExpression(constant: a.constant + b, coefficients: a.coefficients)
  }

  /// Whether every value over the domain with these extents is in `0..<limit`. A domain without elements has none.
  func isWithin(_ limit: Dimension, _ extents: [Dimension]) -> Bool {
    var (low, high) = (constant, constant)
    for (coefficient, extent) in zip(coefficients, extents) where coefficient != 0 && extent != 0 {
      let reach = coefficient * (extent - 1)
      switch Dimension.isAtLeast(coefficient, 0) {
      case true?: high = high + reach
      case false?: low = low + reach
      case nil: return false
      }
    }
    return Dimension.isAtLeast(low, 0) == true && Dimension.isAtLeast(limit, high + 1) == true
  }
}

/// Where in a tensor an element lies, per axis, as linear expressions over the coordinates of a domain.
typealias IndexExpression = [LinearExpression]

/// The domain over which indices are expressed.
struct IndexDomain: Hashable, Sendable {
  var extents: [Dimension]

  /// The index of the point itself, for a tensor with the axes `axes` of the domain.
  func identity(_ axes: [Int]) -> IndexExpression { axes.map { .axis($0, of: extents.count) } }

  /// The row-major element number of `index` in a tensor of shape `sizes`.
  func linearize(_ index: IndexExpression, _ sizes: Shape) -> LinearExpression {
    var result = LinearExpression.zero(extents.count)
    for (expression, size) in zip(index, sizes) { result = result * size + expression }
    return result
  }

  /// The index of the element with row-major number `number` in a tensor of shape `sizes`, if it is linear.
  func delinearize(_ number: LinearExpression, _ sizes: Shape) -> IndexExpression? {
    var rest = number
    var reversed: IndexExpression = []
    for size in sizes.reversed() {
      if size == 1 {
        reversed.append(.zero(extents.count))
        continue
      }
      // What is a multiple of the size belongs to the axes further out; the remainder must stay below the size.
      var (inner, outer) = (LinearExpression.zero(extents.count), LinearExpression.zero(extents.count))
      guard size != 0 else { return nil }
      for (axis, coefficient) in rest.coefficients.enumerated() where Dimension.isAtLeast(1, extents[axis]) != true {
        if coefficient.isMultiple(of: size) == true {
          outer.coefficients[axis] = coefficient / size
        } else {
          inner.coefficients[axis] = coefficient
        }
      }
      inner.constant = rest.constant % size
      outer.constant = rest.constant / size
      guard inner.isWithin(size, extents) else { return nil }
      reversed.append(inner)
      rest = outer
    }
    return reversed.reversed()
  }
}
