package import KilnRuntime

/// The symbols of an ELF object, read from its table.
package struct ObjectSymbols {
  /// Functions and data that the object uses and does not define.
  package private(set) var undefined: [String] = []
  /// What it defines for others.
  package private(set) var defined: [String] = []

  /// - Throws: `RuntimeError` of kind `codeGeneration` if `object` is no 64-bit little-endian ELF file.
  package init(_ object: [UInt8]) throws(RuntimeError) {
    let reader = Reader(bytes: object)
    guard object.count >= 64, object[..<6].elementsEqual([0x7f, 0x45, 0x4c, 0x46, 2, 1]),
      let sectionTable = reader.number(at: 40, 8), let sectionSize = reader.number(at: 58, 2),
      let sectionCount = reader.number(at: 60, 2)
    else { throw RuntimeError(.codeGeneration, "the code generator's object is no ELF file") }
    for section in 0..<sectionCount {
      let header = sectionTable + section * sectionSize
      let symbolTable = 2
      guard reader.number(at: header + 4, 4) == symbolTable else { continue }
      guard let names = reader.number(at: header + 40, 4), let start = reader.number(at: header + 24, 8),
        let size = reader.number(at: header + 32, 8),
        let namesStart = reader.number(at: sectionTable + names * sectionSize + 24, 8)
      else { throw RuntimeError(.codeGeneration, "the code generator's object is cut short") }
      for symbol in stride(from: start, to: start + size, by: 24) {
        guard let name = reader.number(at: symbol, 4), let info = reader.number(at: symbol + 4, 1),
          let place = reader.number(at: symbol + 6, 2)
        else { throw RuntimeError(.codeGeneration, "the code generator's object is cut short") }
        let text = reader.text(at: namesStart + name)
        guard !text.isEmpty else { continue }
        if place == 0 { undefined.append(text) } else if info >> 4 != 0 { defined.append(text) }
      }
    }
  }

  private struct Reader {
    let bytes: [UInt8]

    func number(at offset: Int, _ size: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - size else { return nil }
      let value = (0..<size).reduce(UInt64(0)) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
      return Int(exactly: value)
    }

    func text(at offset: Int) -> String {
      guard bytes.indices.contains(offset) else { return "" }
      return String(decoding: bytes[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
