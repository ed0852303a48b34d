/// Some outer points of a kernel, computed side by side: every value is a column of words, outer point by outer point, each
/// with its inner points in row-major order.
struct KernelBatch {
  private let kernel: Kernel
  private let buffers: [UnsafeMutableRawPointer]
  private let integers: [Int]
  /// The coordinates of the outer points.
  private let points: [[Int]]
  /// One column per scratch row, one word per outer point for every reduced value.
  private var scratch: [[UInt64]]
  private var reduced: [[UInt64]] = []
  /// 0, or the site of the first index out of range.
  private(set) var status = KernelStatus()

  init(_ kernel: Kernel, _ points: Range<Int>, _ buffers: [UnsafeMutableRawPointer], _ integers: [Int]) {
    self.kernel = kernel
    self.buffers = buffers
    self.integers = integers
    let extents = kernel.outer.map { $0.value(integers) }
    self.points = points.map { Self.coordinates(of: $0, extents) }
    scratch = Array(repeating: [], count: kernel.scratchRows.count)
  }

  /// Runs one stage: its body at all points, then its effects. An outer point reads only its own elements of what the batch
  /// writes, so the order among points does not matter; scatter goes point after point.
  mutating func perform(_ number: Int) {
    let stage = kernel.stages[number]
    let extents = stage.inner.map { $0.value(integers) }
    let frame = Frame(extents: extents, count: extents.reduce(1, *), dtypes: kernel.bodyDTypes(ofStage: number))
    var columns = EntityTable<BodyID, [UInt64]>()
    for instruction in stage.body { columns.append(column(of: instruction, columns, frame)) }
    for effect in stage.effects { perform(effect, columns, frame) }
  }

  /// A stage while it runs: its inner domain and the dtypes of its body.
  private struct Frame {
    let extents: [Int]
    let count: Int
    let dtypes: EntityTable<BodyID, DType>
  }

  private static func coordinates(of point: Int, _ extents: [Int]) -> [Int] {
    var rest = point
    var result = extents
    for axis in extents.indices.reversed() {
      result[axis] = rest % extents[axis]
      rest /= extents[axis]
    }
    return result
  }

  /// The value of an affine index at every point of the batch.
  private func addresses(_ index: AffineIndex, _ frame: Frame) -> [Int] {
    let strides = index.strides.map { $0.value(integers) }
    let outerCount = kernel.outer.count
    var inner = [0]
    for (extent, stride) in zip(frame.extents, strides[outerCount...]) {
      inner = inner.flatMap { start in (0..<extent).map { start + $0 * stride } }
    }
    var result: [Int] = []
    result.reserveCapacity(points.count * frame.count)
    for point in points {
      let base = zip(point, strides).reduce(index.offset.value(integers)) { $0 + $1.0 * $1.1 }
      result.append(contentsOf: inner.lazy.map { base + $0 })
    }
    return result
  }
}

// MARK: - Values

extension KernelBatch {
  private mutating func column(
    of instruction: BodyInstruction, _ columns: EntityTable<BodyID, [UInt64]>, _ frame: Frame
  ) -> [UInt64] {
    let count = points.count * frame.count
    switch instruction {
    case .constant(let scalar):
      return Array(repeating: scalar.bits, count: count)
    case .operation(let primitive, let operands, let dtype):
      let program = ScalarProgram(primitive, parameters: operands.map { frame.dtypes[$0] }, dtype: dtype)
      return program.evaluate(columns: operands.map { columns[$0] }, count: count)
    case .index(let index, let dtype):
      return addresses(index, frame).map { UInt64(bitPattern: Int64($0)) & dtype.bitMask }
    case .load(let buffer, let index):
      return addresses(index, frame).map { element(buffer, $0) }
    case .gather(let buffer, let base, let indices, let bounds):
      let addresses = addresses(base, frame)
      return (0..<count).map { point in
        guard let distance = distance(indices, bounds, at: point, columns, frame) else { return 0 }
        return element(buffer, addresses[point] + distance)
      }
    case .loadScratch(let row):
      return scratch[row]
    case .reduced(let number):
      return reduced[number].flatMap { Array(repeating: $0, count: frame.count) }
    }
  }

