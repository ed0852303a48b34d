/// A piece of the text of the IR.
struct Token: Sendable {
  enum Kind: Hashable, Sendable {
    /// A keyword, an op, a dtype or an attribute word.
    case word
    /// `%name`; the text is the name.
    case value
    /// `@name`; the text is the name.
    case symbol
    /// A number, or `-inf`.
    case number
    /// `"…"` on one line, with `\"`, `\\` and `\n` for what cannot stand there; the text is what lies between.
    case string
    /// One of `( ) [ ] { } , : =`, or `->`.
    case punctuation
    /// Bytes that begin no token.
    case unknown
    case end
  }

  var kind: Kind
  var text: String
  /// Both count from 1; columns are bytes.
  var line: Int
  var column: Int

  /// The token as a diagnostic names it.
  var named: String {
    switch kind {
    case .end: "the end of the text"
    case .value: "'%\(text)'"
    case .symbol: "'@\(text)'"
    case .string: text.quoted
    case .word, .number, .punctuation, .unknown: "'\(text)'"
    }
  }
}

/// Cuts text into tokens. Every byte sequence has tokens; what means nothing becomes `.unknown`.
struct Lexer {
  /// Longer names, numbers and runs of unknown bytes are cut, so that no message repeats a megabyte.
  static let maximumTokenLength = 256
  /// Strings are names of files, too.
  private static let maximumStringLength = 4096

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var lineStart = 0
  private var comments: [Int: String] = [:]

  init(_ text: String) { bytes = Array(text.utf8) }

  /// The tokens of a text, and by line what stands behind `//`.
  static func read(_ text: String) -> (tokens: [Token], comments: [Int: String]) {
    var lexer = Lexer(text)
    var tokens: [Token] = []
    while true {
      let token = lexer.next()
      tokens.append(token)
      if token.kind == .end { return (tokens, lexer.comments) }
    }
  }

  private mutating func next() -> Token {
    skipBlanksAndComments()
    let start = position
    guard let byte = peek(0) else { return token(.end, from: start, to: start) }
    switch byte {
    case UInt8(ascii: "%"), UInt8(ascii: "@"):
      position += 1
      skip(while: Self.isNameByte)
      guard position > start + 1 else { return token(.unknown, from: start, to: position) }
      return token(byte == UInt8(ascii: "%") ? .value : .symbol, from: start + 1, to: position, at: start)
    case UInt8(ascii: "-"):
      if peek(1) == UInt8(ascii: ">") { return punctuation(2) }
      if let second = peek(1), Self.isDigit(second) { return number() }
      position += 1
      skip(while: Self.isNameByte)
      let isInfinity = Array(bytes[start..<position]) == Array("-inf".utf8)
      return token(isInfinity ? .number : .unknown, from: start, to: position)
    case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"),
      UInt8(ascii: "}"),
      UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "="):
      return punctuation(1)
    case UInt8(ascii: "\""): return string()
    case _ where Self.isDigit(byte): return number()
    case _ where Self.isNameByte(byte):
      skip(while: Self.isNameByte)
      return token(.word, from: start, to: position)
    default:
      skip { $0 > 0x20 && !Self.isNameByte($0) }
      position = max(position, start + 1)
      return token(.unknown, from: start, to: position)
    }
  }

  /// Digits, an optional fraction, an optional exponent.
  private mutating func number() -> Token {
    let start = position
    if peek(0) == UInt8(ascii: "-") { position += 1 }
    skip(while: Self.isDigit)
    if peek(0) == UInt8(ascii: "."), let digit = peek(1), Self.isDigit(digit) {
      position += 1
      skip(while: Self.isDigit)
    }
    if let letter = peek(0), letter | 0x20 == UInt8(ascii: "e") {
      let sign = peek(1) == UInt8(ascii: "-") || peek(1) == UInt8(ascii: "+") ? 1 : 0
      if let digit = peek(1 + sign), Self.isDigit(digit) {
        position += 1 + sign
        skip(while: Self.isDigit)
      }
    }
    return token(.number, from: start, to: position)
  }

  /// A string without its end on the line is unknown.
  private mutating func string() -> Token {
    let start = position
    var content: [UInt8] = []
    position += 1
    while let byte = peek(0), byte != UInt8(ascii: "\n"), byte != UInt8(ascii: "\"") {
      let escaped = byte == UInt8(ascii: "\\") ? peek(1) : nil
      position += escaped == nil ? 1 : 2
      switch escaped {
      case nil: content.append(byte)
      case UInt8(ascii: "n"): content.append(UInt8(ascii: "\n"))
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): content.append(bytes[position - 1])
      default: return token(.unknown, from: start, to: position)
      }
    }
    guard peek(0) == UInt8(ascii: "\""), content.count <= Self.maximumStringLength else {
      return token(.unknown, from: start, to: position)
    }
    position += 1
    return Token(
      kind: .string, text: String(decoding: content, as: UTF8.self), line: line, column: start - lineStart + 1)
  }

  private mutating func punctuation(_ count: Int) -> Token {
    position += count
    return token(.punctuation, from: position - count, to: position)
  }

  private mutating func skipBlanksAndComments() {
    while let byte = peek(0) {
      if byte == UInt8(ascii: "\n") {
        position += 1
        line += 1
        lineStart = position
      } else if byte == 0x20 || byte == 0x09 || byte == 0x0D {
        position += 1
      } else if byte == UInt8(ascii: "/") && peek(1) == UInt8(ascii: "/") {
        let start = position + 2
        skip { $0 != UInt8(ascii: "\n") }
        comments[line] = String(decoding: bytes[start..<position], as: UTF8.self)
      } else {
        return
      }
    }
  }

  private func peek(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func skip(while condition: (UInt8) -> Bool) {
    while position < bytes.count && condition(bytes[position]) { position += 1 }
  }

  private func token(_ kind: Token.Kind, from start: Int, to end: Int, at place: Int? = nil) -> Token {
    let cut = min(end, start + Self.maximumTokenLength)
    let text = String(decoding: bytes[start..<cut], as: UTF8.self) + (cut < end ? "..." : "")
    return Token(kind: cut < end ? .unknown : kind, text: text, line: line, column: (place ?? start) - lineStart + 1)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".")
  }

  /// Whether `name` can be written for a function or a parameter: letters, digits, `_` and `.`, no digit first (the
  /// results of instructions are numbered).
  static func isName(_ name: String) -> Bool {
    guard let first = name.utf8.first else { return false }
    return !isDigit(first) && name.utf8.count <= maximumTokenLength && name.utf8.allSatisfy(isNameByte)
  }
}

extension String {
  /// The text as a string token.
  var quoted: String {
    let escaped = unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case "\n": "\\n"
      default: String(scalar)
      }
    }
    return "\"" + escaped.joined() + "\""
  }
}
