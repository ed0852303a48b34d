import KilnIR

/// Taps `first`, `first` + `step`, … of a window, `count` of them.
struct TapRun {
  var first: Int
  var step: Int
  var count: Int
}

/// The phases of a window over a dilated axis: positions `phase`, `phase` + `count`, … meet the elements with the same
/// taps.
struct WindowPhases {
  let window: Convolution.Window
  let elements: Int
  let taps: Int
  let positions: Int
  private let low: Int
  /// How many phases there are. Every phase is given equally many positions; the last ones may be beyond the window's
  /// own.
  let count: Int
  let positionsPerPhase: Int

  init(_ window: Convolution.Window, elements: Int, taps: Int) {
    self.window = window
    self.elements = elements
    self.taps = taps
    positions = window.positions(elements: Dimension(elements), taps: Dimension(taps)).staticSize
    low = window.low.staticSize
    // With one position each the phases do not repeat.
    count = max(1, min(window.lhsDilation / gcd(window.stride, window.lhsDilation), positions))
    positionsPerPhase = ceilDivide(positions, count)
  }

  /// The first and the last place that a window reads.
  private var places: ClosedRange<Int> {
    let last = (positionsPerPhase * count - 1) * window.stride
    return -low...(last + (taps - 1) * window.rhsDilation - low)
  }

  /// How many elements of padding the windows read on each side.
  var padding: (low: Int, high: Int) {
    let dilation = window.lhsDilation
    let first = -floorDivide(-places.lowerBound, dilation)
    let last = floorDivide(places.upperBound, dilation)
    let (low, high) = (max(0, -first), max(0, last - (elements - 1)))
    // An axis has at least one element to lay the others out from.
    return (low, elements + low + high == 0 ? 1 : high)
  }

  /// The holes that the windows read beyond the outermost elements, padding included.
  var outerHoles: (low: Int, high: Int) {
    let (low, high) = padding
    let dilation = window.lhsDilation
    return (
      max(0, -low * dilation - places.lowerBound), max(0, places.upperBound - (elements - 1 + high) * dilation)
    )
  }

  /// The taps that meet elements in a phase.
  func taps(ofPhase phase: Int) -> TapRun {
    let dilation = window.lhsDilation
    let step = dilation / gcd(window.rhsDilation, dilation)
    let first = (0..<min(step, taps)).first { (place(phase, $0) % dilation) == 0 }
    return first.map { TapRun(first: $0, step: step, count: (taps - 1 - $0) / step + 1) }
      ?? TapRun(first: 0, step: step, count: 0)
  }

  /// The place of a tap at the first position of a phase.
  private func place(_ phase: Int, _ tap: Int) -> Int { phase * window.stride + tap * window.rhsDilation - low }

  /// The window of a phase over the padded elements, with its own taps only.
  func denseWindow(_ phase: Int, _ run: TapRun) -> Convolution.Window {
    let (low, high) = padding
    var dense = window
    dense.lhsDilation = 1
    dense.stride = positionsPerPhase > 1 ? count * window.stride / window.lhsDilation : 1
    dense.rhsDilation = max(1, run.step * window.rhsDilation / window.lhsDilation)
    dense.low = Dimension(-(place(phase, run.first) / window.lhsDilation + low))
    dense.high = 0
    return fitted(dense, elements: elements + low + high, taps: run.count)
  }

  /// The window of a phase over the padded elements with holes between them, with all taps.
  func spreadWindow(_ phase: Int) -> Convolution.Window {
    let ((low, high), holes) = (padding, outerHoles)
    var spread = window
    spread.lhsDilation = 1
    spread.stride = positionsPerPhase > 1 ? count * window.stride : 1
    spread.low = Dimension(-(place(phase, 0) + low * window.lhsDilation + holes.low))
    let extent = holes.low + (elements + low + high - 1) * window.lhsDilation + 1 + holes.high
    return fitted(spread, elements: extent, taps: taps)
  }

  /// `high` such that the window has the positions of a phase.
  private func fitted(_ window: Convolution.Window, elements: Int, taps: Int) -> Convolution.Window {
    var window = window
    let reach = (positionsPerPhase - 1) * window.stride + (taps - 1) * window.rhsDilation + 1
    window.high = Dimension(reach - elements) - window.low
    return window
  }
}

/// The quotient rounded down, for a positive divisor.
private func floorDivide(_ a: Int, _ b: Int) -> Int { a >= 0 ? a / b : -((b - 1 - a) / b) }
