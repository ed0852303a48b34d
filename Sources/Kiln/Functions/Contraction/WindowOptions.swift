import KilnIR

/// One number for each spatial axis, written as a number that all share or as a list: `2`, `[2, 1]`.
public struct PerAxis: Hashable, Sendable, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  private let values: [Int]
  private let isShared: Bool

  /// One number for all axes.
  public init(_ value: Int) { (values, isShared) = ([value], true) }
  /// A number for each axis.
  public init(_ values: [Int]) { (self.values, isShared) = (values, false) }
  public init(integerLiteral value: Int) { self.init(value) }
  public init(arrayLiteral values: Int...) { self.init(values) }

  /// The numbers of `count` axes; nil if there are others.
  package func expanded(_ count: Int) -> [Int]? {
    if isShared { return Array(repeating: values[0], count: count) }
    return values.count == count ? values : nil
  }
}

extension PerAxis: CustomStringConvertible {
  public var description: String { isShared ? "\(values[0])" : "\(values)" }
}

/// What stands around the elements that windows slide over.
public enum WindowPadding: Sendable {
  /// Nothing: a window lies within the elements.
  case valid
  /// As much as gives ceil(size / stride) positions, the odd one behind.
  case same
  /// So many places before and after, along each spatial axis.
  case explicit([(before: Int, after: Int)])

  /// The widths for windows of these reaches (taps and the gaps between them) over axes of these sizes; nil if there
  /// are widths for another number of axes.
  func widths(
    _ sizes: [Dimension], _ reaches: [Dimension], _ strides: [Int]
  ) -> [(before: Dimension, after: Dimension)]? {
    switch self {
    case .valid: return sizes.map { _ in (0, 0) }
    case .same:
      return sizes.indices.map { axis in
        let (size, stride) = (sizes[axis], Dimension(strides[axis]))
        let positions = (size - 1) / stride + 1
        let total = Dimension.max((positions - 1) * stride + reaches[axis] - size, 0)
        return (total / 2, total - total / 2)
      }
    case .explicit(let widths):
      return widths.count == sizes.count ? widths.map { (Dimension($0.before), Dimension($0.after)) } : nil
    }
  }
}

extension WindowPadding: Hashable {
  public static func == (a: WindowPadding, b: WindowPadding) -> Bool {
    switch (a, b) {
    case (.valid, .valid), (.same, .same): true
    case (.explicit(let a), .explicit(let b)): a.elementsEqual(b) { $0 == $1 }
    case (.valid, _), (.same, _), (.explicit, _): false
    }
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}

extension WindowPadding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .valid: "valid"
    case .same: "same"
    case .explicit(let widths): "\(widths)"
    }
  }
}

/// Windows over the spatial axes of a tensor [batch, spatial…, channels], checked.
struct SpatialWindows {
  let strides: [Int]
  let dilations: [Int]
  let widths: [(before: Dimension, after: Dimension)]

  /// No axis is as long.
  private static let limit = 1 << 40

  /// - Throws: `NAME.C1` the tensor has no spatial axis; `NAME.C3` sizes, strides or dilations that are not positive,
  ///   or not one for each spatial axis; `NAME.C4` widths of padding for another number of axes.
  init(
    _ name: String, _ sizes: [Dimension], taps: [Dimension], stride: PerAxis, padding: WindowPadding, dilation: PerAxis
  ) throws(ConstraintFailure) {
    guard let strides = stride.expanded(sizes.count), let dilations = dilation.expanded(sizes.count),
      taps.count == sizes.count,
      (strides + dilations + taps.compactMap(\.size)).allSatisfy({ (1...Self.limit).contains($0) }),
      zip(taps, dilations).allSatisfy({ ($0.size ?? 1) <= Self.limit / $1 })
    else {
      throw ConstraintFailure(
        "\(name).C3",
        "\(name): window, stride and dilation are positive, one number or one for each of the \(sizes.count) spatial axes; "
          + "found \(taps), \(stride), \(dilation)")
    }
    let reaches = zip(taps, dilations).map { ($0 - 1) * Dimension($1) + 1 }
    guard let widths = padding.widths(sizes, reaches, strides),
      widths.flatMap({ [$0.before, $0.after] }).allSatisfy({ (-Self.limit...Self.limit).contains($0.size ?? 0) })
    else {
      throw ConstraintFailure(
        "\(name).C4",
        "\(name): padding has a width before and after each of the \(sizes.count) spatial axes, at most 2^40; found "
          + "\(padding)")
    }
    (self.strides, self.dilations, self.widths) = (strides, dilations, widths)
  }
}
