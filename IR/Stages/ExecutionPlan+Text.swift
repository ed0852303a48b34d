extension ExecutionPlan: CustomStringConvertible {
  /// The plan as text: slots, steps with their regions indented, donations.
  public var description: String {
    var lines = ["plan @\(name) {"]
    for (number, slot) in slots.enumerated() {
      let name = slot.name.isEmpty ? "" : " // \(slot.name)"
      lines.append("  slot \(number): \(slot.type) = \(slot.place)\(name)")
    }
    print(0..<steps.count, "  ", &lines)
    for donation in donations {
      lines.append("  donation parameter \(donation.parameter) -> result \(donation.result)")
    }
    for donation in refusedDonations {
      lines.append("  donation parameter \(donation.parameter) -> result \(donation.result) refused")
    }
    for (number, result) in results.enumerated() {
      lines.append("  result \(number): \(result.type) = \(result.source)")
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  private func print(_ range: Range<Int>, _ indent: String, _ lines: inout [String]) {
    var number = range.lowerBound
    while number < range.upperBound {
      switch steps[number] {
      case .launch(let launch):
        let workspace = (launch.workspace.map { " workspace \($0)" } ?? "") + (launch.usesLibrary ? " by library" : "")
        lines.append(
          "\(indent)\(number): launch k\(launch.kernel) slots \(launch.slots) integers \(launch.integers)\(workspace)"
            + " // \(launch.label)")
      case .loop(let condition, let body, let predicate):
        lines.append("\(indent)\(number): loop while slot \(predicate)")
        lines.append("\(indent)  condition")
        print(condition, indent + "    ", &lines)
        lines.append("\(indent)  body")
        print(body, indent + "    ", &lines)
      case .branch(let regions, let selector):
        lines.append("\(indent)\(number): branch on slot \(selector)")
        for (index, region) in regions.enumerated() {
          lines.append("\(indent)  region \(index)")
          print(region, indent + "    ", &lines)
        }
      case .repeat(let count, let isReversed, let body):
        lines.append("\(indent)\(number): repeat \(count) times\(isReversed ? ", the last part first" : "")")
        print(body, indent + "    ", &lines)
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
