import SwiftCSV

/// A row of a table: its fields, and the line of the file on which it begins.
struct CSVRow: Sendable {
  var fields: [String]
  var line: Int

  /// What is wrong with a file, and on which line.
  struct Malformed: Error {
    var line: Int
    var message: String
  }

  /// The rows of a file, without empty lines.
  static func rows(of bytes: [UInt8], _ delimiter: CSVSeparator) throws(Malformed) -> [CSVRow] {
    guard var text = String(validating: bytes, as: UTF8.self) else {
      throw Malformed(line: lineOfFirstFault(bytes), message: "the text is not UTF-8")
    }
    if let line = lineOfOpenQuote(text) { throw Malformed(line: line, message: "the quote that opens here has no end") }
    // The parser drops an empty last field where no line ends behind it.
    text += "\n"
    let reader = Reader()
    do {
      let file = try EnumeratedCSV(string: text, delimiter: delimiter.delimiter, loadColumns: false, rowLimit: 0)
      try file.enumerateAsArray(startAt: 0, rowLimit: nil) { reader.add($0) }
    } catch {
      let reason = if case CSVParseError.quotation(let reason) = error { reason } else { "\(error)" }
      throw Malformed(
        line: reader.line, message: "quotes stand around a whole field, and twice inside of it: \(reason)")
    }
    return reader.rows
  }

  /// Checks the names of the columns, and that all rows have as many fields.
  static func check(_ rows: [CSVRow], columns: [String], headerLine: Int) throws(Malformed) {
    if columns.isEmpty { throw Malformed(line: 1, message: "the names of columns were expected; the file is empty") }
    var names: Set<String> = []
    for name in columns where !names.insert(name).inserted {
      throw Malformed(line: headerLine, message: "two columns have the name '\(name.prefix(40))'")
    }
    for row in rows where row.fields.count != columns.count {
      throw Malformed(
        line: row.line,
        message: "\(columns.count) fields were expected, as there are columns; found \(row.fields.count)")
    }
  }

  /// Collects rows and counts lines; a field in quotes may have several.
  private final class Reader {
    var rows: [CSVRow] = []
    var line = 1

    func add(_ fields: [String]) {
      let row = CSVRow(fields: fields.map(trimmed), line: line)
      line += 1 + fields.reduce(0) { $0 + $1.count(where: \.isNewline) }
      if row.fields != [""] { rows.append(row) }
    }
  }

  private static func lineOfFirstFault(_ bytes: [UInt8]) -> Int {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    return 1 + (lines.firstIndex { String(validating: $0, as: UTF8.self) == nil } ?? 0)
  }

  /// Where the last quote is opened, if it is not closed: every other quote, also of two in a field, closes one.
  private static func lineOfOpenQuote(_ text: String) -> Int? {
    var (line, opened): (Int, Int?) = (1, nil)
    for character in text {
      if character == "\"" { opened = opened == nil ? line : nil }
      if character.isNewline { line += 1 }
    }
    return opened
  }
}

/// The field without blanks around it.
private func trimmed(_ field: String) -> String {
  guard field.first?.isWhitespace == true || field.last?.isWhitespace == true else { return field }
  let tail = field.drop(while: \.isWhitespace)
  guard let last = tail.lastIndex(where: { !$0.isWhitespace }) else { return "" }
  return String(tail[...last])
}

extension CSVSeparator {
  fileprivate var delimiter: CSVDelimiter {
    switch self {
    case .comma: .comma
    case .semicolon: .semicolon
    case .tab: .tab
    }
  }
}
