import KilnIR
import KilnRuntime

/// The turned schedule: pointwise work on square tiles, for operands that lie along another axis than the results.
extension KernelEmitter {
  func emitTurned(axis: Int, lanes: Int, grain: Int) throws(RuntimeError) {
    guard let extent = kernel.outer.last.map(value) else { throw unsupported("a turned kernel without axes") }
    let last = kernel.outer.count - 1
    let rows = value(kernel.outer[axis])
    var units = kernel.outer.map(value)
    units[axis] = ceilDivide(rows, lanes)
    units[last] = ceilDivide(extent, grain)
    try unitLoop(units) { _, coordinates throws(RuntimeError) in
      let firstRow = multiply(coordinates[axis], module.index(lanes))
      let endRow = smaller(add(firstRow, module.index(lanes)), rows)
      let from = multiply(coordinates[last], module.index(grain))
      let to = smaller(add(from, module.index(grain)), extent)
      var outer: [LLVMValue?] = coordinates
      outer[axis] = nil
      outer[last] = nil
      let frame = frame(ofStage: 0, coordinates: outer, varying: [axis, last], lanes: lanes)
      func point(row: LLVMValue, column: LLVMValue) -> Point {
        var point = Point(lanes: lanes, coordinates: outer)
        point.coordinates[axis] = row
        point.coordinates[last] = column
        point.vectorAxis = last
        return point
      }
      let count = module.binary(.sub, to, from)
      let whole = module.binary(.sub, count, module.binary(.urem, count, module.index(lanes)))
      let isFull = module.compare(.eq, module.binary(.sub, endRow, firstRow), module.index(lanes))
      let middle = add(from, module.select(isFull, whole, module.index(0)))
      _ = try loop(from: from, to: middle, step: lanes) { column, _ throws(RuntimeError) in
        let turned = turnedLoads(frame, axis: axis, last: last, point(row: firstRow, column: column))
        for row in 0..<lanes {
          var values = BodyValues(frame: frame, point: point(row: add(firstRow, module.index(row)), column: column))
          for (id, vectors) in turned { values.known[id] = vectors[row] }
          emitEffects(&values)
        }
        return []
      }
      // What is left of the tile: row after row.
      _ = try loop(from: firstRow, to: endRow) { row, _ throws(RuntimeError) in
        _ = try loop(from: middle, to: to, step: lanes) { column, _ throws(RuntimeError) in
          var point = point(row: row, column: column)
          point.mask = mask(count: module.binary(.sub, to, column), lanes)
          var values = BodyValues(frame: frame, point: point)
          emitEffects(&values)
          return []
        }
        return []
      }
    }
  }

  /// For each load whose elements lie side by side along `axis` and not along the last axis: a vector for each row of
  /// the tile, made of vectors along the columns.
  private func turnedLoads(
    _ frame: StageFrame, axis: Int, last: Int, _ corner: Point
  ) -> [(id: Int, rows: [LLVMValue])] {
    var turned: [(id: Int, rows: [LLVMValue])] = []
    for (number, instruction) in frame.stage.body.enumerated() {
      guard let index = instruction.plainAccess?.index, index.strides[axis] == .constant(1),
        index.strides[last] != .constant(0), index.strides[last] != .constant(1), let column = corner.coordinates[last]
      else { continue }
      let columns = (0..<corner.lanes).map { lane -> LLVMValue in
        var point = corner
        point.vectorAxis = axis
        point.coordinates[last] = add(column, module.index(lane))
        var values = BodyValues(frame: frame, point: point)
        return evaluate(BodyID(number), &values)
      }
      turned.append((number, transposed(columns)))
    }
    return turned
  }

  /// Lane i of vector j becomes lane j of vector i, by exchanging ever smaller blocks of pairs of vectors.
  func transposed(_ vectors: [LLVMValue]) -> [LLVMValue] {
    var vectors = vectors
    let count = vectors.count
    var step = count / 2
    while step > 0 {
      let low = (0..<count).map { $0 & step == 0 ? $0 : count + $0 - step }
      let high = (0..<count).map { $0 & step == 0 ? $0 + step : count + $0 }
      for first in 0..<count where first & step == 0 {
        let (a, b) = (vectors[first], vectors[first + step])
        vectors[first] = module.shuffle(a, b, lanes: low)
        vectors[first + step] = module.shuffle(a, b, lanes: high)
      }
      step /= 2
    }
    return vectors
  }
}
