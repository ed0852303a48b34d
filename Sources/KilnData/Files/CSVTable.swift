public import Kiln

/// A table from a text file with a row on each line: `a,b,"c"` (RFC 4180), also one that gzip has compressed.
///
/// ```swift
/// let table = try CSVTable(contentsOf: "wine.csv")
/// let inputs = try table.values(["alcohol", "magnesium"], as: Float.self)          // f32[rows, 2]
/// let (labels, names) = try table.categories("cultivar")                           // i32[rows]
/// let wines = try Dataset(inputs: inputs, targets: labels)
/// print(names, wines.count)
/// ```
/// Every row has as many fields as there are columns. Blanks around a field do not count, nor do empty lines. A mistake
/// in the file is an error that has its line.
public struct CSVTable: Sendable {
  /// Where the file is.
  public let path: String
  /// The names of the columns, in their order.
  public let columns: [String]
  /// The number of rows, without the one that names the columns.
  public var rowCount: Int { rows.count }

  /// The fields, and the line of the file on which the row begins.
  private let rows: [CSVRow]

  /// Reads a file.
  ///
  /// - Parameters:
  ///   - delimiter: what stands between two fields: comma, semicolon or tab.
  ///   - columns: the names of the columns; nil when the first line has them.
  /// - Throws: `csv.C1` when the file cannot be read, `gzip.C1` when its compression is damaged, `csv.C2` with the line
  ///   where it is not such a table: text that is not UTF-8, quotes that do not match, a row with more or fewer fields
  ///   than there are columns, two columns of one name.
  public init(
    contentsOf path: String, delimiter: CSVSeparator = .comma, columns: [String]? = nil
  ) throws(KilnError) {
    let bytes = try uncompressedFile(path, label: "csv.C1")
    var rows: [CSVRow]
    do throws(CSVRow.Malformed) {
      rows = try CSVRow.rows(of: bytes, delimiter)
      let header = columns == nil && !rows.isEmpty ? rows.removeFirst() : nil
      self.columns = columns ?? header?.fields ?? []
      try CSVRow.check(rows, columns: self.columns, headerLine: header?.line ?? 1)
    } catch {
      throw KilnError.atCall("csv.C2", "\(path):\(error.line): \(error.message)")
    }
    (self.path, self.rows) = (path, rows)
  }

  /// The fields of a column as text.
  /// - Throws: `csv.C3` when there is no such column.
  public func strings(_ column: String) throws(KilnError) -> [String] {
    let place = try place(of: column)
    return rows.map { $0.fields[place] }
  }

  /// The numbers of a column: [rows].
  ///
  /// - Parameter missing: what stands for an empty field, which is an error if it is nil.
  /// - Throws: `csv.C3` when there is no such column, `csv.C4` with the line of a field that is not such a number.
  public func values<Scalar: TensorNumber & LosslessStringConvertible>(
    _ column: String, as type: Scalar.Type, missing: Scalar? = nil
  ) throws(KilnError) -> Tensor<Scalar> {
    try values([column], as: type, missing: missing).reshaped(to: [rowCount])
  }

  /// The numbers of several columns: [rows, columns].
  ///
  /// - Parameter missing: what stands for an empty field, which is an error if it is nil.
  /// - Throws: `csv.C3` when there is no such column, `csv.C4` with the line of a field that is not such a number.
  public func values<Scalar: TensorNumber & LosslessStringConvertible>(
    _ columns: [String], as type: Scalar.Type, missing: Scalar? = nil
  ) throws(KilnError) -> Tensor<Scalar> {
    var places: [Int] = []
    for column in columns { places.append(try place(of: column)) }
    var values: [Scalar] = []
    values.reserveCapacity(rows.count * columns.count)
    for row in rows {
      for place in places {
        let field = row.fields[place]
        guard let value = field.isEmpty ? missing : Scalar(field) else {
          let found = field.isEmpty ? "an empty field" : "'\(field.prefix(40))'"
          throw KilnError.atCall(
            "csv.C4",
            "\(path):\(row.line): column '\(self.columns[place])' has numbers of \(Scalar.dtype), expected; found \(found)"
          )
        }
        values.append(value)
      }
    }
    return Tensor(values, shape: [rows.count, columns.count])
  }

  /// The fields of a column as numbers of classes, i32[rows], and the names of the classes: class i is `names[i]`.
  ///
  /// - Parameter names: the classes that are known, such as those of another file; nil for those of this one, in the
  ///   order of their Unicode scalars.
  /// - Throws: `csv.C3` when there is no such column, `csv.C4` with the line of a field that is not among `names`.
  public func categories(
    _ column: String, names: [String]? = nil
  ) throws(KilnError) -> (labels: Tensor<Int32>, names: [String]) {
    let place = try place(of: column)
    let found = Set(rows.map { $0.fields[place] })
    let names = names ?? found.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    let numbers = Dictionary(names.enumerated().map { ($1, Int32($0)) }) { first, _ in first }
    var labels: [Int32] = []
    for row in rows {
      guard let number = numbers[row.fields[place]] else {
        throw KilnError.atCall(
          "csv.C4",
          "\(path):\(row.line): column '\(column)' has one of \(names), expected; found '\(row.fields[place].prefix(40))'"
        )
      }
      labels.append(number)
    }
    return (Tensor(labels), names)
  }

  private func place(of column: String) throws(KilnError) -> Int {
    if let place = columns.firstIndex(of: column) { return place }
    throw KilnError.atCall("csv.C3", "\(path):1: there is no column '\(column)'; there are \(columns)")
  }
}

/// What stands between two fields of a row.
public enum CSVSeparator: Hashable, Sendable {
  /// `,`
  case comma
  /// `;`
  case semicolon
  /// A tab.
  case tab
}
