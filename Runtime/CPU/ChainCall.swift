import KilnIR
import KilnRuntime

/// What the blocks of a launch chain read, in memory that outlives them. It is called as a phase is; its work units are
/// blocks, and its buffers those of all its launches, one table behind the other.
// @unchecked: nothing changes once it is made.
final class ChainCall: @unchecked Sendable {
  private let fields: UnsafeMutablePointer<Fields>
  private let parts: UnsafeMutableBufferPointer<Part>
  private let places: UnsafeMutableBufferPointer<Place>
  /// Bytes of scratch for each thread.
  let scratchBytes: Int

  private struct Fields {
    var parts: UnsafeMutableBufferPointer<Part>
    var places: UnsafeMutableBufferPointer<Place>
    var rows: Int
    var rowsAtOnce: Int
    var blocksPerBatch: Int
    /// Entries of the tables of buffers.
    var entries: Int
    /// Where a thread's own table and its block lie in its scratch, behind what the launches use.
    var tableOffset: Int
    var blockOffset: Int
  }

  /// The last phase of a launch.
  private struct Part {
    var entry: CompiledCode.Phase
    var arguments: UnsafePointer<Int>
    /// Its first entry in the table of buffers.
    var table: Int
    var units: RowUnits
    var unitsPerBatch: Int
  }

  /// An entry of the table of buffers that lies in the block: its first row is that of the block.
  private struct Place {
    var entry: Int
    var offset: Int
    var rowBytes: Int
  }

  init(_ chain: LaunchChain, _ plan: ExecutionPlan, _ code: [LaunchCode]) {
    let launches = plan.launches(of: chain)
    var (entries, parts, places) = (0, [Part](), [Place]())
    for (launch, code) in zip(launches, code) {
      let kernel = plan.kernels[launch.kernel]
      guard
        let units = kernel.schedule.cpu?.rowUnits(
          kernel.definition, batches: chain.batches, rows: chain.rows, launch.integers)
      else { preconditionFailure("the launches of a chain have rows") }
      parts.append(
        Part(
          entry: code.rows, arguments: code.arguments, table: entries, units: units,
          unitsPerBatch: ceilDivide(chain.rows, units.rows) * units.perStep))
      for (number, slot) in launch.slots.enumerated() {
        guard case .block(let offset) = plan.slots[slot].place else { continue }
        places.append(
          Place(
            entry: entries + number, offset: offset, rowBytes: plan.slots[slot].type.byteCount / chain.rowCount))
      }
      entries += launch.slots.count + 1
    }
    self.parts = .allocate(capacity: parts.count)
    _ = self.parts.initialize(from: parts)
    self.places = .allocate(capacity: places.count)
    _ = self.places.initialize(from: places)
    func aligned(_ bytes: Int) -> Int { ceilDivide(bytes, 64) * 64 }
    let tableOffset = aligned(
      launches.map { plan.kernels[$0.kernel].scratchBytes($0.integers) }.max() ?? 0)
    let blockOffset = tableOffset + aligned(8 * entries)
    // Vectors may run over the end of the last row, as over that of a scratch row.
    scratchBytes = blockOffset + aligned(plan.blockBytes(of: chain)) + 128
    fields = .allocate(capacity: 1)
    fields.initialize(
      to: Fields(
        parts: self.parts, places: self.places, rows: chain.rows, rowsAtOnce: chain.rowsAtOnce,
        blocksPerBatch: chain.blocksPerBatch, entries: entries, tableOffset: tableOffset, blockOffset: blockOffset))
  }

  deinit {
    fields.deallocate()
    parts.deallocate()
    places.deallocate()
  }

  var arguments: UnsafePointer<Int> { UnsafeRawPointer(fields).assumingMemoryBound(to: Int.self) }

  static let phase: CompiledCode.Phase = { buffers, call, begin, end, scratch, status in
    let fields = UnsafeRawPointer(call).assumingMemoryBound(to: Fields.self)
    let table = (scratch! + fields.pointee.tableOffset).assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    table.update(from: buffers, count: fields.pointee.entries)
    for block in begin..<end { run(block, fields, table, scratch!, status) }
  }

  /// All launches for the rows of one block.
  private static func run(
    _ block: Int, _ fields: UnsafePointer<Fields>, _ table: UnsafeMutablePointer<UnsafeMutableRawPointer?>,
    _ scratch: UnsafeMutableRawPointer, _ status: UnsafeMutablePointer<Int32>
  ) {
    let batch = block / fields.pointee.blocksPerBatch
    let first = (block - batch * fields.pointee.blocksPerBatch) * fields.pointee.rowsAtOnce
    let end = min(first + fields.pointee.rowsAtOnce, fields.pointee.rows)
    let memory = scratch + fields.pointee.blockOffset
    for place in fields.pointee.places {
      table[place.entry] = memory + place.offset - (batch * fields.pointee.rows + first) * place.rowBytes
    }
    for part in fields.pointee.parts {
      let start = batch * part.unitsPerBatch
      part.entry(
        table + part.table, part.arguments, start + first / part.units.rows * part.units.perStep,
        start + ceilDivide(end, part.units.rows) * part.units.perStep, scratch, status)
    }
  }
}
