import Kiln
import KilnIR
import Testing

/// Mistakes with sizes: each message has the sizes and, where a line of the closure needs them, that line and the
/// call's.
@Suite("Sizes: mistakes")
struct SizeMistakeTests {
  typealias T = Tensor<Float>

  struct Mistake: CustomTestStringConvertible, Sendable {
    let testDescription: String
    /// What the message has in it.
    let words: [String]
    /// Whether a line of the closure is to blame, so that the message has it and the call's.
    let hasBothLines: Bool
    let run: @Sendable () throws -> Void

    init(
      _ name: String, _ words: String..., hasBothLines: Bool = true, run: @escaping @Sendable () throws -> Void
    ) {
      (testDescription, self.words, self.hasBothLines, self.run) = (name, words, hasBothLines, run)
    }
  }

  /// Calls with sizes that fit first, then with those that do not.
  private static func two(
    _ patterns: String..., f: @escaping @Sendable (T, T) -> T, _ good: ([Int], [Int]), _ bad: ([Int], [Int])
  ) -> @Sendable () throws -> Void {
    {
      var options = CompileOptions()
      options.sizes = SizeDeclaration(patterns)
      let f = compile(options: options, f)
      _ = try f.run(.ones(Shape(good.0)), .ones(Shape(good.1)))
      _ = try f.run(.ones(Shape(bad.0)), .ones(Shape(bad.1)))
    }
  }

