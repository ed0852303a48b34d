/// The text form of plans. The plan itself, its memory unless it needs none, and its kernels follow one another:
///
///     plan @main {
///       numerics 1
///       device "cpu" {kind = cpu, …}
///       parameter 0: %x: f32[4]
///       constant 0: i32[2] = [1, 2]
///       slot 0: f32[4] = result 0 // %1
///       slot 1: f32[4] = parameter 0 // %x
///       0: launch k0 slots [1, 0] integers [4] // gather+negate
///         site 1: gather axis 0 of 4 at "main.swift":7:3
///       1: repeat 3 times {
///         2: …
///       }
///       chain steps 3 ... 5: 8 batches of 512 rows, 96 at once
///       donation parameter 0 -> result 0
///       result 0: f32[4] = written
///     }
///     memory {…}
///     k0: kernel {…}
///
/// The comments behind slots and launches are their names and labels, and are read.
extension ExecutionPlan: CustomStringConvertible {
  public var description: String {
    var lines = ["plan @\(name) {", "  numerics \(NumericsVersion.current)", "  device \(device.text)"]
    for (number, parameter) in parameters.enumerated() {
      lines.append(
        "  parameter \(number): \(parameter.isHidden ? "hidden " : "")%\(parameter.name): \(parameter.type)")
    }
    for (number, literal) in constants.enumerated() {
      let value = SourceOp.constant(literal).attributes.map(\.value.description).joined()
      lines.append("  constant \(number): \(literal.type) = \(value)")
    }
    for (number, slot) in slots.enumerated() {
      lines.append("  slot \(number): \(slot.type) = \(slot.place)\(Self.comment(slot.name))")
    }
    print(0..<steps.count, "  ", &lines)
    for chain in chains { lines.append("  \(chain)") }
    for donation in donations {
      lines.append("  donation parameter \(donation.parameter) -> result \(donation.result)")
    }
    for donation in refusedDonations {
      lines.append("  donation parameter \(donation.parameter) -> result \(donation.result) refused")
    }
    for (number, result) in results.enumerated() {
      lines.append("  result \(number): \(result.type) = \(result.source)")
    }
    lines.append("}")
    if memory != .empty { lines.append(memory.description) }
    let text = lines.joined(separator: "\n") + "\n"
    return kernels.enumerated().reduce(text) { $0 + "k\($1.offset): \($1.element)" }
  }

  private static func comment(_ text: String) -> String { text.isEmpty ? "" : " // \(text)" }

  private func print(_ range: Range<Int>, _ indent: String, _ lines: inout [String]) {
    func print(_ name: String, _ region: Range<Int>, _ indent: String, _ lines: inout [String]) {
      lines.append("\(indent)\(name) {")
      self.print(region, indent + "  ", &lines)
      lines.append("\(indent)}")
    }
    var number = range.lowerBound
    while number < range.upperBound {
      switch steps[number] {
      case .launch(let launch):
        let workspace = (launch.workspace.map { " workspace \($0)" } ?? "") + (launch.usesLibrary ? " by library" : "")
        lines.append(
          "\(indent)\(number): launch k\(launch.kernel) slots \(launch.slots) integers \(launch.integers)\(workspace)"
            + Self.comment(launch.label))
        for (index, site) in launch.sites.enumerated() { lines.append("\(indent)  site \(index + 1): \(site)") }
      case .loop(let condition, let body, let predicate):
        lines.append("\(indent)\(number): loop while slot \(predicate) {")
        print("condition", condition, indent + "  ", &lines)
        print("body", body, indent + "  ", &lines)
        lines.append("\(indent)}")
      case .branch(let regions, let selector):
        lines.append("\(indent)\(number): branch on slot \(selector) {")
        for (index, region) in regions.enumerated() { print("region \(index)", region, indent + "  ", &lines) }
        lines.append("\(indent)}")
      case .repeat(let count, let isReversed, let body):
        print(
          "\(number): repeat \(count) times\(isReversed ? ", the last part first" : "")", body, indent, &lines)
      }
      number = end(ofStep: number)
    }
  }
}

extension ExecutionPlan.Slot.Place: CustomStringConvertible {
  public var description: String {
    switch self {
    case .parameter(let index): "parameter \(index)"
    case .result(let index): "result \(index)"
    case .constant(let index): "constant \(index)"
    case .arena(let offset): "arena + \(offset)"
    case .block(let offset): "block + \(offset)"
    case .element(let slot, let step): "element of slot \(slot) by step \(step)"
    }
  }
}

extension ExecutionPlan.Result.Source: CustomStringConvertible {
  public var description: String {
    switch self {
    case .written: "written"
    case .parameter(let index): "parameter \(index)"
    case .result(let index): "result \(index)"
    }
  }
}

extension ExecutionPlan.Site: CustomStringConvertible {
  /// Addresses of the process that made the plan mean nothing in a text.
  public var description: String {
    let place =
      switch location {
      case .unknown, .returnAddresses: ""
      case .position(let file, let line, let column): " at \(file.quoted):\(line)" + (column > 0 ? ":\(column)" : "")
      }
    return "\(spelling) axis \(axis) of \(extent)\(place)"
  }
}
