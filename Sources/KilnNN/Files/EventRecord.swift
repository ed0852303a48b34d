/// A record of a TensorBoard event file.
///
/// Source of the formats: the comments of TensorFlow's `record_writer.h` (length, checksum, data, checksum), RFC 3720,
/// appendix B.4 (CRC-32C), and the messages `Event` and `Summary` of its `event.proto` and `summary.proto`, in the
/// encoding of protocol buffers.
enum EventRecord {
  /// The first event of a file, which has its version.
  static func start(time: Double) -> [UInt8] {
    framed(double(1, time) + bytes(3, Array("brain.Event:2".utf8)))
  }

  /// The numbers of a step, by their tags.
  static func scalars(_ values: [(tag: String, value: Double)], step: Int, time: Double) -> [UInt8] {
    let summary = values.flatMap { tag, value in bytes(1, bytes(1, Array(tag.utf8)) + float(2, Float(value))) }
    return framed(double(1, time) + varint(2 << 3) + varint(UInt64(step)) + bytes(5, summary))
  }

  /// The record of an event.
  static func framed(_ event: [UInt8]) -> [UInt8] {
    let length = littleEndian(UInt64(event.count))
    return length + littleEndian(masked(length)) + event + littleEndian(masked(event))
  }

  // MARK: - Fields of protocol buffers

  private static func double(_ field: UInt64, _ value: Double) -> [UInt8] {
    varint(field << 3 | 1) + littleEndian(value.bitPattern)
  }

  private static func float(_ field: UInt64, _ value: Float) -> [UInt8] {
    varint(field << 3 | 5) + littleEndian(value.bitPattern)
  }

  private static func bytes(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(content.count)) + content
  }

  /// Seven bits in a byte, the least first; the high bit says that more follow.
  private static func varint(_ value: UInt64) -> [UInt8] {
    var (rest, result): (UInt64, [UInt8]) = (value, [])
    while rest > 0x7F {
      result.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return result + [UInt8(rest)]
  }

  private static func littleEndian<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] {
    withUnsafeBytes(of: word.littleEndian, Array.init)
  }

  // MARK: - Checksums

  /// The checksum as it is stored, so that one over data with a checksum in it is not trivial.
  private static func masked(_ data: [UInt8]) -> UInt32 {
    let sum = checksum(data)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }

  /// CRC-32C.
  static func checksum(_ data: [UInt8]) -> UInt32 {
    var sum: UInt32 = ~0
    for byte in data { sum = table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] ^ (sum >> 8) }
    return ~sum
  }

  /// The remainders of single bytes by Castagnoli's polynomial, bits reversed.
  private static let table: [UInt32] = (0..<256).map { (byte: UInt32) -> UInt32 in
    var value = byte
    for _ in 0..<8 { value = (value >> 1) ^ (value & 1 == 0 ? 0 : 0x82F6_3B78) }
    return value
  }
}
