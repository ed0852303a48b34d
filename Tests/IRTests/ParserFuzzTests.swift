import Foundation
import KilnIR
import KilnTesting
import Testing

@Suite("Parser fuzzing") struct ParserFuzzTests {
  /// The texts of the file tests.
  static let texts: [[UInt8]] = {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "FileTests/Cases")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)?.allObjects as? [URL] ?? []
    return files.filter { $0.pathExtension == "kiln" }.sorted { $0.path < $1.path }
      .compactMap { try? Array(Data(contentsOf: $0)) }
  }()

  /// Long ones are left out to keep this fast.
  static let seeds = texts.filter { $0.count < 8000 }

  @Test("No text crashes the reader, and what it accepts it prints and reads back", arguments: 0..<8)
  func mutations(_ seed: UInt64) throws {
    try #require(Self.seeds.count > 10)
    var random = SplitMix64(seed: seed)
    var acceptedCount = 0
    for _ in 0..<400 {
      var bytes = Self.excerpt(of: Self.seeds.randomElement(using: &random)!, &random)
      for _ in 0..<Int.random(in: 0...4, using: &random) { Self.mutate(&bytes, &random) }
      let text = String(decoding: bytes, as: UTF8.self)
      guard let module = try? Module(parsing: text, file: "fuzz") else { continue }
      acceptedCount += 1
      let printed = module.description
      #expect(try Module(parsing: printed, file: "printed") == module, "seed \(seed): \(text)")
    }
    #expect(acceptedCount > 20)
  }

  /// One or two functions of a text: most mutations should meet a small text.
  private static func excerpt(of bytes: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    let starts = lines.indices.filter { lines[$0].starts(with: Array("func ".utf8)) }
    guard let first = starts.randomElement(using: &random) else { return bytes }
    let end = starts.filter { $0 > first }.dropFirst(Int.random(in: 0...1, using: &random)).first ?? lines.count
    return Array(lines[first..<end].joined(separator: [UInt8(ascii: "\n")]))
  }

  private static let pieces = [
    "(", ")", "[", "]", "{", "}", ",", ":", "=", "->", "%", "@", "%x", "@f", "func", "return", "hidden", "-", "-1", "0",
    "1e999", "9223372036854775807", "-9223372036854775808", "99999999999999999999", "nan", "inf", "-inf", "true", "f32",
    "i8[]",
    "f32[2,3]", "add", "constant", "\n", "//", "\u{0}", "\u{FF}", "ä", "[[[[[[[[[[", "axis = 0", "1.5",
    "281474976710656", "\"", "\\", "slot", "plan", "launch",
    "n", "f32[n,m]", "2*n + 1", " - ", "*", "floordiv(n, 2)", "max(n - m, 0)", "\n  require n == m add.C4", ">=", " % ",
  ].map { Array($0.utf8) }

  static func mutate(_ bytes: inout [UInt8], _ random: inout SplitMix64) {
    guard !bytes.isEmpty else { return }
    let a = Int.random(in: 0..<bytes.count, using: &random)
    let b = min(bytes.count, a + Int.random(in: 0...12, using: &random))
    switch Int.random(in: 0..<6, using: &random) {
    case 0: bytes[a] = UInt8.random(in: 0...255, using: &random)
    case 1: bytes.removeSubrange(a..<b)
    case 2: bytes.insert(contentsOf: bytes[a..<b], at: Int.random(in: 0...bytes.count, using: &random))
    case 3: bytes.insert(contentsOf: pieces.randomElement(using: &random)!, at: a)
    case 4: bytes.replaceSubrange(a..<b, with: pieces.randomElement(using: &random)!)
    default: bytes.removeSubrange(a...)
    }
  }
}