  /// How far the indices that are data lead; nil where one is out of range and not clamped.
  private mutating func distance(
    _ indices: [DataIndex], _ bounds: IndexBounds, at point: Int, _ columns: EntityTable<BodyID, [UInt64]>,
    _ frame: Frame
  ) -> Int? {
    var (distance, isValid) = (0, true)
    for index in indices {
      let valid = bounds.resolve(
        columns[index.value][point], frame.dtypes[index.value], extent: index.extent.value(integers))
      if valid == nil && bounds == .check && status.site == 0 {
        status.site = index.site
        let word = Scalar(frame.dtypes[index.value], bits: columns[index.value][point])
        status.index = Int64(truncatingIfNeeded: word.converted(to: .i64).bits)
      }
      distance += (valid ?? 0) * index.stride.value(integers)
      isValid = isValid && valid != nil
    }
    return isValid ? distance : nil
  }

  private func element(_ buffer: Int, _ index: Int) -> UInt64 {
    let base = buffers[buffer]
    return switch kernel.buffers[buffer].dtype.byteCount {
    case 1: UInt64(base.load(fromByteOffset: index, as: UInt8.self))
    case 2: UInt64(base.load(fromByteOffset: index * 2, as: UInt16.self))
    case 4: UInt64(base.load(fromByteOffset: index * 4, as: UInt32.self))
    default: base.load(fromByteOffset: index * 8, as: UInt64.self)
    }
  }

  private func setElement(_ buffer: Int, _ index: Int, _ word: UInt64) {
    let base = buffers[buffer]
    switch kernel.buffers[buffer].dtype.byteCount {
    case 1: base.storeBytes(of: UInt8(truncatingIfNeeded: word), toByteOffset: index, as: UInt8.self)
    case 2: base.storeBytes(of: UInt16(truncatingIfNeeded: word), toByteOffset: index * 2, as: UInt16.self)
    case 4: base.storeBytes(of: UInt32(truncatingIfNeeded: word), toByteOffset: index * 4, as: UInt32.self)
    default: base.storeBytes(of: word, toByteOffset: index * 8, as: UInt64.self)
    }
  }
}

// MARK: - Effects

extension KernelBatch {
  private mutating func perform(_ effect: Effect, _ columns: EntityTable<BodyID, [UInt64]>, _ frame: Frame) {
    let (rows, count) = (points.count, frame.count)
    switch effect {
    case .store(let buffer, let index, let value):
      for (address, word) in zip(addresses(index, frame), columns[value]) { setElement(buffer, address, word) }
    case .storeScratch(let row, let value):
      scratch[row] = columns[value]
    case .reduce(let kind, let value):
      reduced.append(RowReduction.reduce(columns[value], rows: rows, count: count, kind, frame.dtypes[value]))
    case .argReduce(let kind, let value):
      reduced.append(RowReduction.argReduce(columns[value], rows: rows, count: count, kind, frame.dtypes[value]))
    case .dot(let lhs, let rhs):
      reduced.append(RowReduction.dot(columns[lhs], columns[rhs], rows: rows, count: count, frame.dtypes[lhs]))
    case .scatter(let buffer, let base, let indices, let combiner, let bounds, let value):
      let addresses = addresses(base, frame)
      for point in 0..<rows * count {
        guard let distance = distance(indices, bounds, at: point, columns, frame) else { continue }
        let address = addresses[point] + distance
        let update = columns[value][point]
        // A plain update does not read the element.
        let old = combiner == .replace ? 0 : element(buffer, address)
        setElement(buffer, address, combiner.combined(old, update, frame.dtypes[value]))
      }
    case .scanReduce(let kind, let value, let buffer, let index):
      let words = RowReduction.scan(columns[value], rows: rows, count: count, kind, frame.dtypes[value])
      for (address, word) in zip(addresses(index, frame), words) { setElement(buffer, address, word) }
    case .argSort(let key, let buffer, let index):
      let words = RowReduction.argSort(columns[key], rows: rows, count: count)
      for (address, word) in zip(addresses(index, frame), words) { setElement(buffer, address, word) }
    }
  }
}
