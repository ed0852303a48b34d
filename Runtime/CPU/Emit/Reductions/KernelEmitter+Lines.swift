import KilnIR
import KilnRuntime

/// Effects that make a line of results out of a line of values: scans (R4) and sorts.
extension KernelEmitter {
  /// A stage with a scan or a sort at one outer point, element after element.
  func emitLineStage(_ number: Int, _ coordinates: [LLVMValue]) throws(RuntimeError) {
    let stage = kernel.stages[number]
    let inner = Array(coordinates.count..<coordinates.count + stage.inner.count)
    let count = product(of: stage.inner)
    _ = try branch(if: module.compare(.sgt, count, module.index(0))) { () throws(RuntimeError) in
      let frame = frame(ofStage: number, coordinates: coordinates + inner.map { _ in nil }, varying: inner, lanes: 1)
      func values(at element: LLVMValue) -> BodyValues {
        let place = stage.inner.count == 1 ? [element] : self.coordinates(of: element, in: stage.inner.map(value))
        return BodyValues(frame: frame, point: Point(coordinates: coordinates + place))
      }
      for case .line(let operation, let id, let access) in stage.effects {
        let dtype = kernel.dtype(of: id, in: stage.body)
        switch operation {
        case .scanReduce(let kind):
          try emitScan(kind, dtype, count, lines: 1, lanes: 1) { element, _ in
            values(at: element)
          } value: { values, _ in
            self.evaluate(id, &values)
          } store: { result, values, _ in
            self.store(result, to: access, values)
          }
        case .argSort(let first?) where operation.isSelection:
          try emitSelection(first, dtype, count, id, access, number, coordinates)
        case .argSort(let first):
          try emitSort(dtype, count, first: first, elementBytes: operation.scratchBytesPerElement) { element in
            var values = values(at: element)
            return self.evaluate(id, &values)
          } store: { result, element in
            self.store(result, to: access, values(at: element))
          }
        }
      }
      return []
    }
  }

  /// The columns of a strip, some vectors of them at a time: a running value for each in registers.
  func emitColumnScan(_ frame: StageFrame, _ count: LLVMValue, _ strip: ColumnStrip) throws(RuntimeError) {
    guard case .line(.scanReduce(let kind), let id, let access)? = frame.stage.effects.first else { return }
    let dtype = kernel.dtype(of: id, in: frame.stage.body)
    try columnLoop(strip, copies: copies(frame.stage, 2)) { points throws(RuntimeError) in
      try emitScan(kind, dtype, count, lines: points.count, lanes: ColumnStrip.lanes) { row, line in
        BodyValues(frame: frame, point: self.at(row, points[line], frame.stage))
      } value: { values, _ in
        self.evaluate(id, &values)
      } store: { result, values, _ in
        self.store(result, to: access, values)
      }
    }
  }

  /// Runs along `lines` of `count` elements side by side, each of `lanes` lanes. Blocked kinds keep the fold of the
  /// earlier blocks beside the running value of the block; it starts with the neutral value, which is exact (R2).
  private func emitScan(
    _ kind: ReductionKind, _ dtype: DType, _ count: LLVMValue, lines: Int, lanes: Int,
    point: (LLVMValue, Int) -> BodyValues, value: (inout BodyValues, Int) -> LLVMValue,
    store: (LLVMValue, BodyValues, Int) -> Void
  ) throws(RuntimeError) {
    let isBlocked = kind.isBlocked(dtype)
    let start = Array(repeating: neutral(kind, dtype, lanes), count: lines)
    func run(from first: LLVMValue, to end: LLVMValue, after before: [LLVMValue]?) throws(RuntimeError) -> [LLVMValue] {
      try loop(from: first, to: end, carrying: start) { element, running in
        // All lines are read before the first is written.
        var points = (0..<lines).map { point(element, $0) }
        let next = (0..<lines).map { combine(kind, running[$0], value(&points[$0], $0), dtype, lanes) }
        for line in 0..<lines {
          let result = before.map { combine(kind, $0[line], next[line], dtype, lanes) } ?? next[line]
          store(result, points[line], line)
        }
        return next
      }
    }
    guard isBlocked else {
      _ = try run(from: module.index(0), to: count, after: nil)
      return
    }
    let size = KernelDefinition.reductionBlock
    _ = try loop(from: module.index(0), to: count, step: size, carrying: start) { block, before throws(RuntimeError) in
      let end = smaller(add(block, module.index(size)), count)
      let totals = try run(from: block, to: end, after: before)
      return (0..<lines).map { combine(kind, before[$0], totals[$0], dtype, lanes) }
    }
  }
}
