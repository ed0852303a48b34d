/// Runs the definition of a kernel on memory: slow, readable, and the meaning of a kernel. The schedule changes only which
/// points a work unit has.
///
/// Accesses are not checked here; `KernelVerifier` proves them.
public enum KernelInterpreter {
  /// Runs the whole kernel.
  /// - Parameters:
  ///   - buffers: the first byte of each buffer.
  ///   - integers: the launch arguments.
  /// - Returns: the status word: 0, or the site of an index out of range.
  public static func run(_ kernel: Kernel, buffers: [UnsafeMutableRawPointer], integers: [Int]) -> Int32 {
    let points = kernel.outer.reduce(1) { $0 * $1.value(integers) }
    var status: Int32 = 0
    run(kernel, points: 0..<points, buffers, integers, &status)
    return status
  }

  /// Runs work units of a phase, as a compiled phase does. The last phase does all the work: the others only prepare for
  /// the sake of speed.
  public static func run(
    _ kernel: Kernel, phase: Int, units: Range<Int>, buffers: [UnsafeMutableRawPointer], integers: [Int],
    status: inout Int32
  ) {
    guard phase == kernel.phaseCount - 1 else { return }
    for unit in units { run(kernel, points: kernel.outerPoints(ofUnit: unit, integers), buffers, integers, &status) }
  }

  /// How many elements are computed side by side.
  private static let batch = 4096

  private static func run(
    _ kernel: Kernel, points: Range<Int>, _ buffers: [UnsafeMutableRawPointer], _ integers: [Int], _ status: inout Int32
  ) {
    let longest = kernel.stages.map { $0.inner.reduce(1) { $0 * $1.value(integers) } }.max() ?? 1
    let step = max(1, batch / max(longest, 1))
    for start in stride(from: points.lowerBound, to: points.upperBound, by: step) {
      var run = KernelBatch(kernel, start..<min(start + step, points.upperBound), buffers, integers)
      for stage in kernel.stages.indices { run.perform(stage) }
      if status == 0 { status = run.status }
    }
  }
}

extension Kernel {
  /// The outer points, numbered row-major, that a work unit of the last phase has.
  func outerPoints(ofUnit unit: Int, _ integers: [Int]) -> Range<Int> {
    let extents = outer.map { $0.value(integers) }
    func strip(_ width: Int) -> Range<Int> {
      let length = extents.last ?? 1
      let strips = Self.ceilDivide(length, width)
      let (line, start) = (unit / strips * length, unit % strips * width)
      return line + start..<line + min(start + width, length)
    }
    switch schedule {
    case .serial, .rows, .splitRows: return unit..<unit + 1
    case .pointwise(_, _, let grain, _): return strip(grain)
    case .columns(let width): return strip(width)
    case .contraction(let schedule):
      let shape = contractionShape(schedule, integers)
      let tiles = Self.ceilDivide(shape.rows, schedule.tileRows)
      let firstRow = unit / tiles * shape.rows + unit % tiles * schedule.tileRows
      let lastRow = min(firstRow + schedule.tileRows, (unit / tiles + 1) * shape.rows)
      return firstRow * shape.columns..<lastRow * shape.columns
    }
  }
}
