import KilnIR

/// A contraction to try: its shape, how the operands lie in memory, what is done with the sums, and the schedule.
struct ContractionCase: Sendable, CustomStringConvertible {
  enum Epilogue: Sendable, CaseIterable {
    case none
    /// max(sum + bias[column], 0)
    case biasRelu
    /// sum + residual[row, column], and the sums of a second store: sum × 2 to a transposed output.
    case residual
  }

  var batches: Int? = nil
  var rows: Int?
  var columns: Int?
  var inner: [Int]
  var leftTransposed = false
  var rightTransposed = false
  /// One right operand for all batches.
  var sharesRight = false
  var epilogue = Epilogue.none
  var dtype = DType.f32
  /// What lies in memory, if the dot converts it.
  var storedType: DType? = nil
  /// Whether extents and strides are part of the code.
  var isConstant = false
  var tile = (rows: 14, columns: 32)
  var packsRight = false
  var packsLeft = false
  /// Elements of the left operand after each run along the last contracted axis: then no two axes are walked as one.
  var gap = 0

  var terms: Int { inner.reduce(1, *) }
  /// Terms of the left operand with the gaps.
  private var leftTerms: Int { gap == 0 ? terms : terms / inner[inner.count - 1] * (inner[inner.count - 1] + gap) }
  var outerCount: Int { (batches ?? 1) * (rows ?? 1) * (columns ?? 1) }

  var description: String {
    "\(batches.map { "\($0)×" } ?? "")\(rows ?? 1)×\(inner)×\(columns ?? 1) \(dtype)"
      + "\(leftTransposed ? " left transposed" : "")\(rightTransposed ? " right transposed" : "")"
      + "\(sharesRight ? " shared right" : "") \(epilogue), tile \(tile.rows)×\(tile.columns)"
      + "\(packsRight ? " packs right" : "")\(packsLeft ? " packs left" : "")\(gap > 0 ? " gap \(gap)" : "")\(isConstant ? " constant" : "")"
  }

