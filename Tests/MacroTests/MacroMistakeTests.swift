#if Macros
  import SwiftSyntaxMacrosGenericTestSupport
  import Testing

  @Suite("Mistakes in macros")
  struct MacroMistakeTests {
    /// Compares what is said of a struct with one property, and the fix.
    private func expect(
      _ property: String, is reason: String, column: Int = 7, location: Testing.SourceLocation = #_sourceLocation
    ) {
      func text(_ attribute: String, _ mark: String) -> String {
        "\(attribute)struct Model {\n  \(mark)\(property)\n  var good: Tensor<Float>\n}"
      }
      Expansion.expect(
        text("@TensorTree\n", ""),
        becomes: text("", "") + """


          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 4)
              visitor.property(&self.good, "good")
              #sourceLocation()
            }
          }
          """,
        diagnostics: [
          DiagnosticSpec(
            message: "'bad' \(reason)", line: 3, column: column,
            fixIts: [FixItSpec(message: "leave it out of the tree with @Ignored")])
        ], fixed: text("@TensorTree\n", "@Ignored "), location: location)
    }

    @Test("what can be neither a tree nor a constant is an error on its line, with the fix that ignores it")
    func properties() {
      let closure = "has a closure, which is neither a TensorTree nor Hashable"
      expect("var bad: () -> Void", is: closure)
      expect("var bad = { 3 }", is: closure)
      expect("let bad: (@Sendable (Float) -> Float)?", is: closure)
      expect("public var bad: [String: [@Sendable () -> Void]]", is: closure, column: 14)
      expect("var bad: Optional<Array<() -> Void>>", is: closure)
      let tuple = "has a tuple, which is neither a TensorTree nor Hashable: a struct can be both"
      expect("var bad: (Int, Tensor<Float>)", is: tuple)
      expect("var bad = (1, 2)", is: tuple)
      expect("var bad: Int.Type", is: "has a type, which is neither a TensorTree nor Hashable")
      expect("var bad: Any", is: "has values of `Any`, which is neither a TensorTree nor Hashable")
      expect("var bad: [AnyObject]", is: "has values of `AnyObject`, which is neither a TensorTree nor Hashable")
      expect(
        "weak var bad: Thing?",
        is: "refers to an object without keeping it, which is neither a TensorTree nor Hashable",
        column: 12)
      expect(
        "lazy var bad = 3", is: "is lazy: it has a value from its first use on, and a part of a tree has one always",
        column: 12)
    }

    @Test("in a line with several names each is an error")
    func several() {
      Expansion.expect(
        """
        @TensorTree
        struct Model {
          var a, b: () -> Void
        }
        """,
        becomes: """
          struct Model {
            var a, b: () -> Void
          }

          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
            }
          }
          """,
        diagnostics: [("a", 7), ("b", 10)].map { name, column in
          DiagnosticSpec(
            message: "'\(name)' has a closure, which is neither a TensorTree nor Hashable", line: 3, column: column,
            fixIts: [FixItSpec(message: "leave it out of the tree with @Ignored")])
        })
    }

    /// Compares what is said of a declaration to which a macro cannot be attached.
    private func expect(
      _ declaration: String, with macro: String, says message: String, line: Int = 1, column: Int = 1,
      fixIts: [FixItSpec] = [], fixed: String? = nil, location: Testing.SourceLocation = #_sourceLocation
    ) {
      Expansion.expect(
        declaration.replacing("MACRO", with: macro), becomes: declaration.replacing("MACRO ", with: ""),
        diagnostics: [DiagnosticSpec(message: message, line: line, column: column, fixIts: fixIts)], fixed: fixed,
        location: location)
    }

    @Test("the macros are for structs")
    func targets() {
      expect(
        "MACRO enum Choice {}", with: "@TensorTree",
        says: "@TensorTree is for structs: the visit of an enum shows its case, and is written by hand")
      expect(
        "MACRO final class Model {}", with: "@Module",
        says: "@Module is for structs: a copy of an object is the object itself, so a tree is a value")
      expect(
        "MACRO actor Model {}", with: "@TensorTree",
        says: "@TensorTree is for structs: a copy of an object is the object itself, so a tree is a value")
    }

    @Test("a struct that is private in another declaration cannot be extended")
    func privateStruct() {
      expect(
        "enum Parts {\n  MACRO private struct Part {}\n}", with: "@TensorTree",
        says: "@TensorTree extends Part, which is private in another declaration", line: 2, column: 15,
        fixIts: [FixItSpec(message: "make it fileprivate")],
        fixed: "enum Parts {\n  @TensorTree fileprivate struct Part {}\n}")
    }

    @Test("visit is written once")
    func visit() {
      expect(
        "MACRO struct Part {\n  mutating func visit(_ visitor: inout some TensorVisitor) {}\n}", with: "@TensorTree",
        says: "@TensorTree writes `visit`: remove this one, or @TensorTree and conform to TensorTree", line: 2,
        column: 17)
    }

    @Test("a module is called")
    func call() {
      let message =
        "a module is called: it has `mutating func callAsFunction(_ x: …, _ pass: inout ForwardPass) -> …`, or without a "
        + "pass if it does the same in training and in inference"
      expect("MACRO struct Part {}", with: "@Module", says: message, column: 16)
      expect(
        "MACRO struct Part {\n  func callAsFunction(x: Int, _ pass: inout ForwardPass) {}\n}", with: "@Module",
        says: message, column: 16)
    }

    @Test("only a stored property of a tree can be ignored")
    func ignored() {
      let message = "@Ignored leaves a stored property out of a struct with @TensorTree or @Module"
      for text in ["var x: Int { 1 }", "static let x = 1", "func f() {}"] {
        Expansion.expect(
          "@TensorTree\nstruct Part {\n  @Ignored \(text)\n}",
          becomes: """
            struct Part {
              \(text)
            }

            extension Part: Kiln.TensorTree {
              mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              }
            }
            """,
          diagnostics: [DiagnosticSpec(message: message, line: 3, column: 3)])
      }
      expect("struct Part {\n  MACRO var x = 1\n}", with: "@Ignored", says: message, line: 2, column: 3)
    }
  }
#endif
