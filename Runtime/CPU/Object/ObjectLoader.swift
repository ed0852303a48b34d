import Glibc
package import KilnRuntime

/// Machine code in memory. It stays as long as this object lives; whoever holds a pointer into it holds this too.
package final class LoadedObject: Sendable {
  private let block: CodeArena.Block
  private let functions: [String: Function]

  fileprivate struct Function: Sendable {
    let address: UInt
    let byteCount: Int
  }

  fileprivate init(block: CodeArena.Block, functions: [String: Function]) {
    self.block = block
    self.functions = functions
  }

  /// Bytes of memory that it takes.
  package var byteCount: Int { block.byteCount }

  /// The address of a function that the object defines.
  package func address(of symbol: String) -> UInt? { functions[symbol]?.address }

  /// The bytes of its code.
  func byteCount(of symbol: String) -> Int? { functions[symbol]?.byteCount }
}

/// Loads objects into the process: places their sections in a block of the arena, and puts the addresses in that their
/// code leaves open. Any thread may call.
package struct ObjectLoader: Sendable {
  package let arena = CodeArena()

  package init() {}

  /// Loads `object`.
  ///
  /// - Throws: `codeGeneration` for an object that needs what this process does not have, or with a relocation that is
  ///   not known here.
  package func load(_ object: [UInt8]) throws(RuntimeError) -> LoadedObject {
    let elf = try ELFObject(object)
    let layout = try ObjectLayout(elf)
    let block = try arena.block(layout.byteCount) { memory throws(RuntimeError) in try layout.write(elf, to: memory) }
    var functions: [String: LoadedObject.Function] = [:]
    for symbol in elf.symbols where !symbol.isLocal {
      guard let offset = layout.offset(of: symbol) else { continue }
      functions[symbol.name] = LoadedObject.Function(
        address: UInt(bitPattern: block.start) + UInt(offset), byteCount: symbol.size)
    }
    return LoadedObject(block: block, functions: functions)
  }
}

/// Where the parts of an object lie in its block: its sections, then for each function outside of it a slot with a jump
/// there, for calls reach two gigabytes at most.
private struct ObjectLayout {
  private var sectionOffsets: [Int?] = []
  /// By symbol.
  private var slots: [Int: Int] = [:]
  private(set) var byteCount = 0

  init(_ elf: ELFObject) throws(RuntimeError) {
    for section in elf.sections {
      // Tables for unwinding: kernels raise nothing.
      guard section.isLoaded, section.name != ".eh_frame" else {
        sectionOffsets.append(nil)
        continue
      }
      guard section.hasBytes, !section.isWritable || section.name.hasPrefix(".data.rel.ro") else {
        throw RuntimeError(.codeGeneration, "the code generator made a section that is written: \(section.name)")
      }
      byteCount = (byteCount + section.alignment - 1) / section.alignment * section.alignment
      sectionOffsets.append(byteCount)
      byteCount += section.size
    }
    byteCount = (byteCount + 15) / 16 * 16
    for relocation in elf.relocations where slots[relocation.symbol] == nil && isLoaded(relocation.section) {
      guard elf.symbols.indices.contains(relocation.symbol) else {
        throw RuntimeError(.codeGeneration, "the code generator's object names a symbol that it does not have")
      }
      let isOutside = elf.symbols[relocation.symbol].section == 0
      guard isOutside || Relocator.needsSlot(relocation.type, machine: elf.machine) else { continue }
      slots[relocation.symbol] = byteCount
      byteCount += Relocator.slotBytes
    }
  }

  private func isLoaded(_ section: Int) -> Bool {
    sectionOffsets.indices.contains(section) && sectionOffsets[section] != nil
  }

  /// Where a symbol of the object lies; nil for one outside, or in a section that is not loaded.
  func offset(of symbol: ELFObject.Symbol) -> Int? {
    guard symbol.section != 0, isLoaded(symbol.section), let base = sectionOffsets[symbol.section] else { return nil }
    return base + symbol.value
  }

  func write(_ elf: ELFObject, to memory: UnsafeMutableRawBufferPointer) throws(RuntimeError) {
    for (section, offset) in zip(elf.sections, sectionOffsets) {
      guard let offset else { continue }
      elf.bytes.withUnsafeBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: memory[offset..<offset + section.size])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[section.offset..<section.offset + section.size]))
      }
    }
    let relocator = Relocator(machine: elf.machine, memory: memory)
    for (number, slot) in slots {
      let symbol = elf.symbols[number]
      guard let address = offset(of: symbol).map(relocator.address) ?? Self.outside[symbol.name] else {
        throw RuntimeError(.codeGeneration, "the code generator called \(symbol.name) (Numerics B2)")
      }
      try relocator.writeSlot(at: slot, to: address)
    }
    for relocation in elf.relocations {
      guard isLoaded(relocation.section), let base = sectionOffsets[relocation.section] else { continue }
      let symbol = elf.symbols[relocation.symbol]
      let slot = slots[relocation.symbol]
      guard let target = offset(of: symbol) ?? slot else {
        throw RuntimeError(.codeGeneration, "the code generator's object needs \(symbol.name), which is not loaded")
      }
      try relocator.apply(
        relocation.type, at: base + relocation.offset, to: target, addend: relocation.addend, slot: slot)
    }
  }

  /// What code may call.
  private static let outside: [String: UInt] = {
    typealias Copy = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> UnsafeMutableRawPointer?
    typealias Fill = @convention(c) (UnsafeMutableRawPointer, Int32, Int) -> UnsafeMutableRawPointer?
    let copy: Copy = memcpy
    let move: Copy = memmove
    let fill: Fill = memset
    return [
      "memcpy": unsafeBitCast(copy, to: UInt.self), "memmove": unsafeBitCast(move, to: UInt.self),
      "memset": unsafeBitCast(fill, to: UInt.self),
    ]
  }()
}
