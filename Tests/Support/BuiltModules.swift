import Foundation

/// The modules that lie beside the tests, for tests that start the compiler.
package enum BuiltModules {
  /// The folder that the tests were built into.
  private static let folder =
    URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()

  /// What finds `import Kiln`, and the C modules that it was built with: those whose maps were made by the build, and
  /// those that bring their own among the checkouts beside it.
  package static func searchPaths() -> [String] {
    func names(_ folder: URL) -> [URL] {
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    }
    let made = names(folder).filter { $0.lastPathComponent.hasPrefix("C") && $0.pathExtension == "build" }
    let checkouts = folder.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("checkouts")
    let sources = names(checkouts).flatMap { names($0.appendingPathComponent("Sources")) }
    // Modules of the system's libraries.
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../../Sources")
    let system = names(root.standardizedFileURL).filter { $0.lastPathComponent.hasPrefix("C") }
    let maps = (made + sources.map { $0.appendingPathComponent("include") } + system)
      .map { $0.appendingPathComponent("module.modulemap").path }
      .filter { FileManager.default.fileExists(atPath: $0) }.sorted()
    return ["-I", folder.appendingPathComponent("Modules").path]
      + maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
  }

  /// What expands the macros, if they were built.
  package static func plugins() -> [String] {
    let plugin = folder.appendingPathComponent("KilnMacroPlugin-tool").path
    guard FileManager.default.isExecutableFile(atPath: plugin) else { return [] }
    return ["-load-plugin-executable", "\(plugin)#KilnMacroPlugin"]
  }
}
