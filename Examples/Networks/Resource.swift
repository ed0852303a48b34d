import Foundation
import KilnData

/// Files of the example: flowers, and what scikit-learn finds. `Utilities/example-scores.py` makes both.
enum Resource {
  static func path(of name: String) throws -> String {
    guard let path = Bundle.module.path(forResource: "Resources/\(name)", ofType: nil) else {
      throw ExampleError("\(name) is not beside the program")
    }
    return path
  }

  /// What scikit-learn finds in the same data.
  static func score(_ name: String) throws -> Double {
    let table = try CSVTable(contentsOf: path(of: "scikit-learn.csv"))
    guard let row = try table.strings("example").firstIndex(of: name) else {
      throw ExampleError("scikit-learn.csv has no score of \(name)")
    }
    return try table.values("score", as: Double.self).scalars[row]
  }
}
