/// The checksum of zip files: CRC-32 of the polynomial 0xEDB88320, reflected.
enum CRC32 {
  /// Row k: the effect of a byte that k bytes follow.
  private static let tables: [[UInt32]] = {
    let first = (0..<UInt32(256)).map { byte in
      (0..<8).reduce(byte) { crc, _ in crc & 1 == 1 ? 0xEDB8_8320 ^ crc >> 1 : crc >> 1 }
    }
    var tables = [first]
    for _ in 1..<8 { tables.append(tables[tables.count - 1].map { $0 >> 8 ^ first[Int($0 & 255)] }) }
    return tables
  }()

  static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBytes { bytes in
      let table = tables.flatMap { $0 }
      return table.withUnsafeBufferPointer { table in
        var crc = UInt32.max
        var place = 0
        // Eight bytes at a time.
        while place + 8 <= bytes.count {
          let low = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt32.self)) ^ crc
          let high = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self))
          crc = 0
          for index in 0..<4 {
            let shift = UInt32(index * 8)
            crc ^=
              table[(7 - index) << 8 + Int(low >> shift & 255)] ^ table[(3 - index) << 8 + Int(high >> shift & 255)]
          }
          place += 8
        }
        while place < bytes.count {
          crc = crc >> 8 ^ table[Int((crc ^ UInt32(bytes[place])) & 255)]
          place += 1
        }
        return ~crc
      }
    }
  }
}
