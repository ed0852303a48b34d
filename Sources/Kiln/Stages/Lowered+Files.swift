public import KilnIR
import KilnRuntime
import SystemPackage

extension Lowered {
  /// Writes every stage into a folder, numbered in the order in which a program passes them: modules (`00-module.kiln`,
  /// …, each of which `kiln` reads, with the lines of the source), fusion, kernels, memory, plan, and the code where
  /// there is LLVM.
  /// - Throws: `file.C1` when the folder or a file cannot be written.
  public func write(to folder: String) throws(KilnError) {
    try Self.makeFolder(folder)
    for (number, stage) in modules.enumerated() {
      let name = String(stage.name.map { $0.isLetter || $0.isNumber ? $0 : "-" })
      try Self.write(stage.module.descriptionWithLocations, "\(folder)/\(number < 10 ? "0" : "")\(number)-\(name).kiln")
    }
    try Self.write(fusion.description, "\(folder)/50-fusion.txt")
    try Self.write(kernelText, "\(folder)/60-kernels.txt")
    try Self.write(plan.memory.description, "\(folder)/70-memory.txt")
    try Self.write(plan.description, "\(folder)/80-plan.txt")
    guard let llvm = try? code(assembly: false), let assembly = try? code(assembly: true) else { return }
    for (name, text) in llvm { try Self.write(text, "\(folder)/\(name).ll") }
    for (name, text) in assembly { try Self.write(text, "\(folder)/\(name).s") }
  }

  private static func makeFolder(_ path: String) throws(KilnError) {
    do throws(Errno) {
      try FileSystem.makeFolder(path, permissions: FilePermissions(rawValue: 0o777))
    } catch {
      throw KilnError("file.C1", "cannot make the folder \(path): \(error)")
    }
  }

  private static func write(_ text: String, _ path: String) throws(KilnError) {
    do throws(Errno) {
      try FileSystem.write(Array((text.hasSuffix("\n") ? text : text + "\n").utf8), to: path)
    } catch {
      throw KilnError("file.C1", "cannot write \(path): \(error)")
    }
  }
}
