import KilnIR
import KilnPasses
import Testing

/// Every pass that text can name, with every mistake that its arguments allow. The passes and their arguments are those
/// of the pipeline's own list, so a new pass is in the table by itself.
@Suite("Mistakes in the arguments of passes")
struct PassMistakeTests {
  /// @f takes reals and an integer, and calls @g; its result is a real scalar.
  static let program = """
    func @g(%x: f32[3]) -> (f32[3]) {
      %0: f32[3] = sin(%x)
      return %0
    }

    func @f(%x: f32[3], %i: i32[3], %y: f32[3]) -> (f32[]) {
      %0: f32[3] = call(%x) {callee = @g}
      %1: f32[3] = convert(%i)
      %2: f32[3] = multiply(%0, %1)
      %3: f32[3] = multiply(%2, %y)
      %4: f32[] = reduce(%3) {kind = sum, axes = [0]}
      return %4
    }

    """

  /// What a pass is given for each of its arguments where they are right.
  private static func right(_ kind: String) -> String { ["FUNCTION": "f", "SIZE": "2", "PARAMETER": "0"][kind] ?? "?" }

  /// Arguments that are wrong, with the label of the diagnostic; nil: right after all.
  private static func mistakes(_ name: String, _ kinds: [String]) -> [(text: String, label: String?)] {
    func with(_ kind: String, _ values: String...) -> String {
      "\(name)(" + kinds.flatMap { $0 == kind ? values : [right($0)] }.joined(separator: ", ") + ")"
    }
    if kinds.isEmpty { return [("\(name)(f)", "pipeline.C2"), ("\(name)(0)", "pipeline.C2"), (name, nil)] }
    var mistakes: [(text: String, label: String?)] = [
      (name, "pipeline.C2"), ("\(name)()", "pipeline.C2"), ("\(name)(", "pipeline.C2"), ("\(name)(,)", "pipeline.C2"),
      (with("FUNCTION", "nothing"), "module.C2"), (with("FUNCTION", "@nothing"), "module.C2"),
      (with("FUNCTION", "f"), nil), (with("FUNCTION", "@f"), nil), (with("FUNCTION", "f") + " and more", "pipeline.C2"),
    ]
    guard kinds.contains("PARAMETER") else { return mistakes + [(with("FUNCTION", "f", "0"), "pipeline.C2")] }
    let isBatching = kinds.contains("SIZE")
    let label = isBatching ? "vmap.C1" : "gradient.C1"
    mistakes += [
      (with("PARAMETER"), "pipeline.C2"), (with("PARAMETER", "x"), "pipeline.C2"),
      (with("PARAMETER", "0.5"), "pipeline.C2"), (with("PARAMETER", "99999999999999999999"), "pipeline.C2"),
      (with("PARAMETER", "3"), label), (with("PARAMETER", "-1"), label), (with("PARAMETER", "2", "0", "2"), label),
      (with("PARAMETER", "0", "0"), label), (with("PARAMETER", "1"), isBatching ? nil : "gradient.C3"),
      (with("PARAMETER", "2", "1"), isBatching ? nil : "gradient.C3"), (with("PARAMETER", "2", "0"), nil),
    ]
    guard isBatching else { return mistakes }
    return mistakes + [
      (with("SIZE"), "pipeline.C2"), (with("SIZE", "-1"), "vmap.C2"), (with("SIZE", "0"), nil),
      (with("SIZE", "9223372036854775807"), "type.C1"), (with("SIZE", "2two"), "pipeline.C2"),
      (with("SIZE", "two"), nil),
    ]
  }

  @Test("each mistake has its label, and no message names a function that the pass makes", arguments: Pipeline.usages)
  func mistakes(usage: String) throws {
    let module = try Module(parsing: Self.program, file: "mistakes.kiln")
    let name = String(usage.prefix { $0 != "(" })
    let kinds = usage.matches(of: /[A-Z]{3,}/).map { String($0.output) }
    // `bind` takes no function: its mistakes are those of sizes.
    if name == "default" || name == "bind" { return }
    for (text, label) in Self.mistakes(name, kinds) {
      var found: Diagnostic?
      do throws(KilnError) {
        _ = try Pipeline(parsing: text).run(module, verifying: true)
      } catch { found = error.diagnostics.first ?? Diagnostic("none", "an error without a diagnostic") }
      #expect(found?.label == label, "\(text): \(found?.description ?? "no mistake")")
      guard let message = found?.message, found?.label.hasPrefix("pipeline") == false else { continue }
      #expect(!message.contains(/@[fg]_/), "\(text): \(message)")
      // Only what takes a gradient may speak of one.
      let takesGradient = ["gradient", "valueAndGradient", "hessian", "hessianVectorProduct"].contains(name)
      #expect(takesGradient || !message.contains("gradient"), "\(text): \(message)")
      let isAboutSizes = label == "vmap.C2" || label == "type.C1"
      #expect(isAboutSizes || message.contains("@f") || message.contains("@nothing"), "\(text): \(message)")
    }
  }
}
