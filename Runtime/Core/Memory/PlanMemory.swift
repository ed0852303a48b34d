package import KilnIR

/// The constants of a plan in memory, which its runs share.
package final class PlanConstants: Sendable {
  private let buffer: HostBuffer
  private let offsets: [Int]

  package init(_ plan: ExecutionPlan) throws(RuntimeError) {
    var offsets: [Int] = []
    var byteCount = 0
    for literal in plan.constants {
      offsets.append(byteCount)
      byteCount += (literal.type.byteCount + 63) / 64 * 64
    }
    buffer = try HostBuffer(byteCount: byteCount)
    self.offsets = offsets
    for (literal, offset) in zip(plan.constants, offsets) { literal.store(to: buffer.pointer + offset) }
  }

  fileprivate func address(_ number: Int) -> UnsafeMutableRawPointer { buffer.pointer + offsets[number] }
}

/// What one run of a plan reads its addresses from: for every launch its table of pointers as machine code reads them.
/// Made once and reused; each call only fills in the addresses of its inputs and outputs, and of the arena where that
/// is another one.
// @unchecked: owned by one run at a time; `Executable` hands it from call to call under an atomic exchange.
package final class PlanMemory: @unchecked Sendable {
  private var arena: UnsafeMutableRawPointer?
  private let constants: PlanConstants
  /// Per launch a pointer for each buffer of its kernel, then the workspace; then, if the plan has regions, the address
  /// of each slot.
  private let pointerTable: UnsafeMutablePointer<UnsafeMutableRawPointer?>
  private let tableStart: [Int]
  private let slotStart: Int
  private let parameterPatches: UnsafeMutableBufferPointer<Patch>
  private let resultPatches: UnsafeMutableBufferPointer<Patch>
  /// The number of one is an offset in the arena.
  private let arenaPatches: UnsafeMutableBufferPointer<Patch>
  /// The entries that are elements of a repeat's turn, and which of them are those of the repeat at each step.
  private let elementPatches: UnsafeMutableBufferPointer<ElementPatch>
  private let elementsOfStep: [Range<Int>]
  /// The site of an index out of range, 0 for none; eight bytes on lies the index.
  package let status: UnsafeMutablePointer<Int32>
  package var failedIndex: Int64 { UnsafeRawPointer(status).load(fromByteOffset: 8, as: Int64.self) }

  /// Entry `entry` of the pointer table is the address of the parameter, result or slot `number`, or of an offset.
  private struct Patch {
    var entry: Int
    var number: Int
  }

  /// Entry `entry` is a part of what begins at entry `whole`.
  private struct ElementPatch {
    var entry: Int
    var whole: Int
    var byteCount: Int
  }

  package init(_ plan: ExecutionPlan, _ constants: PlanConstants) {
    self.constants = constants

    var (pointers, starts) = (0, [Int]())
    for launch in plan.launches {
      starts.append(pointers)
      pointers += launch.slots.count + 1
    }
    tableStart = starts
    let slotStart = pointers
    self.slotStart = slotStart
    let hasRegions = starts.count < plan.steps.count
    if hasRegions { pointers += plan.slots.count }
    let table = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: max(pointers, 1))
    table.initialize(repeating: nil, count: max(pointers, 1))
    pointerTable = table
    status = .allocate(capacity: 4)
    status.initialize(repeating: 0, count: 4)

    var (parameters, results, arena) = ([Patch](), [Patch](), [Patch]())
    var elements = [[ElementPatch]](repeating: [], count: hasRegions ? plan.steps.count : 0)
    func add(_ entry: Int, _ slot: Int) {
      switch plan.slots[slot].place {
      case .parameter(let number): parameters.append(Patch(entry: entry, number: number))
      case .result(let number): results.append(Patch(entry: entry, number: number))
      case .constant(let number): table[entry] = constants.address(number)
      case .arena(let offset): arena.append(Patch(entry: entry, number: offset))
      // Each thread of a chain has an address of its own.
      case .block: break
      case .element(let whole, let step):
        elements[step].append(
          ElementPatch(entry: entry, whole: slotStart + whole, byteCount: plan.slots[slot].type.byteCount))
      }
    }
    for (launch, start) in zip(plan.launches, starts) {
      for (position, slot) in launch.slots.enumerated() { add(start + position, slot) }
      if let workspace = launch.workspace {
        arena.append(Patch(entry: start + launch.slots.count, number: workspace))
      }
    }
    if hasRegions {
      for slot in plan.slots.indices { add(slotStart + slot, slot) }
    }
    var next = 0
    elementsOfStep = elements.map { patches in
      next += patches.count
      return next - patches.count..<next
    }
    elementPatches = .allocate(capacity: next)
    _ = elementPatches.initialize(from: elements.joined())
    parameterPatches = .allocate(capacity: parameters.count)
    _ = parameterPatches.initialize(from: parameters)
    resultPatches = .allocate(capacity: results.count)
    _ = resultPatches.initialize(from: results)
    arenaPatches = .allocate(capacity: arena.count)
    _ = arenaPatches.initialize(from: arena)
  }

  deinit {
    pointerTable.deallocate()
    status.deallocate()
    elementPatches.deallocate()
    parameterPatches.deallocate()
    resultPatches.deallocate()
    arenaPatches.deallocate()
  }

  /// Says where the arena is. Called before `bind`, for the first run and wherever it is another one.
  package func attach(arena: UnsafeMutableRawPointer) {
    if arena == self.arena { return }
    self.arena = arena
    for patch in arenaPatches { pointerTable[patch.entry] = arena + patch.number }
  }

  /// Fills in this call's addresses.
  package func bind(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>, _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) {
    for patch in parameterPatches {
      pointerTable[patch.entry] = UnsafeMutableRawPointer(mutating: inputs[patch.number])
    }
    for patch in resultPatches { pointerTable[patch.entry] = outputs[patch.number] }
    status.pointee = 0
  }

  /// Fills in the addresses of the elements that a turn of the repeat at `step` works on.
  package func begin(part: Int, ofStep step: Int) {
    for number in elementsOfStep[step] {
      let patch = elementPatches[number]
      pointerTable[patch.entry] = pointerTable[patch.whole]! + part * patch.byteCount
    }
  }

  /// The pointers of launch `number`, as its kernel's functions take them.
  package func pointers(_ number: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer?> {
    pointerTable + tableStart[number]
  }

  /// The address of slot `number` of a plan with regions, in this call and in the present turn of its repeats.
  package func address(_ number: Int) -> UnsafeMutableRawPointer { pointerTable[slotStart + number]! }
}

extension Literal {
  /// Writes all elements, as a buffer holds them.
  package func store(to start: UnsafeMutableRawPointer) {
    let width = type.dtype.byteCount
    for (index, bits) in allBits.enumerated() {
      var bits = bits.littleEndian
      withUnsafeBytes(of: &bits) { (start + index * width).copyMemory(from: $0.baseAddress!, byteCount: width) }
    }
  }
}
