#if Macros
  import Testing

  @Suite("Expansions of macros")
  struct ExpansionTests {
    @Test("every stored property is shown, in the order of the declarations")
    func properties() throws {
      let text = try Expansion.text(
        of: """
          @TensorTree
          struct Model {
            var weight: Tensor<Float>
            var rate = 0.1, steps: Int
            let kind: ActivationFunction
            var (low, high) = (0, 1)
            private var cache: Tensor<Float>?
            var watched = 1 { didSet { print(watched) } }
            @Wrapper var wrapped: Tensor<Float>
            var `default`: Int
            var visitor: RandomKey
            var twice: Double { 2 * rate }
            var thrice: Double { get { 3 * rate } set { rate = newValue / 3 } }
            static var shared: Int { 2 }
            static let first = "a"
            func visit() {}
          }
          @propertyWrapper struct Wrapper<Value> { var wrappedValue: Value }
          """)
      #expect(
        text == """
          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 3)
              visitor.property(&self.weight, "weight")
              #sourceLocation(file: "model.swift", line: 4)
              visitor.property(&self.rate, "rate")
              #sourceLocation(file: "model.swift", line: 4)
              visitor.property(&self.steps, "steps")
              #sourceLocation(file: "model.swift", line: 5)
              visitor.property(self.kind, "kind")
              #sourceLocation(file: "model.swift", line: 6)
              visitor.property(&self.low, "low")
              #sourceLocation(file: "model.swift", line: 6)
              visitor.property(&self.high, "high")
              #sourceLocation(file: "model.swift", line: 7)
              visitor.property(&self.cache, "cache")
              #sourceLocation(file: "model.swift", line: 8)
              visitor.property(&self.watched, "watched")
              #sourceLocation(file: "model.swift", line: 9)
              visitor.property(&self.wrapped, "wrapped")
              #sourceLocation(file: "model.swift", line: 10)
              visitor.property(&self.`default`, "default")
              #sourceLocation(file: "model.swift", line: 11)
              visitor.property(&self.visitor, "visitor")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("a property that is ignored is shown as a mark")
    func ignored() throws {
      let text = try Expansion.text(
        of: """
          @TensorTree
          struct Model {
            @Ignored var name = "a model"
            @KilnMacros.Ignored
            let transform: @Sendable (Float) -> Float
          }
          """)
      #expect(
        text == """
          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 3)
              visitor.constant(KilnMacros.IgnoredProperty(), "name")
              #sourceLocation(file: "model.swift", line: 5)
              visitor.constant(KilnMacros.IgnoredProperty(), "transform")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("properties of an #if are shown where it holds")
    func conditions() throws {
      let text = try Expansion.text(
        of: """
          @TensorTree
          struct Model {
            #if FAST
            var seen: Tensor<Float>
            #elseif os(Linux)
            #else
            var other = 1
            #endif
            #if FAST
            func run() {}
            #endif
          }
          """)
      #expect(
        text == """
          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #if FAST
              #sourceLocation(file: "model.swift", line: 4)
              visitor.property(&self.seen, "seen")
              #sourceLocation()
              #elseif os(Linux)
              #else
              #sourceLocation(file: "model.swift", line: 7)
              visitor.property(&self.other, "other")
              #sourceLocation()
              #endif
            }
          }
          """)
    }

    @Test("visit is as visible as the struct, which may be generic or stand in another")
    func visibility() throws {
      let text = try Expansion.text(
        of: """
          @TensorTree
          public struct Pair<First: TensorTree, Second> where Second: TensorTree {
            public var first: First
          }
          enum Parts {
            @TensorTree
            struct Empty {}
          }
          @TensorTree
          struct Updated: TensorModel {
            var weight: Tensor<Float>
          }
          """)
      #expect(
        text == """
          extension Pair: Kiln.TensorTree {
            public mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 3)
              visitor.property(&self.first, "first")
              #sourceLocation()
            }
          }

          extension Parts.Empty: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
            }
          }

          extension Updated: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 11)
              visitor.property(&self.weight, "weight")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("a module is a layer if its call takes a pass, and a pure layer if it takes none")
    func modules() throws {
      let text = try Expansion.text(
        of: """
          @Module
          struct Branches {
            var left: Dense<Float>
            mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> { left(x, &pass) }
            func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { left(x) }
          }
          @Module
          struct Scale {
            var factor: Tensor<Float>
            func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { factor * x }
            func callAsFunction(_ x: Tensor<Float>, twice: Bool) -> Tensor<Float> { factor * x }
          }
          @Module
          struct Written: PureLayer {
            func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { x }
          }
          """)
      #expect(
        text == """
          extension Branches: KilnNN.Layer {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 3)
              visitor.property(&self.left, "left")
              #sourceLocation()
            }
          }

          extension Scale: KilnNN.PureLayer, KilnNN.Layer {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "model.swift", line: 9)
              visitor.property(&self.factor, "factor")
              #sourceLocation()
            }
          }

          extension Written: KilnNN.Layer {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
            }
          }
          """)
    }
  }
#endif
