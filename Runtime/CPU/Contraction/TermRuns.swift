import KilnIR

/// The terms of a launch cut into the chunks that tiles take at once. No chunk reaches over the end of a block of 512.
struct TermRuns {
  struct Run {
    var count: Int
    /// Whether the block has terms before it.
    var carries: Bool
    /// The place of its first term: along the last axis, and the coordinates along the others.
    var position: Int
    var coordinates: [Int]
    /// Where the run along the last axis begins, in bytes.
    var left: Int
    var right: Int
  }

  private(set) var all: [Run] = []
  /// The first run of each block, and the end of the last one.
  private(set) var starts: [Int] = []
  let takesBlocks: Bool

  private static let block = KernelDefinition.contractionBlock

  init(_ launch: ContractionLaunch, chunk: Int) {
    let terms = launch.shape.terms
    takesBlocks = launch.tile.termsAtOnce(terms) < terms
    for block in 0..<max(1, ceilDivide(terms, Self.block)) {
      let (first, end) = (block * Self.block, min((block + 1) * Self.block, terms))
      starts.append(all.count)
      // About as many in each, a multiple of any vector.
      let parts = max(1, ceilDivide(end - first, chunk))
      let step = max(16, ceilDivide(ceilDivide(end - first, parts), 16) * 16)
      var term = first
      repeat {
        all.append(Self.run(launch, term..<min(term + step, end), block: first, takesBlocks))
        term += step
      } while term < end
    }
    starts.append(all.count)
  }

  private static func run(
    _ launch: ContractionLaunch, _ terms: Range<Int>, block: Int, _ takesBlocks: Bool
  ) -> Run {
    let axes = launch.termAxes
    var (rest, coordinates) = (terms.lowerBound, [Int](repeating: 0, count: axes.count - 1))
    let last = axes.count - 1
    // With one axis, the run may begin anywhere.
    guard last > 0 else {
      let left = (takesBlocks ? terms.lowerBound - block : terms.lowerBound) * axes[0].left
      return Run(
        count: terms.count, carries: terms.lowerBound > block, position: 0, coordinates: coordinates, left: left,
        right: terms.lowerBound * axes[0].right)
    }
    let position = rest % axes[last].extent
    rest /= axes[last].extent
    var (left, right) = (0, 0)
    for axis in (0..<last).reversed() {
      coordinates[axis] = rest % axes[axis].extent
      rest /= axes[axis].extent
      left += coordinates[axis] * axes[axis].left
      right += coordinates[axis] * axes[axis].right
    }
    return Run(
      count: terms.count, carries: terms.lowerBound > block, position: position, coordinates: coordinates, left: left,
      right: right)
  }
}
