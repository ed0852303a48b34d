#if Macros
  import Testing

  @Suite("Mistakes in macros")
  struct MacroMistakeTests {
    @Test("what can be neither a tree nor a constant is an error on its line, with the fix that ignores it")
    func properties() throws {
      let properties = [
        "var bad: () -> Void": "closure",
        "var bad = { 3 }": "closure",
        "let bad: (@Sendable (Float) -> Float)?": "closure",
        "fileprivate var bad: [String: [@Sendable () -> Void]]": "closure",
        "var bad: Optional<Array<() -> Void>>": "closure",
        "var bad: (Int, Tensor<Float>)": "tuple",
        "var bad = (1, 2)": "tuple",
        "var bad: Int.Type": "type",
        "var bad: Any": "`Any`",
        "var bad: [AnyObject]": "`AnyObject`",
        "weak var bad: Thing?": "reference",
        "lazy var bad = 3": "lazy",
      ]
      let reasons = [
        "closure": "has a closure, which is neither a TensorTree nor Hashable",
        "tuple": "has a tuple, which is neither a TensorTree nor Hashable: a struct can be both",
        "type": "has a type, which is neither a TensorTree nor Hashable",
        "`Any`": "has values of `Any`, which is neither a TensorTree nor Hashable",
        "`AnyObject`": "has values of `AnyObject`, which is neither a TensorTree nor Hashable",
        "reference": "refers to an object without keeping it, which is neither a TensorTree nor Hashable",
        "lazy": "is lazy: it has a value from its first use on, and a part of a tree has one always",
      ]
      let all = properties.sorted { $0.key < $1.key }
      let structs = all.enumerated().map { index, property in
        "@TensorTree struct Model\(index) {\n  // What it is.\n  \(property.key)\n  var good: Tensor<Float>\n}"
      }
      let found = try Expansion.mistakes(in: (["final class Thing {}"] + structs).joined(separator: "\n"))
      let expected = try all.enumerated().map { index, property in
        let column = try #require(property.key.firstRange(of: "bad")).lowerBound
        let place = "\(5 * index + 4):\(property.key.distance(from: property.key.startIndex, to: column) + 3)"
        let fix = "leave it out of the tree with @Ignored: @Ignored \(property.key)"
        return "\(place) 'bad' \(try #require(reasons[property.value])) | \(fix)"
      }
      #expect(found.said == expected)
      // What is in order is written all the same, so that no other error hides this one.
      #expect(found.text.ranges(of: "visitor.property(&self.good, \"good\")").count == all.count)
      #expect(!found.text.contains("bad"))
    }

    @Test("among several names in a line each that is wrong is an error, and no fix leaves out the others")
    func several() throws {
      let found = try Expansion.mistakes(in: "@TensorTree struct Model {\n  var a = 1, b, c: () -> Void\n}")
      let reason = "has a closure, which is neither a TensorTree nor Hashable"
      #expect(found.said == ["2:14 'b' \(reason)", "2:17 'c' \(reason)"])
      #expect(found.text.contains("self.a"))
    }

    @Test("the macros are for structs, whose visit is not there yet")
    func targets() throws {
      let found = try Expansion.mistakes(
        in: """
          @TensorTree enum Choice {}
          @Module final class Model {}
          @TensorTree actor Other {}
          enum Parts {
            @TensorTree private struct Part {}
          }
          @TensorTree struct Written {
            mutating func visit(_ visitor: inout some TensorVisitor) {}
          }
          """)
      #expect(
        found.said.sorted() == [
          "1:1 @TensorTree is for structs: the visit of an enum shows its case, and is written by hand",
          "2:1 @Module is for structs: a copy of an object is the object itself, so a tree is a value",
          "3:1 @TensorTree is for structs: a copy of an object is the object itself, so a tree is a value",
          "5:15 @TensorTree extends Part, which is private in another declaration | make it fileprivate: fileprivate",
          "8:17 @TensorTree writes `visit`: remove this one, or @TensorTree and conform to TensorTree",
        ])
      #expect(found.text.isEmpty)
    }

    @Test("a module is called")
    func call() throws {
      let found = try Expansion.mistakes(
        in: """
          @Module struct Part {}
          @Module struct Other {
            func callAsFunction(x: Int, _ pass: inout ForwardPass) -> Int { x }
          }
          """)
      let message =
        "a module is called: it has `mutating func callAsFunction(_ x: …, _ pass: inout ForwardPass) -> …`, or without a "
        + "pass if it does the same in training and in inference"
      #expect(found.said == ["1:16 \(message)", "2:16 \(message)"] && found.text.isEmpty)
    }

    @Test("only a stored property of a tree can be ignored")
    func ignored() throws {
      let found = try Expansion.mistakes(
        in: """
          @TensorTree struct Part {
            @Ignored var x: Int { 1 }
            @Ignored static let y = 1
            @Ignored func f() {}
          }
          struct Other {
            @Ignored var x = 1
          }
          """)
      let message = "@Ignored leaves a stored property out of a struct with @TensorTree or @Module"
      #expect(found.said == [2, 3, 4, 7].map { "\($0):3 \(message)" })
    }
  }
#endif
