/// Writes functions in the text form of the IR (Spec.md section 1): canonical names, one instruction a line.
///
/// It does not know ops by name, and it prints broken functions, too, because the verifier shows them.
package struct Printer {
  /// What stands behind each instruction as `// at FILE:LINE`; nil: nothing. It may find the line of raw return
  /// addresses.
  private let place: ((SourceLocation) -> SourceLocation)?

  package init(locatedBy place: ((SourceLocation) -> SourceLocation)? = nil) { self.place = place }

  package func text(of module: Module) -> String {
    module.functions.map { text(of: $0) }.joined(separator: "\n")
  }

  package func text(of function: Function) -> String {
    var lines = [header(of: function)]
    for requirement in function.requirements {
      lines.append("  require \(requirement.constraint) \(requirement.label)" + comment(requirement.location))
    }
    for id in function.instructions.ids { lines.append("  " + line(of: id, in: function)) }
    let results = function.results.map { function.name(of: $0) }.joined(separator: ", ")
    lines.append(results.isEmpty ? "  return" : "  return \(results)")
    lines.append("}\n")
    return lines.joined(separator: "\n")
  }

  private func header(of function: Function) -> String {
    let parameters = function.parameters.map { "\($0.isHidden ? "hidden " : "")%\($0.name): \($0.type)" }
    let results = function.results.map { type(of: $0, in: function) }
    return "func @\(function.name)(\(parameters.joined(separator: ", "))) -> (\(results.joined(separator: ", "))) {"
  }

  /// One instruction, without indentation.
  package func line(of id: InstructionID, in function: Function) -> String {
    let instruction = function.instructions[id]
    var line = instruction.results.map { "\(function.name(of: $0)): \(type(of: $0, in: function))" }
      .joined(separator: ", ")
    if !line.isEmpty { line += " = " }
    line += instruction.op.spelling
    line += "(" + instruction.operands.map { function.name(of: $0) }.joined(separator: ", ") + ")"
    let attributes = instruction.op.attributes
    if !attributes.isEmpty {
      line += " {" + attributes.map { "\($0.name) = \($0.value)" }.joined(separator: ", ") + "}"
    }
    return id.index < function.locations.count ? line + comment(function.locations[id]) : line
  }

  private func comment(_ location: SourceLocation) -> String {
    guard let found = place?(location) else { return "" }
    switch found {
    // An address would not help a reader.
    case .unknown, .returnAddresses: return ""
    case .position: return " // at \(found)"
    }
  }

  private func type(of value: ValueID, in function: Function) -> String {
    value.index < function.valueTypes.count ? function.valueTypes[value].description : "?"
  }
}

extension Function {
  /// The name of a value in the text: `%x` for a parameter, `%0` … for the results of instructions.
  package func name(of value: ValueID) -> String {
    isParameter(value) ? "%\(parameters[value.index].name)" : "%\(value.index - parameters.count)"
  }
}

extension Function: CustomStringConvertible {
  /// The canonical text.
  public var description: String { Printer().text(of: self) }
}

extension Module: CustomStringConvertible {
  /// The canonical text of all functions.
  public var description: String { Printer().text(of: self) }
}
