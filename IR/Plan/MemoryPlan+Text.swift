/// The text form of memory plans:
///
///     memory {
///       arena 128 bytes, bound 128, without reuse 192
///       %2: 0 ..< 64, steps 1 ... 2
///       in place: result 0 over %1 in step 2 // subtract
///     }
///
/// Names are words, `%values` and `@functions`, one space between them.
extension MemoryPlan: CustomStringConvertible {
  public var description: String {
    var lines = [
      "memory {",
      "  arena \(arenaBytes) bytes, bound \(lowerBound), without reuse \(totalBytes)",
    ]
    for allocation in allocations {
      lines.append(
        "  \(allocation.name): \(allocation.offset) ..< \(allocation.offset + allocation.byteCount), "
          + "steps \(allocation.steps.lowerBound) ... \(allocation.steps.upperBound)")
    }
    for reuse in inPlace {
      lines.append("  in place: \(reuse.name) over \(reuse.operand) in step \(reuse.step) // \(reuse.label)")
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  /// Reads a memory plan from its text, as `description` writes it, and verifies it.
  /// - Parameter file: the name that diagnostics give the text.
  /// - Throws: the first mistake, with its file, line and column. No text crashes the reader.
  public init(parsing text: String, file: String) throws(KilnError) {
    var reader = TokenReader(text, file: file)
    try self.init(&reader)
    try reader.expectEnd()
  }

  init(_ reader: inout TokenReader) throws(KilnError) {
    self = .empty
    let start = reader.current
    try reader.expect(word: "memory")
    try reader.expect("{")
    try reader.expect(word: "arena")
    arenaBytes = try reader.integer("the bytes of the arena")
    try reader.expect(word: "bytes")
    try reader.expect(",")
    try reader.expect(word: "bound")
    lowerBound = try reader.integer("the least bytes that would do")
    try reader.expect(",")
    try reader.expect(words: "without", "reuse")
    let total = reader.current
    let totalBytes = try reader.integer("the bytes of all allocations")
    while !reader.accept("}") {
      if reader.isAt(word: "in"), reader.next.text == "place" {
        inPlace.append(try Reuse(&reader))
      } else {
        allocations.append(try Allocation(&reader))
      }
    }
    do throws(ConstraintFailure) { try verify() } catch { throw reader.failure(error, start) }
    guard totalBytes == self.totalBytes else {
      throw reader.failure("parse.C1", "the allocations have \(self.totalBytes) bytes, found \(total.text)", total)
    }
  }
}

extension MemoryPlan.Allocation {
  fileprivate init(_ reader: inout TokenReader) throws(KilnError) {
    let name = try reader.phrase("the name of an allocation") { $0.isAt(":") }
    try reader.expect(":")
    let token = reader.current
    let offset = try reader.integer("an offset in the arena")
    try reader.expect(symbols: "..", "<")
    let (byteCount, overflow) = try reader.integer("the end of the allocation").subtractingReportingOverflow(offset)
    try reader.expect(",")
    try reader.expect(word: "steps")
    let first = try reader.integer("the first step")
    try reader.expect(symbols: "...")
    let last = try reader.integer("the last step")
    guard !overflow, byteCount >= 0, first <= last else {
      throw reader.failure("parse.C1", "expected offsets and steps that ascend", token)
    }
    self.init(name: name, offset: offset, byteCount: byteCount, steps: first...last)
  }
}

extension MemoryPlan.Reuse {
  fileprivate init(_ reader: inout TokenReader) throws(KilnError) {
    try reader.expect(words: "in", "place")
    try reader.expect(":")
    let name = try reader.phrase("the name of a value") { $0.isAt(word: "over") }
    try reader.expect(word: "over")
    let operand = try reader.phrase("the name of an operand") { $0.isAt(word: "in") }
    try reader.expect(words: "in", "step")
    let step = try reader.integer("a step")
    self.init(name: name, operand: operand, step: step, label: reader.comment)
  }
}

extension TokenReader {
  /// A name of several words, up to where `isEnd` holds.
  fileprivate mutating func phrase(
    _ expected: String, until isEnd: (TokenReader) -> Bool
  ) throws(KilnError) -> String {
    var words: [String] = []
    while !isEnd(self) {
      switch current.kind {
      case .word, .number: words.append(current.text)
      case .value: words.append("%\(current.text)")
      case .symbol: words.append("@\(current.text)")
      case .string, .punctuation, .unknown, .end: throw unexpected(expected)
      }
      skip { _ in true }
    }
    guard !words.isEmpty else { throw unexpected(expected) }
    return words.joined(separator: " ")
  }
}
