import Foundation
import Kiln

/// A text as numbers of its characters, and a part of it that is held out.
struct Corpus {
  /// The characters that occur, sorted.
  let alphabet: [Character]
  let training: [Int32]
  let heldOut: [Int32]
  private let numbers: [Character: Int32]

  /// The pages in Documentation; every tenth piece of 2,000 characters is held out. Characters that are rarer than 20
  /// are one.
  static func documentation() throws -> Corpus {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Documentation")
    let folder = root.standardized
    let pages = try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".md") }.sorted()
    return Corpus(
      try pages.map { try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8) }.joined())
  }

  init(_ text: String) {
    let characters = Array(text)
    var counts: [Character: Int] = [:]
    for character in characters { counts[character, default: 0] += 1 }
    let rare: Character = "\u{FFFD}"
    alphabet = [rare] + counts.filter { $0.value >= 20 && $0.key != rare }.keys.sorted()
    numbers = Dictionary(uniqueKeysWithValues: zip(alphabet, Int32(0)...))
    var (training, heldOut): ([Int32], [Int32]) = ([], [])
    for (index, character) in characters.enumerated() {
      let number = numbers[character] ?? 0
      if index / 2000 % 10 == 9 { heldOut.append(number) } else { training.append(number) }
    }
    (self.training, self.heldOut) = (training, heldOut)
  }

  func ids(of text: String) -> [Int32] { text.map { numbers[$0] ?? 0 } }

  /// Batches of windows [batch, time], and the characters that follow on each of theirs, also [batch, time].
  /// - Parameters:
  ///   - offset: where the first window begins.
  ///   - key: of the order of the windows; without one it is that of the text.
  func windows(
    of ids: [Int32], time: Int, batch: Int, offset: Int = 0, key: RandomKey? = nil
  ) -> [(Tensor<Int32>, Tensor<Int32>)] {
    let count = (ids.count - 1 - offset) / (time * batch)
    let order = key.map { Tensor<Int32>.randomPermutation(count * batch, key: $0).scalars.map { Int($0) } }
    return (0..<count).map { number in
      let places = number * batch..<(number + 1) * batch
      let starts = places.map { offset + (order?[$0] ?? $0) * time }
      return (
        Tensor(starts.flatMap { ids[$0..<$0 + time] }, shape: [batch, time]),
        Tensor(starts.flatMap { ids[$0 + 1..<$0 + time + 1] }, shape: [batch, time])
      )
    }
  }
}

/// What goes wrong in an example other than in Kiln.
struct ExampleError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
