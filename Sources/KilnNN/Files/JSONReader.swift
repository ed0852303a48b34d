/// Reads JSON (RFC 8259) whose form is known beforehand: the caller says what comes next.
///
/// It is strict: no comments, no commas at an end, no control characters in strings, no half of a surrogate pair, and
/// no key twice in an object. Numbers are whole and not negative; nothing else is needed here.
struct JSONReader {
  /// What was expected and what was found.
  struct Malformed: Error {
    var message: String
  }

  private let bytes: UnsafeRawBufferPointer
  private(set) var position = 0

  /// - Parameter bytes: valid UTF-8, which stays as long as the reader is used.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// An object; `member` reads the value of each key.
  mutating func object(_ member: (inout JSONReader, String) throws(Malformed) -> Void) throws(Malformed) {
    try expect("{")
    if take("}") { return }
    var keys: Set<String> = []
    repeat {
      let key = try string()
      guard keys.insert(key).inserted else { throw Malformed(message: "the key '\(key)' stands there twice") }
      try expect(":")
      try member(&self, key)
    } while take(",")
    try expect("}")
  }

  /// An array of whole numbers.
  mutating func numbers() throws(Malformed) -> [Int] {
    try expect("[")
    if take("]") { return [] }
    var numbers: [Int] = []
    repeat { numbers.append(try number()) } while take(",")
    try expect("]")
    return numbers
  }

  /// Nothing but blanks may follow.
  mutating func end() throws(Malformed) {
    skipBlanks()
    guard position == bytes.count else { throw missing("the end") }
  }

  private mutating func number() throws(Malformed) -> Int {
    skipBlanks()
    let start = position
    while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) { position += 1 }
    let digits = bytes[start..<position]
    guard let first = digits.first, first != UInt8(ascii: "0") || digits.count == 1,
      let value = Int(String(decoding: digits, as: UTF8.self)),
      position == bytes.count || !".eE".utf8.contains(bytes[position])
    else {
      position = start
      throw missing("a whole number")
    }
    return value
  }

  // MARK: - Strings

  mutating func string() throws(Malformed) -> String {
    try expect("\"", "a string")
    var scalars = String.UnicodeScalarView()
    var plain = position
    // The bytes between escapes are UTF-8, so they are taken together.
    func flush(to end: Int) {
      scalars.append(contentsOf: String(decoding: bytes[plain..<end], as: UTF8.self).unicodeScalars)
    }
    while position < bytes.count {
      let byte = bytes[position]
      if byte < 0x20 { throw missing("a character that is no control character") }
      position += 1
      if byte == UInt8(ascii: "\"") {
        flush(to: position - 1)
        return String(scalars)
      }
      if byte == UInt8(ascii: "\\") {
        flush(to: position - 1)
        scalars.append(try escaped())
        plain = position
      }
    }
    throw missing("the end of a string")
  }

  private mutating func escaped() throws(Malformed) -> Unicode.Scalar {
    guard position < bytes.count else { throw missing("the end of a string") }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try unicodeEscape()
    default: throw missing("an escape")
    }
  }

  private mutating func unicodeEscape() throws(Malformed) -> Unicode.Scalar {
    let high = try hexadecimal()
    if let scalar = Unicode.Scalar(high) { return scalar }
    // A character beyond 16 bits is two of them.
    guard high < 0xDC00, bytes[position...].starts(with: "\\u".utf8) else { throw missing("the second half of a pair") }
    position += 2
    let low = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(low),
      let scalar = Unicode.Scalar(0x1_0000 + (high - 0xD800) << 10 + (low - 0xDC00))
    else { throw missing("the second half of a pair") }
    return scalar
  }

  private mutating func hexadecimal() throws(Malformed) -> UInt32 {
    let digits = bytes[position..<min(position + 4, bytes.count)]
    guard digits.count == 4, digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
      let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    else { throw missing("four hexadecimal digits") }
    position += 4
    return value
  }

  // MARK: - Signs

  private mutating func skipBlanks() {
    while position < bytes.count, [0x20, 0x0A, 0x09, 0x0D].contains(bytes[position]) { position += 1 }
  }

  private mutating func take(_ sign: String) -> Bool {
    skipBlanks()
    guard bytes[position...].starts(with: sign.utf8) else { return false }
    position += sign.utf8.count
    return true
  }

  private mutating func expect(_ sign: String, _ what: String? = nil) throws(Malformed) {
    guard take(sign) else { throw missing(what ?? "'\(sign)'") }
  }

  private func missing(_ what: String) -> Malformed {
    Malformed(message: "\(what) is missing at byte \(position)")
  }
}
