#if Macros
  import Testing

  @Suite("Expansions of macros")
  struct ExpansionTests {
    @Test("every stored property is shown, in the order of the declarations")
    func properties() {
      Expansion.expect(
        """
        @TensorTree
        struct Model {
          var weight: Tensor<Float>
          var rate = 0.1, steps: Int
          let kind: Kind
          var (low, high) = (0, 1)
          private var cache: Tensor<Float>?
          var watched = 1 { didSet { print(watched) } }
          @Wrapper var wrapped: Tensor<Float>
          var `default`: Int
          var twice: Float { 2 * rate }
          static var shared = Model()
          func visit() {}
        }
        """,
        becomes: """
          struct Model {
            var weight: Tensor<Float>
            var rate = 0.1, steps: Int
            let kind: Kind
            var (low, high) = (0, 1)
            private var cache: Tensor<Float>?
            var watched = 1 { didSet { print(watched) } }
            @Wrapper var wrapped: Tensor<Float>
            var `default`: Int
            var twice: Float { 2 * rate }
            static var shared = Model()
            func visit() {}
          }

          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 3)
              visitor.property(&self.weight, "weight")
              #sourceLocation(file: "test.swift", line: 4)
              visitor.property(&self.rate, "rate")
              #sourceLocation(file: "test.swift", line: 4)
              visitor.property(&self.steps, "steps")
              #sourceLocation(file: "test.swift", line: 5)
              visitor.property(self.kind, "kind")
              #sourceLocation(file: "test.swift", line: 6)
              visitor.property(&self.low, "low")
              #sourceLocation(file: "test.swift", line: 6)
              visitor.property(&self.high, "high")
              #sourceLocation(file: "test.swift", line: 7)
              visitor.property(&self.cache, "cache")
              #sourceLocation(file: "test.swift", line: 8)
              visitor.property(&self.watched, "watched")
              #sourceLocation(file: "test.swift", line: 9)
              visitor.property(&self.wrapped, "wrapped")
              #sourceLocation(file: "test.swift", line: 10)
              visitor.property(&self.`default`, "default")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("a property that is ignored is shown as a mark")
    func ignored() {
      Expansion.expect(
        """
        @TensorTree
        struct Model {
          @Ignored var name = "a model"
          @Ignored
          let transform: @Sendable (Float) -> Float
        }
        """,
        becomes: """
          struct Model {
            var name = "a model"
            let transform: @Sendable (Float) -> Float
          }

          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 3)
              visitor.constant(KilnMacros.IgnoredProperty(), "name")
              #sourceLocation(file: "test.swift", line: 5)
              visitor.constant(KilnMacros.IgnoredProperty(), "transform")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("properties of an #if are shown where it holds")
    func conditions() {
      Expansion.expect(
        """
        @TensorTree
        struct Model {
          #if DEBUG
          var seen: Tensor<Float>
          #elseif os(Linux)
          #else
          var other = 1
          #endif
          #if FAST
          func run() {}
          #endif
        }
        """,
        becomes: """
          struct Model {
            #if DEBUG
            var seen: Tensor<Float>
            #elseif os(Linux)
            #else
            var other = 1
            #endif
            #if FAST
            func run() {}
            #endif
          }

          extension Model: Kiln.TensorTree {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #if DEBUG
              #sourceLocation(file: "test.swift", line: 4)
              visitor.property(&self.seen, "seen")
              #sourceLocation()
              #elseif os(Linux)
              #else
              #sourceLocation(file: "test.swift", line: 7)
              visitor.property(&self.other, "other")
              #sourceLocation()
              #endif
            }
          }
          """)
    }

    @Test("visit is as visible as the struct, which may be generic or stand in another")
    func visibility() {
      Expansion.expect(
        """
        @TensorTree
        public struct Pair<First: TensorTree, Second> where Second: TensorTree {
          public var first: First
        }
        enum Parts {
          @TensorTree
          package struct Empty {}
        }
        """,
        becomes: """
          public struct Pair<First: TensorTree, Second> where Second: TensorTree {
            public var first: First
          }
          enum Parts {
            package struct Empty {}
          }

          extension Pair: Kiln.TensorTree {
            public mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 3)
              visitor.property(&self.first, "first")
              #sourceLocation()
            }
          }

          extension Parts.Empty: Kiln.TensorTree {
            package mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
            }
          }
          """)
    }

    @Test("a module is a layer if its call takes a pass")
    func layer() {
      Expansion.expect(
        """
        @Module
        struct Branches {
          var left: Dense<Float>
          mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> { left(x, &pass) }
          func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { left(x) }
        }
        """,
        becomes: """
          struct Branches {
            var left: Dense<Float>
            mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> { left(x, &pass) }
            func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { left(x) }
          }

          extension Branches: KilnNN.Layer {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 3)
              visitor.property(&self.left, "left")
              #sourceLocation()
            }
          }
          """)
    }

    @Test("a module is a pure layer if its call takes none")
    func pureLayer() {
      Expansion.expect(
        """
        @Module
        struct Scale {
          var factor: Tensor<Float>
          func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { factor * x }
          func callAsFunction(_ x: Tensor<Float>, twice: Bool) -> Tensor<Float> { factor * x }
        }
        """,
        becomes: """
          struct Scale {
            var factor: Tensor<Float>
            func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { factor * x }
            func callAsFunction(_ x: Tensor<Float>, twice: Bool) -> Tensor<Float> { factor * x }
          }

          extension Scale: KilnNN.Layer, KilnNN.PureLayer {
            mutating func visit(_ visitor: inout some Kiln.TensorVisitor) {
              #sourceLocation(file: "test.swift", line: 3)
              visitor.property(&self.factor, "factor")
              #sourceLocation()
            }
          }
          """)
    }
  }
#endif