  /// The kernel and its launch integers. The buffers are left, right, output, then bias, or residual and second output.
  func kernel() -> (kernel: Kernel, integers: [Int]) {
    var integers: [Int] = []
    func number(_ value: Int) -> KernelInteger {
      if isConstant || value == 1 { return .constant(value) }
      integers.append(value)
      return .argument(integers.count - 1)
    }
    /// Extents are arguments even if they are 1.
    func extent(_ value: Int) -> KernelInteger {
      if isConstant { return .constant(value) }
      integers.append(value)
      return .argument(integers.count - 1)
    }
    let (m, n, k) = (rows ?? 1, columns ?? 1, terms)
    let leftTerms = leftTerms
    let outer = ([batches, rows, columns].compactMap { $0 }).map(extent)
    let extents = inner.map(extent)
    func outerStrides(_ batch: Int, _ row: Int, _ column: Int) -> [KernelInteger] {
      var strides: [KernelInteger] = []
      if batches != nil { strides.append(batch == 0 ? .constant(0) : number(batch)) }
      if rows != nil { strides.append(row == 0 ? .constant(0) : number(row)) }
      if columns != nil { strides.append(column == 0 ? .constant(0) : number(column)) }
      return strides
    }
    func innerStrides(_ last: Int, gap: Int = 0) -> [KernelInteger] {
      let end = inner.count - 1
      return inner.indices.map { axis in
        let run = axis < end ? inner[end] + gap : 1
        return number(last * run * inner[(axis + 1)...].dropLast().reduce(1, *))
      }
    }
    let zero = KernelInteger.constant(0)
    let left = AffineIndex(
      offset: zero,
      strides: (leftTransposed ? outerStrides(m * leftTerms, 1, 0) : outerStrides(m * leftTerms, leftTerms, 0))
        + innerStrides(leftTransposed ? m : 1, gap: gap))
    let right = AffineIndex(
      offset: zero,
      strides: (rightTransposed
        ? outerStrides(sharesRight ? 0 : n * k, 0, k) : outerStrides(sharesRight ? 0 : n * k, 0, 1))
        + innerStrides(rightTransposed ? 1 : n))
    let output = AffineIndex(offset: zero, strides: outerStrides(m * n, n, 1))

    let stored = storedType ?? dtype
    var buffers = [
      KernelDefinition.Buffer(stored, isWritten: false), .init(stored, isWritten: false), .init(dtype, isWritten: true),
    ]
    let id = { (index: Int) in BodyID(rawValue: UInt32(index)) }
    var dotBody: [BodyInstruction] = [.load(BufferAccess(0, left)), .load(BufferAccess(1, right))]
    if stored != dtype {
      dotBody.append(.operation(.convert, operands: [id(0)], dtype: dtype))
      dotBody.append(.operation(.convert, operands: [id(1)], dtype: dtype))
    }
    let dot = KernelDefinition.Stage(
      inner: extents, body: dotBody, effects: [.reduce(.dot(id(dotBody.count - 1)), id(dotBody.count - 2))])
    var body: [BodyInstruction] = [.reduced(0)]
    var effects: [Effect] = []
    switch epilogue {
    case .none: effects = [.store(id(0), BufferAccess(2, output))]
    case .biasRelu:
      buffers.append(.init(dtype, isWritten: false))
      body += [
        .load(BufferAccess(3, AffineIndex(offset: zero, strides: outerStrides(0, 0, 1)))),
        .operation(.add, operands: [id(0), id(1)], dtype: dtype),
        .constant(.zero(dtype)),
        .operation(.maximum, operands: [id(2), id(3)], dtype: dtype),
      ]
      effects = [.store(id(4), BufferAccess(2, output))]
    case .residual:
      buffers += [.init(dtype, isWritten: false), .init(dtype, isWritten: true)]
      body += [
        .load(BufferAccess(3, output)), .operation(.add, operands: [id(0), id(1)], dtype: dtype),
        .operation(.add, operands: [id(0), id(0)], dtype: dtype),
      ]
      let transposed = AffineIndex(offset: zero, strides: outerStrides(m * n, 1, m))
      effects = [.store(id(2), BufferAccess(2, output)), .store(id(3), BufferAccess(4, transposed))]
    }
    let schedule = ContractionSchedule(
      ContractionTile(rows: tile.rows, columns: tile.columns, packsRight: packsRight, packsLeft: packsLeft)
    ).mapIntegers { extent($0.value([])) }
    let kernel = Kernel(
      KernelDefinition(
        buffers: buffers, integerCount: integers.count, outer: outer,
        stages: [dot, KernelDefinition.Stage(inner: [], body: body, effects: effects)],
        contraction: ContractionRoles(batchAxes: batches == nil ? 0 : 1, rowAxes: rows == nil ? 0 : 1)),
      .cpu(.contraction(schedule)))
    return (kernel, integers)
  }

  /// Elements of each buffer.
  var bufferCounts: [Int] {
    let (b, m, n) = (batches ?? 1, rows ?? 1, columns ?? 1)
    let counts = [b * m * leftTerms, (sharesRight ? 1 : b) * n * terms, b * m * n]
    return switch epilogue {
    case .none: counts
    case .biasRelu: counts + [n]
    case .residual: counts + [b * m * n, b * m * n]
    }
  }

  /// Where term `term` of an operand lies.
  func leftIndex(_ batch: Int, _ row: Int, _ term: Int) -> Int {
    let place = gap == 0 ? term : term + term / inner[inner.count - 1] * gap
    return batch * (rows ?? 1) * leftTerms + (leftTransposed ? place * (rows ?? 1) + row : row * leftTerms + place)
  }

  func rightIndex(_ batch: Int, _ column: Int, _ term: Int) -> Int {
    (sharesRight ? 0 : batch) * (columns ?? 1) * terms
      + (rightTransposed ? column * terms + term : term * (columns ?? 1) + column)
  }
}
