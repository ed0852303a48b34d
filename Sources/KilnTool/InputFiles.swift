import Foundation
import Kiln
import KilnIR

/// The `--input NAME=FILE.npy` of the command line.
struct InputFiles {
  private var paths: [String: String] = [:]
  /// Where the inputs of a dump lie: in the folder of the program.
  private let folder: String?

  init(_ texts: [String], beside program: String) throws(ToolError) {
    folder = program == "-" ? nil : URL(fileURLWithPath: program).deletingLastPathComponent().path
    for text in texts {
      guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
        throw ToolError(usage: "--input takes NAME=FILE.npy, found '\(text)'")
      }
      var name = String(text[..<equals])
      if name.hasPrefix("%") { name.removeFirst() }
      guard paths.updateValue(String(text[text.index(after: equals)...]), forKey: name) == nil else {
        throw ToolError(usage: "--input gives %\(name) twice")
      }
    }
  }

  /// A tensor for each parameter. One that is not named is read from NAME.npy beside the program; standard error says
  /// so of those that are not hidden.
  func tensors(for parameters: [Function.Parameter], of function: String) throws(ToolError) -> [AnyTensor] {
    let names = parameters.map(\.name)
    for name in paths.keys.sorted() where !names.contains(name) {
      let list = names.isEmpty ? "none" : names.map { "%\($0)" }.joined(separator: ", ")
      throw ToolError(usage: "@\(function) has no parameter %\(name); it has \(list)")
    }
    var tensors: [AnyTensor] = []
    var missing: [String] = []
    var found: [String] = []
    for parameter in parameters {
      guard let path = path(of: parameter) else {
        missing.append("--input \(parameter.name)=FILE.npy (\(parameter.type))")
        continue
      }
      tensors.append(try Self.read(path, parameter, of: function))
      if paths[parameter.name] == nil && !parameter.isHidden { found.append("%\(parameter.name)") }
    }
    guard missing.isEmpty else {
      throw ToolError(usage: "@\(function) needs \(missing.joined(separator: ", "))")
    }
    if !found.isEmpty, let folder { note("read \(found.joined(separator: ", ")) from \(folder)") }
    return tensors
  }

  private func path(of parameter: Function.Parameter) -> String? {
    if let path = paths[parameter.name] { return path }
    guard let folder else { return nil }
    let path = "\(folder)/\(parameter.name).npy"
    return FileManager.default.fileExists(atPath: path) ? path : nil
  }

  private static func read(
    _ path: String, _ parameter: Function.Parameter, of function: String
  ) throws(ToolError) -> AnyTensor {
    guard FileManager.default.isReadableFile(atPath: path) else {
      throw ToolError(usage: "cannot read \(path), the input for %\(parameter.name)")
    }
    return try reporting(path) { () throws(KilnError) in
      let tensor = try tensor(path)
      guard tensor.type == parameter.type else {
        throw KilnError(
          "run.C2", "%\(parameter.name) of @\(function) is \(parameter.type), the file holds \(tensor.type)")
      }
      return tensor
    }
  }

  /// The array of a file. Mistakes are reported at the file, not at the line of this program that reads it.
  private static func tensor(_ path: String) throws(KilnError) -> AnyTensor {
    do {
      return try AnyTensor(contentsOfNPY: path)
    } catch {
      throw KilnError(
        error.diagnostics.map { diagnostic in
          let isNamed = diagnostic.message.hasPrefix("\(path): ")
          let message = isNamed ? String(diagnostic.message.dropFirst(path.count + 2)) : diagnostic.message
          return Diagnostic(diagnostic.label, message, notes: diagnostic.notes)
        })
    }
  }
}
