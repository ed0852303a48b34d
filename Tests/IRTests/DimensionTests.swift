import KilnIR
import KilnTesting
import Testing

@Suite("Sizes that calls bring") struct DimensionTests {
  /// A size as it may be written, and its canonical text.
  static let texts: [(written: String, canonical: String)] = [
    ("7", "7"), ("n", "n"), ("1 + n", "n + 1"), ("n - 1", "n - 1"), ("n + n", "2*n"), ("n - n", "0"),
    ("n*3 - 2*n", "n"), ("n*m", "m*n"), ("n*n*2 + m - 1 - m", "2*n*n - 1"), ("0 - n", "0 - n"),
    ("3 - n", "0 - n + 3"), ("0 - 2*n - m", "0 - m - 2*n"), ("n*0", "0"), ("n + m*k + 2", "k*m + n + 2"),
    ("floordiv(7, 2)", "3"), ("floordiv(-7, 2)", "-4"), ("floordiv(7, -2)", "-4"), ("floordiv(7, 0)", "0"),
    ("floordiv(n, 0)", "0"), ("floordiv(n, 1)", "n"), ("floordiv(n, n)", "1"),
    ("floordiv(6*m*n + 4*n, 2*n)", "3*m + 2"),
    ("floordiv(m*n, n)", "m"), ("floordiv(4*n + 7, 2)", "2*n + 3"), ("floordiv(n + 7, 2)", "floordiv(n + 1, 2) + 3"),
    ("floordiv(n - 1, 2)", "floordiv(n + 1, 2) - 1"), ("floordiv(3*n - 4*m, 2)", "floordiv(3*n, 2) - 2*m"),
    ("floordiv(n, -2)", "floordiv(n, -2)"), ("floordiv(n + 1, m)", "floordiv(n + 1, m)"),
    ("2*floordiv(n, 2)*m", "2*floordiv(n, 2)*m"), ("max(2, 3)", "3"), ("max(n, 0)", "n"), ("max(0, n)", "n"),
    ("max(n, n + 1)", "n + 1"), ("max(n, 1)", "max(n - 1, 0) + 1"), ("max(n, m)", "m + max(0 - m + n, 0)"),
    ("max(0 - n - 1, 0)", "0"), ("max(0 - n, 0)", "0"),
    ("max(floordiv(n, 2)*m, 0)", "floordiv(n, 2)*m"), ("max(n*max(m - 1, 0), 0)", "max(m - 1, 0)*n"),
    ("floordiv(max(n - 2, 0) - 1, 3) + 1", "floordiv(max(n - 2, 0) + 2, 3)"), ("max", "max"),
    ("floordiv + 1", "floordiv + 1"),
  ]

  @Test("A size has one text, which is read back", arguments: texts)
  func canonicalText(written: String, canonical: String) throws {
    let size = try Self.read(written)
    #expect(size.description == canonical)
    #expect(try Self.read(canonical) == size)
  }

  /// What stands in the text of a module, where a size may be anything.
  private static func read(_ text: String) throws -> Dimension {
    let module = try Module(parsing: "func @f() -> () {\n  require \(text) >= 0 f.C1\n  return\n}\n", file: "size")
    return module.functions[0].requirements[0].constraint.lhs
  }

  // MARK: - Random sizes

  /// A size with the number that it must be where the names are numbers; nil where that is not said: a size that is
  /// divided by a named one of 0.
  private struct Sample {
    var size: Dimension
    var number: ([String: Int]) -> Int?
  }

  private static let names = ["n", "m", "k"]

  private static func sample(depth: Int, _ random: inout SplitMix64) -> Sample {
    let kind = Int.random(in: 0..<(depth == 0 ? 2 : 9), using: &random)
    if kind == 0 {
      let number = Int.random(in: -6...6, using: &random)
      return Sample(size: Dimension(number)) { _ in number }
    }
    if kind == 1 {
      let name = names[Int.random(in: 0..<names.count, using: &random)]
      return Sample(size: Dimension(named: name)) { $0[name] }
    }
    let (a, b) = (sample(depth: depth - 1, &random), sample(depth: depth - 1, &random))
    func both(_ combine: @escaping (Int, Int) -> Int?) -> ([String: Int]) -> Int? {
      { sizes in a.number(sizes).flatMap { a in b.number(sizes).flatMap { combine(a, $0) } } }
    }
    let isNamed = b.size.isSymbolic
    switch kind {
    case 2: return Sample(size: a.size + b.size, number: both(+))
    case 3: return Sample(size: a.size - b.size, number: both(-))
    case 4: return Sample(size: a.size * b.size, number: both(*))
    case 5, 6:
      return Sample(size: a.size / b.size, number: both { $1 == 0 ? (isNamed ? nil : 0) : floored($0, $1) })
    case 7:
      return Sample(
        size: a.size % b.size, number: both { $1 == 0 ? (isNamed ? nil : $0) : $0 - floored($0, $1) * $1 })
    default:
      let isMax = Bool.random(using: &random)
      return Sample(
        size: isMax ? .max(a.size, b.size) : .min(a.size, b.size),
        number: both { isMax ? Swift.max($0, $1) : Swift.min($0, $1) })
    }
  }

  private static func floored(_ a: Int, _ b: Int) -> Int { (Double(a) / Double(b)).rounded(.down).asInt }