  static let mistakes: [Mistake] = [
    Mistake(
      "one name, two sizes", "size.C2", "batch is 3", "f32[4,2]", hasBothLines: false,
      run: two("batch, 2", "batch, 2", f: { x, y in x + y }, ([2, 2], [2, 2]), ([3, 2], [4, 2]))),
    Mistake(
      "one name, two sizes, at the first call", "size.C2", "batch is 3", "f32[4]", hasBothLines: false,
      run: two("batch", "batch", f: { x, y in x + y }, ([3], [4]), ([3], [4]))),
    Mistake(
      "two names added", "size.C1", "add.C4 needs", "n is 3", "m is 4",
      run: two("n", "m", f: { x, y in x + y }, ([2], [2]), ([3], [4]))),
    Mistake(
      "two names multiplied", "size.C1", "multiply.C4 needs", "n is 3", "m is 4",
      run: two("n", "m", f: { x, y in x * y }, ([2], [2]), ([3], [4]))),
    Mistake(
      "two names contracted", "size.C1", "dot.C5 needs", "k is 5", "l is 4",
      run: two("n, k", "l, m", f: { x, y in matmul(x, y) }, ([2, 3], [3, 2]), ([2, 5], [4, 2]))),
    Mistake(
      "concatenated on another axis", "size.C1", "concatenate.C3 needs", "n is 3", "m is 4",
      run: two("n, 2", "m, 2", f: { x, y in concatenated([x, y], axis: 1) }, ([2, 2], [2, 2]), ([3, 2], [4, 2]))),
    Mistake(
      "stacked", "size.C1", "concatenate.C3 needs", "n is 3", "m is 4",
      run: two("n", "m", f: { x, y in stacked([x, y]) }, ([2], [2]), ([3], [4]))),
    Mistake(
      "a slice beyond the end", "size.C1", "slice.C2 needs", "n is 3",
      run: two("n", "...", f: { x, y in x[..<4] + y }, ([6], [4]), ([3], [4]))),
    Mistake(
      "an index beyond the end", "size.C1", "slice.C2 needs", "n is 2",
      run: two("n", "...", f: { x, y in x[3] + y }, ([6], []), ([2], []))),
    Mistake(
      "halves of an odd size", "size.C1", "reshape.C1 needs", "n is 5",
      run: two(
        "n", "...", f: { x, y in x.reshaped(to: [x.shape[0] / 2, 2]).sum() + y }, ([4], []), ([5], []))),
    Mistake(
      "a reshape to a number", "size.C1", "reshape.C1 needs", "n is 5",
      run: two("n", "...", f: { x, y in x.reshaped(to: [2, 3]).sum() + y }, ([6], []), ([5], []))),
    Mistake(
      "a reshape to the size of another", "size.C1", "reshape.C1 needs", "n is 3", "m is 4",
      run: two("n, 2", "m", f: { x, y in x.reshaped(to: [y.shape[0], 2]) }, ([2, 2], [2]), ([3, 2], [4]))),
    Mistake(
      "the largest of nothing", "size.C1", "argReduce.C2 needs", "n is 0",
      run: two(
        "n", "...", f: { x, y in x.argMax(axis: 0).converted(to: Float.self) + y }, ([2], []), ([0], []))),
    Mistake(
      "an update of another size", "size.C1", "dynamicUpdateSlice.C2 needs", "n is 2", "m is 3",
      run: two(
        "n", "m", f: { x, y in x.dynamicUpdateSlice(y, at: [Tensor<Int32>(0)]) }, ([4], [3]), ([2], [3]))),
    Mistake(
      "a scan over two lengths", "size.C1", "scan.C3 needs", "n is 3", "m is 4",
      run: two(
        "n", "m",
        f: { x, y in
          let (sum, _): (T, T) = scan(T(0), over: [x, y]) { sum, row in (sum + row[0] * row[1], sum) }
          return sum
        },
        ([2], [2]), ([3], [4]))),
    Mistake(
      "a batch of two sizes", "size.C1", "n is 3", "m is 4",
      run: two("n", "m", f: { x, y in vmap { (x: T, y: T) in x * y }(x, y) }, ([2], [2]), ([3], [4]))),
    Mistake(
      "a name for a size that can never be", "broadcast.shapes", "[n + 1]", hasBothLines: false,
      run: two("n", "...", f: { x, y in x + concatenated([x, y]) }, ([2], [1]), ([2], [1]))),
    Mistake(
      "a bound", "size.C1", "the declaration needs", "length is 9",
      hasBothLines: false,
      run: {
        let f = compile(options: .sizes("length", bounds: ["length": 1...8])) { (x: T) in x * 2 }
        _ = try f.run(.ones([8]))
        _ = try f.run(.ones([9]))
      }),
    Mistake(
      "a pattern of another rank", "size.C6", "2 extents", "f32[3]", hasBothLines: false,
      run: two("n, 2", "n", f: { x, y in x }, ([3], [3]), ([3], [3]))),
    Mistake(
      "a number that is another", "size.C6", "declared as 784", "f32[3,783]", hasBothLines: false,
      run: two("n, 784", "...", f: { x, y in x }, ([3, 783], []), ([3, 783], []))),
    Mistake(
      "a pattern that is none", "size.C5", "found '7n'", hasBothLines: false,
      run: two("7n", "...", f: { x, y in x }, ([3], []), ([3], []))),
    Mistake(
      "bounds for no name", "size.C5", "'lenght'", hasBothLines: false,
      run: {
        let f = compile(options: .sizes("length", bounds: ["lenght": 1...8])) { (x: T) in x * 2 }
        _ = try f.run(.ones([8]))
      }),
    Mistake(
      "too few patterns", "size.C6", "1 arguments, and 2", hasBothLines: false,
      run: two("n", f: { x, y in x + y }, ([3], [3]), ([3], [3]))),
  ]

  @Test("each message has the sizes and the lines", arguments: mistakes)
  func message(_ mistake: Mistake) throws {
    let error = try #require(throws: KilnError.self) { try mistake.run() }
    let text = error.description
    for word in mistake.words { #expect(text.contains(word), "\(text)") }
    let lines = Set(text.matches(of: /SizeMistakeTests\.swift:(\d+)/).map { String($0.1) })
    #expect(lines.count >= (mistake.hasBothLines ? 2 : 1), "\(text)")
  }
}
