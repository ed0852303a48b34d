import Foundation

/// Files of the example: flowers, and what scikit-learn finds. `Utilities/example-scores.py` makes both.
enum Resource {
  /// The numbers of a CSV file, without its first line.
  static func rows(_ name: String) throws -> [[Double]] {
    try lines(name).map { $0.compactMap { Double($0) } }
  }

  /// What scikit-learn finds in the same data.
  static func score(_ name: String) throws -> Double {
    guard let line = try lines("scikit-learn").first(where: { $0.first == name }), let score = Double(line[1]) else {
      throw ExampleError("scikit-learn.csv has no score of \(name)")
    }
    return score
  }

  private static func lines(_ name: String) throws -> [[String]] {
    guard let file = Bundle.module.url(forResource: name, withExtension: "csv", subdirectory: "Resources") else {
      throw ExampleError("\(name).csv is not beside the program")
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    return text.split(separator: "\n").dropFirst().map { $0.split(separator: ",").map(String.init) }
  }
}
