import Foundation

/// The files of the repository, by their paths in it.
enum Repository {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  static func text(_ path: String) throws -> String {
    String(decoding: try Data(contentsOf: root.appendingPathComponent(path)), as: UTF8.self)
  }

  /// The files with one of the extensions in or below the folders, in order.
  static func files(in folders: [String], _ extensions: Set<String>) -> [String] {
    folders.flatMap { folder in
      let names = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
      return (names?.compactMap { $0 as? String } ?? [])
        .filter { name in
          let isHidden = name.split(separator: "/").contains { $0.hasPrefix(".") }
          guard !isHidden, extensions.contains((name as NSString).pathExtension) else { return false }
          return !root.appendingPathComponent("\(folder)/\(name)").hasDirectoryPath
        }
        .sorted().map { "\(folder)/\($0)" }
    }
  }

  /// What a user reads: the README, and the pages beside it and in the reference.
  static var pages: [String] { ["README.md"] + files(in: ["Documentation", "Sources/Kiln"], ["md"]) }

  /// The code that a user runs.
  static var sources: [String] { files(in: ["IR", "Passes", "Runtime", "Sources", "Benchmarks"], ["swift"]) }

  /// Every text that people write, apart from data and expected output.
  static var texts: [String] {
    let folders = ["Benchmarks", "Documentation", "Examples", "IR", "Passes", "Runtime", "Sources", "Tests"]
    return ["README.md", "Package.swift", "Makefile"] + files(in: folders, ["swift", "md", "h", "c", "kiln"])
      + files(in: ["Utilities"], ["", "py"])
  }

  /// Every file and folder, by its path.
  static let paths: Set<String> = {
    let names = FileManager.default.enumerator(atPath: root.path)
    var paths: Set<String> = []
    while let name = names?.nextObject() as? String {
      if name.hasPrefix(".") { names?.skipDescendants() } else { paths.insert(name) }
    }
    return paths
  }()
}
