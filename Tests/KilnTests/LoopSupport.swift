import Kiln

// What the tests of windows have in common: plain loops over places, slow and plain enough to be believed.

/// All places of a grid in row-major order.
func places(_ sizes: [Int]) -> [[Int]] {
  sizes.reduce([[]]) { places, size in places.flatMap { place in (0..<size).map { place + [$0] } } }
}

/// The number of a place in row-major order.
func number(of place: [Int], in sizes: [Int]) -> Int {
  zip(place, sizes).reduce(0) { $0 * $1.1 + $1.0 }
}

/// A tensor of whole numbers from -4 to 4, whose products and sums are exact.
func wholeNumbers(_ shape: [Int], seed: Int = 0) -> Tensor<Double> {
  let count = shape.reduce(1, *)
  return Tensor((0..<count).map { Double((($0 + 31 * seed + 1) * 7_919 >> 3) % 9 - 4) }, shape: shape)
}

/// Windows that slide along one axis, as the comments of `WindowPadding` and `conv1d` say it.
struct WindowAxis {
  let size: Int
  let taps: Int
  let stride: Int
  let dilation: Int
  var before = 0
  var after = 0

  /// From a window's first tap to its last one.
  var reach: Int { (taps - 1) * dilation + 1 }

  /// Windows that lie within the elements and the padding, counted one by one.
  var positions: Int {
    var count = 0
    while count * stride + reach <= before + size + after { count += 1 }
    return count
  }

  init(size: Int, taps: Int, stride: Int, dilation: Int, padding: WindowPadding, axis: Int) {
    (self.size, self.taps, self.stride, self.dilation) = (size, taps, stride, dilation)
    switch padding {
    case .valid: break
    case .explicit(let widths): (before, after) = widths[axis]
    case .same:
      // One place more, behind and before in turn, until there are ceil(size / stride) positions.
      let wanted = size / stride + (size % stride == 0 ? 0 : 1)
      while positions < wanted {
        if after > before { before += 1 } else { after += 1 }
      }
    }
  }

  /// Where tap `tap` of window `position` looks; nil in the padding.
  func place(_ position: Int, _ tap: Int) -> Int? {
    let place = position * stride + tap * dilation - before
    return (0..<size).contains(place) ? place : nil
  }

  static func axes(
    _ sizes: [Int], taps: [Int], stride: [Int], padding: WindowPadding, dilation: [Int]
  ) -> [WindowAxis] {
    sizes.indices.map {
      WindowAxis(
        size: sizes[$0], taps: taps[$0], stride: stride[$0], dilation: dilation[$0], padding: padding, axis: $0)
    }
  }
}

extension [WindowAxis] {
  /// Where the taps of a window look; nil if one of these is in the padding.
  func place(_ position: [Int], _ tap: [Int]) -> [Int]? {
    let places = indices.compactMap { self[$0].place(position[$0], tap[$0]) }
    return places.count == count ? places : nil
  }
}