  private static func sizes(_ random: inout SplitMix64) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for name in names { sizes[name] = [0, 0, 1, 2, 3, 7, 12][Int.random(in: 0..<7, using: &random)] }
    return sizes
  }

  @Test("Arithmetic on names is that on numbers, and the text is read back", arguments: 0..<UInt64(4))
  func arithmetic(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    var checkedCount = 0
    for _ in 0..<500 {
      let sample = Self.sample(depth: 4, &random)
      let text = sample.size.description
      #expect(try Self.read(text) == sample.size, "\(text)")
      for _ in 0..<6 {
        let sizes = Self.sizes(&random)
        // So far all are exact as doubles.
        guard let number = sample.number(sizes), abs(number) < 1 << 50 else { continue }
        checkedCount += 1
        let bound = sample.size.bound(to: sizes)
        #expect(bound == Dimension(number), "\(text) at \(sizes)")
        // One name after the other comes to the same.
        var byOne = sample.size
        for (name, size) in sizes { byOne = byOne.bound(to: [name: size]) }
        #expect(byOne == bound, "\(text) at \(sizes), one by one")
      }
    }
    #expect(checkedCount > 1000)
  }

  @Test("What normal forms decide is so at every call", arguments: 0..<UInt64(4))
  func decisions(seed: UInt64) {
    var random = SplitMix64(seed: 100 + seed)
    var decidedCount = 0
    for _ in 0..<500 {
      let (a, b) = (Self.sample(depth: 3, &random), Self.sample(depth: 2, &random))
      let constraints = SizeConstraint.Relation.allCases.map { SizeConstraint(a.size, $0, b.size) }
      decidedCount += constraints.count { $0.lhs.isSymbolic && $0.truth != nil }
      for _ in 0..<6 {
        let sizes = Self.sizes(&random)
        guard let x = a.number(sizes), let y = b.number(sizes), abs(x) < 1 << 50, abs(y) < 1 << 50 else { continue }
        let isMultiple = y == 0 ? x == 0 : x % y == 0
        for (constraint, truth) in zip(constraints, [x == y, x >= y, isMultiple]) {
          #expect(constraint.bound(to: sizes).truth == truth, "\(constraint) at \(sizes)")
          if let decided = constraint.truth { #expect(decided == truth, "\(constraint) at \(sizes)") }
        }
      }
    }
    #expect(decidedCount > 50)
  }

  @Test("Sizes beyond an Int become the nearest, and no arithmetic stops the process")
  func saturation() throws {
    let extremes: [Int] = [.min, .min + 1, -1 << 62, -3, -1, 0, 1, 2, 3, 1 << 62, .max - 1, .max]
    let n = Dimension(named: "n")
    let sizes =
      extremes.map { Dimension($0) } + extremes.flatMap { [n * Dimension($0), n * Dimension($0) + Dimension($0)] }
    for a in sizes {
      for b in sizes {
        for c in [a + b, a - b, a * b, a / b, a % b, .max(a, b), .min(a, b)] {
          // It is read, though not as the same where a product was cut short.
          _ = try Self.read(c.description)
          for size in [0, 1, 5, .max] { #expect(!c.bound(to: ["n": size]).isSymbolic) }
        }
        _ = (Dimension.equality(a, b), Dimension.isAtLeast(a, b), a.isMultiple(of: b))
      }
    }
    #expect(Dimension(.max) + 1 == Dimension(.max))
    #expect(Dimension(.max) * 2 == Dimension(.max))
    #expect((n * Dimension(.max)).bound(to: ["n": 3]) == Dimension(.max))
  }

  @Test(
    "A wrong size has a label",
    arguments: [
      ("n +", "parse.C1"), ("n + *", "parse.C1"), ("min(n, 2)", "parse.C1"), ("max(n)", "parse.C1"),
      ("floordiv(n, 2", "parse.C1"), ("n.size", "parse.C5"), ("nan", "parse.C5"), ("1.5", "parse.C6"),
      ("99999999999999999999*n", "parse.C6"), (Array(repeating: "n", count: 400).joined(separator: " + "), "parse.C6"),
      (Array(repeating: "n", count: 400).joined(separator: "*"), "parse.C6"),
      (String(repeating: "max(n - ", count: 400), "parse.C7"),
      // A product of sums with very many terms.
      (
        Array(repeating: "max(a + b + c + d + e + f + g + h + i + j, 0)", count: 20).joined(separator: "*"), "parse.C6"
      ),
    ])
  func wrongText(text: String, label: String) {
    let error = #expect(throws: KilnError.self) { try Self.read(text) }
    #expect(error?.diagnostics.first?.label == label)
  }

  @Test("Sizes nest as deeply as programs do")
  func depth() throws {
    var size = Dimension(named: "height")
    // Windows of three with a stride of two, one after the other.
    for _ in 0..<12 { size = (Dimension.max(size - 2, 0) - 1) / 2 + 1 }
    #expect(try Self.read(size.description) == size)
  }
}

extension Double {
  fileprivate var asInt: Int { Int(self) }
}

@Suite("Dimensions, from many threads")
struct DimensionThreadTests {
  @Test("Equal sizes are one, whoever makes them")
  func interning() async {
    let sizes = await withTaskGroup(of: [Dimension].self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<200).map { Dimension(named: "interned\($0)") * 2 + Dimension($0) / Dimension(named: "interned0") }
        }
      }
      return await group.reduce(into: [[Dimension]]()) { $0.append($1) }
    }
    for other in sizes { #expect(other == sizes[0]) }
    #expect(Set(sizes[0]).count == 200)
  }
}
