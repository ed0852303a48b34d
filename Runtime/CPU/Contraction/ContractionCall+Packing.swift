import KilnIR

/// Packing, and where operands lie.
extension ContractionCall {
  typealias Buffers = UnsafePointer<UnsafeMutableRawPointer?>

  /// Phase 0: work units are (right batch, column panel).
  static func packRight(_ call: UnsafePointer<Fields>, _ buffers: Buffers, _ begin: Int, _ end: Int) {
    guard call.pointee.packsRight else { return }
    let (panels, tileColumns, terms) = (call.pointee.panels, call.pointee.tileColumns, call.pointee.terms)
    var unit = begin
    while unit < end {
      let batch = unit / panels
      let batchEnd = min(end, (batch + 1) * panels)
      let operand = base(call, call.pointee.right, buffers, batch: batch)
      for first in stride(from: 0, to: terms, by: call.pointee.packingRight.termsAtOnce) {
        let count = min(call.pointee.packingRight.termsAtOnce, terms - first)
        for unit in unit..<batchEnd {
          let column = (unit - batch * panels) * tileColumns
          let target = buffers[call.pointee.workspace]! + unit * call.pointee.panelBytes
          pack(
            call.pointee.packingRight, UnsafeRawPointer(operand + column * call.pointee.right.place),
            target + first * call.pointee.tileRow, places: min(tileColumns, call.pointee.columns - column),
            first: first, count: count)
        }
      }
      unit = batchEnd
    }
  }

  /// The first element of an operand in a batch.
  static func base(
    _ call: UnsafePointer<Fields>, _ operand: Operand, _ buffers: Buffers, batch: Int
  ) -> UnsafeMutableRawPointer {
    var address = buffers[operand.buffer]! + operand.offset
    var rest = batch
    var axis = call.pointee.batchAxes - 1
    while axis >= 0 && rest > 0 {
      let outer = rest / call.pointee.batchExtents[axis]
      address += (rest - outer * call.pointee.batchExtents[axis]) * operand.batch[axis]
      rest = outer
      axis -= 1
    }
    return address
  }

  /// Packs `count` terms of a panel or a row block from term `first` on.
  static func pack(
    _ packing: Packing, _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, places: Int, first: Int,
    count: Int
  ) {
    var target = target
    packRuns(packing, axis: 0, source, &target, places, first, count)
  }

  /// Terms `first ..< first + count` of those along the axes from `axis` on.
  private static func packRuns(
    _ packing: Packing, axis: Int, _ source: UnsafeRawPointer, _ target: inout UnsafeMutableRawPointer, _ places: Int,
    _ first: Int, _ count: Int
  ) {
    if count == 0 { return }
    let (step, inner) = (packing.axes[3 * axis + 1], packing.axes[3 * axis + 2])
    guard axis < packing.axisCount - 1 else {
      packing.function!(source + first * step, target, places, count, packing.place, step)
      target += count * packing.width
      return
    }
    var number = first / inner
    var (start, rest) = (first - number * inner, count)
    while rest > 0 {
      let length = min(inner - start, rest)
      packRuns(packing, axis: axis + 1, source + number * step, &target, places, start, length)
      (number, start, rest) = (number + 1, 0, rest - length)
    }
  }
}
