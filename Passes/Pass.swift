package import KilnIR

/// One transformation of a module. A pass rebuilds functions; it never edits them.
package struct Pass: Sendable {
  /// The name in dumps and on the command line, with its arguments: `simplify`, `gradient(f, 0)`.
  package let name: String
  private let body: @Sendable (Module) throws(KilnError) -> Module

  package init(_ name: String, _ body: @escaping @Sendable (Module) throws(KilnError) -> Module) {
    self.name = name
    self.body = body
  }

  /// - Throws: what the pass has to say about the user's program, such as an op without a derivative.
  package func run(_ module: Module) throws(KilnError) -> Module { try body(module) }

  /// A pass that treats each function alone. `body` gets the module of the functions that are done already, which are
  /// all that the function may call.
  package static func perFunction(
    _ name: String, _ body: @escaping @Sendable (Function, Module) throws(KilnError) -> Function
  ) -> Pass {
    Pass(name) { module throws(KilnError) in
      var result = Module()
      for function in module.functions { try result.add(body(function, result)) }
      return result
    }
  }
}

extension Function {
  /// Checks the numbers of the parameters that a transform is about.
  /// - Throws: `label` for a number without a parameter, and for one that appears twice.
  package func requireParameters(_ numbers: [Int], _ label: String) throws(KilnError) {
    var seen: Set<Int> = []
    for number in numbers {
      guard parameters.indices.contains(number) else {
        let count = parameters.count == 1 ? "1 parameter" : "\(parameters.count) parameters"
        throw KilnError(label, "@\(name) has \(count), numbered from 0; there is no parameter \(number)")
      }
      guard seen.insert(number).inserted else {
        throw KilnError(label, "parameter \(number) of @\(name), %\(parameters[number].name), is named twice")
      }
    }
  }
}

extension Module {
  /// `append` with the failure as a `KilnError`.
  package mutating func add(_ function: Function) throws(KilnError) {
    do { try append(function) } catch { throw KilnError(error) }
  }

  /// The function named `name`.
  /// - Throws: `module.C2` if it does not exist, with the names of those that do.
  package func require(_ name: String) throws(KilnError) -> Function {
    if let function = self[name] { return function }
    let known = functions.isEmpty ? "none" : functions.map { "@" + $0.name }.joined(separator: ", ")
    throw KilnError("module.C2", "there is no function @\(name); the module has \(known)")
  }
}
