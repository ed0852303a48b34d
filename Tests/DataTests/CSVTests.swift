import Kiln
import KilnData
import Testing

@Suite("CSV tables")
struct CSVTests {
  private func table(
    _ text: String, delimiter: CSVSeparator = .comma, columns: [String]? = nil, isCompressed: Bool = false
  ) throws -> CSVTable {
    try withFolder { folder in
      let path = "\(folder)/table.csv"
      if isCompressed { writeGzip(Array(text.utf8), to: path) } else { try write(Array(text.utf8), to: path) }
      return try CSVTable(contentsOf: path, delimiter: delimiter, columns: columns)
    }
  }

  private let wines = "alcohol, ash ,cultivar\n13.2,2,\"Barolo, old\"\r\n12,1.5,Grignolino\n\n13.5, 3 ,\"Barolo, old\""

  @Test("columns have names, numbers and classes", arguments: [false, true])
  func columns(isCompressed: Bool) throws {
    let table = try table(wines, isCompressed: isCompressed)
    #expect(table.columns == ["alcohol", "ash", "cultivar"] && table.rowCount == 3)
    #expect(try table.values("ash", as: Double.self).scalars == [2, 1.5, 3])
    let both = try table.values(["ash", "alcohol"], as: Float.self)
    #expect(both.dimensions == [3, 2] && both.scalars == [2, 13.2, 1.5, 12, 3, 13.5])
    #expect(try table.strings("cultivar") == ["Barolo, old", "Grignolino", "Barolo, old"])
    let (labels, names) = try table.categories("cultivar")
    #expect(labels.scalars == [0, 1, 0] && names == ["Barolo, old", "Grignolino"])
    #expect(try table.categories("cultivar", names: ["Grignolino", "Barolo, old"]).labels.scalars == [1, 0, 1])
  }

  @Test("quotes, empty fields, other separators, and files without a line of names")
  func forms() throws {
    let quoted = try table("a,b\n\"say \"\"yes\"\"\",\"two\nlines\"\nx,\n")
    #expect(try quoted.strings("a") == [#"say "yes""#, "x"] && quoted.strings("b") == ["two\nlines", ""])
    let numbers = try table("1;2\n3;\n", delimiter: .semicolon, columns: ["x", "y"])
    #expect(try numbers.values(["x", "y"], as: Int32.self, missing: -1).scalars == [1, 2, 3, -1])
    #expect(try table("\u{FEFF}a\tb\n1\t2\n", delimiter: .tab).values("a", as: Int64.self).scalars == [1])
    let empty = try table("a,b\n")
    #expect(empty.rowCount == 0)
    #expect(try empty.values(["a", "b"], as: Float.self).dimensions == [0, 2])
    #expect(try table("a,b\n1,").values("b", as: Float.self, missing: 7).scalars == [7])
  }

  @Test(
    "a mistake in a file has its line",
    arguments: [
      ("a,b\n1,2\n1,2,3\n", "table.csv:3: 2 fields were expected, as there are columns; found 3"),
      ("a,b\n1,\"x\ny\"\n7\n", "table.csv:4: 2 fields were expected, as there are columns; found 1"),
      ("a,b\n\n1,2\n\n3\n", "table.csv:5: 2 fields were expected, as there are columns; found 1"),
      ("a,b\n1,2\n3,\"4\n5,6\n", "table.csv:3: the quote that opens here has no end"),
      ("a,b\n1,2\n3,\"4\"x\"\"\n", "table.csv:3: quotes stand around a whole field, and twice inside of it"),
      ("a,b,a\n1,2,3\n", "table.csv:1: two columns have the name 'a'"),
      ("", "table.csv:1: the names of columns were expected; the file is empty"),
    ])
  func malformed(text: String, message: String) {
    let thrown = failure { _ = try table(text) }
    #expect(thrown.contains(message) && thrown.contains("[csv.C2]"), "\(thrown)")
    #expect(thrown.contains("CSVTests.swift:"), "\(thrown)")
  }

  @Test("text that is not UTF-8, files that are not there, columns and fields that are not what is asked for")
  func mistakes() throws {
    try withFolder { folder in
      try write(Array("a\nb\n".utf8) + [0xFF, 0x0A], to: "\(folder)/latin.csv")
      let latin = failure { _ = try CSVTable(contentsOf: "\(folder)/latin.csv") }
      #expect(latin.contains("latin.csv:3: the text is not UTF-8 [csv.C2]"), "\(latin)")
      #expect(failure { _ = try CSVTable(contentsOf: "\(folder)/none.csv") }.contains("none.csv cannot be read"))
      #expect(failure { _ = try CSVTable(contentsOf: folder) }.contains("it is not a file [csv.C1]"))
    }
    let table = try table("a,b\n1,x\n2.5,\n")
    let column = failure { _ = try table.values("c", as: Float.self) }
    #expect(column.contains(#"table.csv:1: there is no column 'c'; there are ["a", "b"] [csv.C3]"#), "\(column)")
    let number = failure { _ = try table.values("a", as: Int32.self) }
    #expect(
      number.contains("table.csv:3: column 'a' has numbers of i32, expected; found '2.5' [csv.C4]"), "\(number)")
    #expect(number.contains("CSVTests.swift:"))
    let empty = failure { _ = try table.values(["a", "b"], as: Float.self) }
    #expect(empty.contains("table.csv:2: column 'b' has numbers of f32, expected; found 'x'"), "\(empty)")
    let other = failure { _ = try table.categories("b", names: ["x"]) }
    #expect(other.contains(#"table.csv:3: column 'b' has one of ["x"], expected; found '' [csv.C4]"#), "\(other)")
  }
}
