import KilnRuntime

/// Puts addresses into code, as the supplements to ELF for x86-64 and for arm64 define it.
///
/// S is the address of the symbol, A the addend, P the place that is changed, G the address of a word that holds S.
struct Relocator {
  let machine: Int
  let memory: UnsafeMutableRawBufferPointer

  /// Bytes of a slot: a jump that reaches everything, and the word with its target.
  static let slotBytes = 16
  private static let wordOffset = 8
  private static let (x86, arm) = (62, 183)

  func address(_ offset: Int) -> UInt { UInt(bitPattern: memory.baseAddress) + UInt(offset) }

  /// Whether a relocation reads the address of its symbol from a word in memory.
  static func needsSlot(_ type: Int, machine: Int) -> Bool {
    machine == x86 ? [9, 41, 42].contains(type) : [311, 312].contains(type)
  }

  /// A jump to `target`, with the word that it reads.
  func writeSlot(at offset: Int, to target: UInt) throws(RuntimeError) {
    let jump: [UInt8]
    switch machine {
    // jmp *2(%rip)
    case Self.x86: jump = [0xff, 0x25, 2, 0, 0, 0]
    // ldr x16, #8; br x16
    case Self.arm: jump = [0x50, 0, 0, 0x58, 0, 2, 0x1f, 0xd6]
    default: throw unknown(0)
    }
    guard offset >= 0, offset + Self.slotBytes <= memory.count else { throw unknown(0) }
    for (index, byte) in jump.enumerated() { memory[offset + index] = byte }
    memory.storeBytes(of: UInt64(target).littleEndian, toByteOffset: offset + Self.wordOffset, as: UInt64.self)
  }

  /// Changes the place at `offset` of the memory.
  /// - Parameters:
  ///   - target: where the symbol lies in the memory, or the jump to it.
  ///   - slot: where the slot of the symbol lies.
  func apply(_ type: Int, at offset: Int, to target: Int, addend: Int, slot: Int?) throws(RuntimeError) {
    let place = Int(bitPattern: address(offset))
    let value = Int(bitPattern: address(target)) + addend
    let word = slot.map { Int(bitPattern: address($0)) + Self.wordOffset }
    guard machine == Self.x86 else { return try applyToARM(type, at: offset, place, value, word.map { $0 + addend }) }
    switch type {
    case 1: try store(Int64(value), at: offset)  // S + A
    case 2, 4: try store(Int32(exactly: value - place), at: offset)  // S + A - P
    case 24: try store(Int64(value - place), at: offset)
    case 9, 41, 42: try store(Int32(exactly: (word ?? 0) + addend - place), at: offset)  // G + A - P
    default: throw unknown(type)
    }
  }

  private func applyToARM(_ type: Int, at offset: Int, _ place: Int, _ value: Int, _ word: Int?) throws(RuntimeError) {
    func page(_ address: Int) -> Int { address >> 12 }
    /// The low bits of an address in the immediate of a load or store of 2^shift bytes.
    func low(_ address: Int, _ shift: Int) throws(RuntimeError) {
      guard address & ((1 << shift) - 1) == 0 else { throw unknown(type) }
      try patch(at: offset, mask: 0xfff << 10, ((address & 0xfff) >> shift) << 10)
    }
    func pageDistance(_ address: Int) throws(RuntimeError) {
      let distance = page(address) - page(place)
      guard (-(1 << 20)..<1 << 20).contains(distance) else { throw unknown(type) }
      try patch(at: offset, mask: 3 << 29 | 0x7ffff << 5, (distance & 3) << 29 | (distance >> 2 & 0x7ffff) << 5)
    }
    switch type {
    case 257: try store(Int64(value), at: offset)
    case 260: try store(Int64(value - place), at: offset)
    case 261: try store(Int32(exactly: value - place), at: offset)
    case 275: try pageDistance(value)
    case 277, 278: try low(value, 0)
    case 284: try low(value, 1)
    case 285: try low(value, 2)
    case 286: try low(value, 3)
    case 299: try low(value, 4)
    case 282, 283:
      let distance = value - place
      guard (-(1 << 27)..<1 << 27).contains(distance), distance & 3 == 0 else { throw unknown(type) }
      try patch(at: offset, mask: 0x3ff_ffff, distance >> 2 & 0x3ff_ffff)
    case 311: try pageDistance(word ?? 0)
    case 312: try low(word ?? 0, 3)
    default: throw unknown(type)
    }
  }

  private func store<Number: FixedWidthInteger & BitwiseCopyable>(_ number: Number?, at offset: Int)
    throws(RuntimeError)
  {
    guard let number, offset >= 0, offset + MemoryLayout<Number>.size <= memory.count else { throw unknown(0) }
    memory.storeBytes(of: number.littleEndian, toByteOffset: offset, as: Number.self)
  }

  /// Sets the bits `mask` of an instruction.
  private func patch(at offset: Int, mask: Int, _ bits: Int) throws(RuntimeError) {
    guard offset >= 0, offset + 4 <= memory.count else { throw unknown(0) }
    let old = UInt32(littleEndian: memory.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    try store(old & ~UInt32(mask) | UInt32(bits), at: offset)
  }

  private func unknown(_ type: Int) -> RuntimeError {
    RuntimeError(
      .codeGeneration, "the code generator's object has a relocation that cannot be applied (\(machine), \(type))")
  }
}
