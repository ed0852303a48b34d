import KilnIR
import KilnRuntime

/// The first of a line's keys in ascending order, without sorting the others: those that are less than the greatest of
/// the ones held so far are found a vector at a time, and few are.
extension KernelEmitter {
  /// Stores the number of the i-th key in ascending order at element i, for the `first` ones.
  func emitSelection(
    _ first: Int, _ dtype: DType, _ count: LLVMValue, _ key: BodyID, _ access: BufferAccess, _ number: Int,
    _ coordinates: [LLVMValue]
  ) throws(RuntimeError) {
    guard first > 0 else { return }
    let (type, lanes, axis) = (memoryType(dtype), Self.rowLanes, coordinates.count)
    let frame = frame(ofStage: number, coordinates: coordinates + [nil], varying: [axis], lanes: lanes)
    let line = Line(
      keys: scratch, numbers: module.offset(scratch, module.index(8 * LineOperation.mostSelected), of: module.int8))
    func values(at element: LLVMValue) -> BodyValues {
      BodyValues(frame: frame, point: Point(coordinates: coordinates + [element]))
    }
    func insertElement(_ element: LLVMValue, at end: LLVMValue) {
      var values = values(at: element)
      let key = evaluate(key, &values)
      insert(key, module.cast(.trunc, element, to: module.int32), at: end, line, type, dtype)
    }
    let held = smaller(count, module.index(first))
    _ = try loop(from: module.index(0), to: held) { element, _ in
      insertElement(element, at: element)
      return []
    }
    let last = add(held, module.index(-1))
    func isLess(_ keys: LLVMValue, _ lanes: Int) -> LLVMValue {
      module.compare(.ult, keys, module.broadcast(load(line.keys, last, type, dtype), lanes))
    }
    _ = try loop(from: held, to: count, step: lanes) { start, _ throws(RuntimeError) in
      let rest = module.binary(.sub, count, start)
      var point = Point(lanes: lanes, coordinates: coordinates + [start], vectorAxis: axis)
      point.mask = mask(count: rest, lanes)
      var vector = BodyValues(frame: frame, point: point)
      let less = module.binary(.and, isLess(evaluate(key, &vector), lanes), point.mask!)
      let bits = module.cast(.bitcast, less, to: module.int32)
      return try branch(if: module.compare(.ne, bits, module.constant(0, module.int32))) { () throws(RuntimeError) in
        _ = try loop(from: start, to: add(start, smaller(rest, module.index(lanes)))) {
          element, _ throws(RuntimeError) in
          var values = values(at: element)
          return try branch(if: isLess(evaluate(key, &values), 1)) {
            insertElement(element, at: last)
            return []
          }
        }
        return []
      }
    }
    _ = try loop(from: module.index(0), to: held) { element, _ in
      store(load(line.numbers, element, module.int32, .i32), to: access, values(at: element))
      return []
    }
  }
}
