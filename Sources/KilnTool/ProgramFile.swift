import Foundation
import KilnIR

/// A text of the command line: a file, or standard input.
struct TextFile {
  /// As diagnostics name it.
  let name: String
  let text: String

  /// Reads `path`; `-` is standard input.
  init(_ path: String) throws(ToolError) {
    let name = path == "-" ? "<stdin>" : path
    let bytes: Data
    if path != "-", access(path, R_OK) != 0 {
      throw ToolError(usage: "cannot read \(name): \(String(cString: strerror(errno)))")
    }
    do {
      bytes =
        path == "-"
        ? try FileHandle.standardInput.readToEnd() ?? Data() : try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      throw ToolError(usage: "cannot read \(name): \(Self.reason(error))")
    }
    self.name = name
    text = try reporting(name) { () throws(KilnError) in
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw KilnError("parse.C1", "expected the text of a module or a plan, found bytes that are not UTF-8")
      }
      return text
    }
  }

  /// What the system says of a file, without Foundation's wrapping.
  static func reason(_ error: any Error) -> String {
    let error = error as NSError
    let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
    guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
    return String(cString: strerror(Int32(cause.code)))
  }
}

/// The module of a `.kiln` file.
struct ProgramFile {
  /// As diagnostics name it.
  let name: String
  var module: Module

  /// Reads and checks `path`; `-` is standard input.
  init(_ path: String) throws(ToolError) { try self.init(TextFile(path)) }

  init(_ file: TextFile) throws(ToolError) {
    name = file.name
    module = try reporting(file.name) { () throws(KilnError) in
      let module = try Module(parsing: file.text, file: file.name)
      guard !module.functions.isEmpty else { throw KilnError("parse.C1", "expected 'func', found the end of the text") }
      return module
    }
  }

  /// The function of that name; without one the last that no other runs: what a trace traced, or what the last pass
  /// made. Where there are several, standard error says which it is.
  func function(_ name: String?) throws(ToolError) -> Function {
    guard let name else { return lastFree }
    let plain = name.hasPrefix("@") ? String(name.dropFirst()) : name
    if let function = module[plain] { return function }
    let known = module.functions.map { "@\($0.name)" }.joined(separator: ", ")
    throw ToolError(usage: "\(self.name) has no function @\(plain); it has \(known)")
  }

  private var lastFree: Function {
    let run = Set(module.functions.flatMap { $0.instructions.elements.flatMap(\.op.callees) })
    let free = module.functions.filter { !run.contains($0.name) }
    // Functions run earlier ones only, so the last is free.
    let last = module.functions[module.functions.count - 1]
    let others = free.dropLast().map { "@\($0.name)" }
    if !others.isEmpty {
      note("takes @\(last.name), the last function; --function chooses another: \(others.joined(separator: ", "))")
    }
    return last
  }
}
