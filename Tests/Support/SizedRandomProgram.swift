import KilnIR

/// A program, the same with names for some sizes, and the numbers of the names.
public struct SizedRandomProgram {
  public let seed: UInt64
  public let program: RandomProgram
  public let named: RandomProgram
  public let original: [String: Int]

  /// Nil where no extent of a parameter can have a name.
  public init?(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let program = try RandomProgram(seed: seed)
    // Whether an axis of one element repeats is decided by the declaration.
    let numbers = program.parameterSizes.filter { $0 != 1 }.sorted()
    let chosen = numbers.filter { _ in Bool.random(using: &random) }
    guard let first = numbers.first else { return nil }
    let names = Dictionary(uniqueKeysWithValues: (chosen.isEmpty ? [first] : chosen).map { ($0, "s\($0)") })
    self.seed = seed
    self.program = program
    named = try program.naming(names, seed: random.next())
    original = Dictionary(uniqueKeysWithValues: names.map { ($0.value, $0.key) })
  }

  /// The sizes of the program itself, and some where one is another.
  public func bindings(_ count: Int) -> [[String: Int]] {
    var random = SplitMix64(seed: seed &+ 99)
    var bindings = [original]
    for number in 0..<count {
      var sizes = original
      guard let name = sizes.keys.sorted().randomElement(using: &random) else { break }
      sizes[name] = number < 2 ? number : [2, 3, 4, 7, (sizes[name] ?? 0) + 1].randomElement(using: &random)
      bindings.append(sizes)
    }
    return bindings
  }
}
