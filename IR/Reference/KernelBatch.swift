/// Some outer points of a kernel, computed side by side: every value is a column of words, outer point by outer point,
/// each with its inner points in row-major order.
struct KernelBatch {
  private let kernel: KernelDefinition
  private let buffers: [UnsafeMutableRawPointer]
  private let integers: [Int]
  /// The coordinates of the outer points.
  private let points: [[Int]]
  /// One column per scratch row, one word per outer point for every reduced value.
  private var scratch: [[UInt64]]
  private var reduced: [[UInt64]] = []
  /// 0, or the site of the first index out of range.
  private(set) var status = KernelStatus()

  init(_ kernel: KernelDefinition, _ points: Range<Int>, _ buffers: [UnsafeMutableRawPointer], _ integers: [Int]) {
    self.kernel = kernel
    self.buffers = buffers
    self.integers = integers
    let extents = kernel.outer.map { $0.value(integers) }
    self.points = points.map { Self.coordinates(of: $0, extents) }
    scratch = Array(repeating: [], count: kernel.scratchRows.count)
  }

  /// Runs one stage: its body at all points, then its effects. An outer point reads only its own elements of what the
  /// batch writes, so the order among points does not matter; scatter goes point after point.
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
    case .load(let access):
      let addresses = addresses(access.index, frame)
      return (0..<count).map { point in
        guard let distance = distance(access, at: point, columns, frame) else { return 0 }
        return element(access.buffer, addresses[point] + distance)
      }
    case .loadScratch(let row):
      return scratch[row]
    case .reduced(let number):
      return reduced[number].flatMap { Array(repeating: $0, count: frame.count) }
    }
  }

  /// How far the indices that are data lead; nil where one is out of range and not clamped.
  private mutating func distance(
    _ access: BufferAccess, at point: Int, _ columns: EntityTable<BodyID, [UInt64]>, _ frame: Frame
  ) -> Int? {
    var (distance, isValid) = (0, true)
    guard let bounds = access.bounds else { return 0 }
    for index in access.data {
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
    let (rows, count, values) = (points.count, frame.count, columns[effect.value])
    let dtype = frame.dtypes[effect.value]
    switch effect {
    case .store(_, let access): store(values, access, frame)
    case .storeScratch(_, let row): scratch[row] = values
    case .reduce(.reduce(let kind), _):
      reduced.append(RowReduction.reduce(values, rows: rows, count: count, kind, dtype))
    case .reduce(.argReduce(let kind), _):
      reduced.append(RowReduction.argReduce(values, rows: rows, count: count, kind, dtype))
    case .reduce(.dot(let rhs), _):
      reduced.append(RowReduction.dot(values, columns[rhs], rows: rows, count: count, dtype))
    case .line(.scanReduce(let kind), _, let access):
      store(RowReduction.scan(values, rows: rows, count: count, kind, dtype), access, frame)
    case .line(.argSort(let first), _, let access):
      let results = RowReduction.sort(values, rows: rows, count: count)
      for (place, address) in addresses(access.index, frame).enumerated() where place % count < first ?? count {
        setElement(access.buffer, address, results[place])
      }
    case .scatter(let combiner, _, let access):
      let addresses = addresses(access.index, frame)
      for point in 0..<rows * count {
        guard let distance = distance(access, at: point, columns, frame) else { continue }
        let address = addresses[point] + distance
        // A plain update does not read the element.
        let old = combiner == .replace ? 0 : element(access.buffer, address)
        setElement(access.buffer, address, combiner.combined(old, values[point], dtype))
      }
    }
  }

  private func store(_ words: [UInt64], _ access: BufferAccess, _ frame: Frame) {
    for (address, word) in zip(addresses(access.index, frame), words) { setElement(access.buffer, address, word) }
  }
}
