package import KilnIR

extension Pipeline {
  /// A pass that text can name: how it is written, and how it is made of its arguments.
  private struct Entry: Sendable {
    let usage: String
    let make: @Sendable ([String]) -> Pass?

    var name: Substring { usage.prefix { $0 != "(" } }

    init(_ usage: String, _ make: @escaping @Sendable ([String]) -> Pass?) {
      self.usage = usage
      self.make = make
    }

    /// A pass without arguments.
    init(_ pass: Pass) { self.init(pass.name) { $0.isEmpty ? pass : nil } }

    /// A transform of a function with respect to some of its parameters.
    init(derivative name: String, _ make: @escaping @Sendable (String, [Int]) -> Pass) {
      self.init("\(name)(FUNCTION, PARAMETER, ...)") { arguments in
        let indices = arguments.dropFirst().compactMap { Int($0) }
        guard let function = arguments.first, !indices.isEmpty, indices.count == arguments.count - 1 else { return nil }
        return make(function, indices)
      }
    }
  }

  private static let entries: [Entry] = [
    Entry(.inline),
    Entry(.inlineAll),
    Entry("keep(FUNCTION)") { $0.count == 1 ? .keep($0[0]) : nil },
    Entry(.eraseStopGradient),
    Entry(.simplify),
    Entry(.eliminateCommonSubexpressions),
    Entry(.eliminateDeadCode),
    Entry("trim(FUNCTION)") { $0.count == 1 ? .trimRegions(of: $0[0]) : nil },
    Entry(derivative: "gradient") { .gradient(of: $0, withRespectTo: $1) },
    Entry(derivative: "valueAndGradient") { .valueAndGradient(of: $0, withRespectTo: $1) },
    Entry(derivative: "vjp") { .vjp(of: $0, withRespectTo: $1) },
    Entry(derivative: "jvp") { .jvp(of: $0, withRespectTo: $1) },
    Entry(derivative: "jacobian") { .jacobian(of: $0, withRespectTo: $1, mode: .reverse) },
    Entry(derivative: "forwardJacobian") { .jacobian(of: $0, withRespectTo: $1, mode: .forward) },
    Entry(derivative: "hessian") { .hessian(of: $0, withRespectTo: $1) },
    Entry(derivative: "hessianVectorProduct") { .hessianVectorProduct(of: $0, withRespectTo: $1) },
    Entry("checkpoint(FUNCTION)") { $0.count == 1 ? .checkpoint(callsOf: $0[0]) : nil },
    Entry("bind(NAME, SIZE)") { arguments in
      guard arguments.count == 2, let size = Int(arguments[1]), size >= 0 else { return nil }
      return .bind([arguments[0]: size])
    },
    Entry("vmap(FUNCTION, SIZE, PARAMETER, ...)") { arguments in
      let parameters = arguments.dropFirst(2).compactMap { Int($0) }
      guard arguments.count >= 3, parameters.count == arguments.count - 2 else { return nil }
      let name = Dimension.isName(arguments[1]) ? Dimension(named: arguments[1]) : nil
      guard let size = Int(arguments[1]).map({ Dimension($0) }) ?? name else { return nil }
      return .vmap(of: arguments[0], size: size, over: parameters)
    },
  ]

  /// How each pass is written, for help texts.
  package static var usages: [String] { ["default"] + entries.map(\.usage) }

  /// Reads passes as on the command line: `simplify,gradient(f, 0)`. `default` stands for the default pipeline.
  ///
  /// - Throws: `pipeline.C1` an unknown name, with the names that there are; `pipeline.C2` other arguments than the
  ///   pass takes, or a parenthesis without its partner.
  package init(parsing text: String) throws(KilnError) {
    self.init([])
    for item in try Self.items(text) {
      if item == "default" {
        passes += Self.default.passes
      } else {
        passes.append(try Self.pass(item))
      }
    }
  }

  private static func pass(_ text: String) throws(KilnError) -> Pass {
    let name = trimmed(text.prefix { $0 != "(" })
    guard let entry = entries.first(where: { $0.name == name }) else {
      throw KilnError("pipeline.C1", "there is no pass '\(name)'; the passes are \(usages.joined(separator: ", "))")
    }
    var arguments: [String] = []
    if let open = text.firstIndex(of: "(") {
      let inside = text[text.index(after: open)...].dropLast()
      arguments = inside.split(separator: ",", omittingEmptySubsequences: false).map { trimmed($0) }
      if arguments.first?.hasPrefix("@") == true { arguments[0].removeFirst() }
    }
    guard !arguments.contains(""), let pass = entry.make(arguments) else {
      throw KilnError("pipeline.C2", "'\(text)' has the wrong arguments; write \(entry.usage)")
    }
    return pass
  }

  /// The parts between the commas outside parentheses.
  private static func items(_ text: String) throws(KilnError) -> [String] {
    var items: [String] = []
    var item = ""
    var isInside = false
    for character in text {
      let isClosing = character == ")"
      if character == "(" && isInside || isClosing && !isInside {
        throw KilnError("pipeline.C2", "'\(text)' has a '\(character)' without its partner")
      }
      if character == "(" { isInside = true }
      if character == "," && !isInside {
        items.append(trimmed(item))
        item = ""
      } else {
        item.append(character)
      }
      if isClosing { isInside = false }
    }
    if isInside { throw KilnError("pipeline.C2", "'\(text)' has a '(' without its partner") }
    items.append(trimmed(item))
    if items == [""] { return [] }
    for item in items where item.contains(")") && !item.hasSuffix(")") {
      throw KilnError("pipeline.C2", "'\(item)' has text after its arguments")
    }
    return items
  }

  private static func trimmed(_ text: some StringProtocol) -> String {
    let start = text.drop { $0.isWhitespace }
    return String(start.reversed().drop { $0.isWhitespace }.reversed())
  }
}
