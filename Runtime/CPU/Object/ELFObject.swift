import KilnRuntime

/// A relocatable ELF object as the code generator writes it: sections, symbols and relocations, read with every number
/// checked against the file's end.
struct ELFObject {
  struct Section {
    var name: String
    var type: Int
    var flags: Int
    var offset: Int
    var size: Int
    var alignment: Int
    /// Of a relocation table: the section that it changes.
    var target: Int

    /// Whether it is part of the running program.
    var isLoaded: Bool { flags & 2 != 0 && size > 0 }
    var isWritable: Bool { flags & 1 != 0 }
    var isExecutable: Bool { flags & 4 != 0 }
    /// Whether its bytes are in the file.
    var hasBytes: Bool { type != 8 }
  }

  struct Symbol {
    var name: String
    /// 0 for one that another object defines.
    var section: Int
    var value: Int
    var size: Int
    var isLocal: Bool
  }

  struct Relocation {
    /// The section that it changes, and where.
    var section: Int
    var offset: Int
    var type: Int
    var symbol: Int
    var addend: Int
  }

  let bytes: [UInt8]
  /// The number of the processor's architecture: 62 for x86-64, 183 for arm64.
  let machine: Int
  private(set) var sections: [Section] = []
  private(set) var symbols: [Symbol] = []
  private(set) var relocations: [Relocation] = []

  /// Functions and data that the object uses and does not define.
  var undefined: [String] { symbols.filter { $0.section == 0 && !$0.name.isEmpty }.map(\.name) }

  /// - Throws: `RuntimeError` of kind `codeGeneration` if `object` is not a 64-bit little-endian ELF file.
  init(_ object: [UInt8]) throws(RuntimeError) {
    bytes = object
    let reader = Reader(bytes: object)
    guard object.count >= 64, object[..<6].elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1]) else {
      throw RuntimeError(.codeGeneration, "the code generator's object is no ELF file")
    }
    guard let machine = reader.number(at: 18, UInt16.self), let table = reader.number(at: 40, UInt64.self),
      let size = reader.number(at: 58, UInt16.self), let count = reader.number(at: 60, UInt16.self),
      let names = reader.number(at: 62, UInt16.self)
    else { throw Self.cutShort }
    self.machine = machine
    guard size >= 64, table <= object.count - count * size else { throw Self.cutShort }
    guard let namesOffset = reader.number(at: table + names * size + 24, UInt64.self) else { throw Self.cutShort }
    for number in 0..<count {
      guard let section = reader.section(at: table + number * size, names: namesOffset) else { throw Self.cutShort }
      sections.append(section)
    }
    for (number, section) in sections.enumerated() {
      switch section.type {
      case 2: try readSymbols(section, table + number * size, reader)
      case 4: try readRelocations(section, reader)
      default: break
      }
    }
  }

  private static var cutShort: RuntimeError {
    RuntimeError(.codeGeneration, "the code generator's object is cut short")
  }

  private mutating func readSymbols(_ section: Section, _ header: Int, _ reader: Reader) throws(RuntimeError) {
    guard let link = reader.number(at: header + 40, UInt32.self), sections.indices.contains(link) else {
      throw Self.cutShort
    }
    for place in stride(from: section.offset, to: section.offset + section.size, by: 24) {
      guard let name = reader.number(at: place, UInt32.self), let info = reader.number(at: place + 4, UInt8.self),
        let index = reader.number(at: place + 6, UInt16.self), let value = reader.number(at: place + 8, UInt64.self),
        let size = reader.number(at: place + 16, UInt64.self)
      else { throw Self.cutShort }
      symbols.append(
        Symbol(
          name: reader.text(at: sections[link].offset + name), section: index, value: value, size: size,
          isLocal: info >> 4 == 0))
    }
  }

  private mutating func readRelocations(_ section: Section, _ reader: Reader) throws(RuntimeError) {
    for place in stride(from: section.offset, to: section.offset + section.size, by: 24) {
      guard let offset = reader.number(at: place, UInt64.self), let type = reader.number(at: place + 8, UInt32.self),
        let symbol = reader.number(at: place + 12, UInt32.self), let addend = reader.number(at: place + 16, Int64.self)
      else { throw Self.cutShort }
      relocations.append(
        Relocation(section: section.target, offset: offset, type: type, symbol: symbol, addend: addend))
    }
  }

  private struct Reader {
    let bytes: [UInt8]

    func number<Number: FixedWidthInteger & BitwiseCopyable>(at offset: Int, _: Number.Type) -> Int? {
      guard offset >= 0, offset <= bytes.count - MemoryLayout<Number>.size else { return nil }
      let number = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
      return Int(exactly: Number(littleEndian: number))
    }

    func text(at offset: Int) -> String {
      guard bytes.indices.contains(offset) else { return "" }
      return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }

    func section(at header: Int, names: Int) -> Section? {
      guard let name = number(at: header, UInt32.self), let type = number(at: header + 4, UInt32.self),
        let flags = number(at: header + 8, UInt64.self), let offset = number(at: header + 24, UInt64.self),
        let size = number(at: header + 32, UInt64.self), let target = number(at: header + 44, UInt32.self),
        let alignment = number(at: header + 48, UInt64.self), offset <= bytes.count,
        type == 8 || size <= bytes.count - offset
      else { return nil }
      return Section(
        name: text(at: names + name), type: type, flags: flags, offset: offset, size: size,
        alignment: max(1, alignment), target: target)
    }
  }
}
