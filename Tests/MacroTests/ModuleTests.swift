#if Macros
  import Kiln
  import KilnMacros
  import KilnNN
  import Testing

  private protocol TwinModule: Layer<Tensor<Float>, Tensor<Float>> {
    init(units: Int)
  }

  @Module
  private struct ClassifierByMacro: TwinModule {
    var hidden = Dense(inputs: 4, outputs: 8, key: RandomKey(seed: 1))
    var blocks: [Block]
    var dropout = Dropout(rate: 0.25)
    var output: Dense<Float>

    init(units: Int) {
      blocks = [Block(), Block()]
      output = Dense(inputs: units, outputs: 3, key: RandomKey(seed: 2))
    }
    mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
      output(dropout(blocks(relu(hidden(x, &pass)), &pass), &pass), &pass)
    }

    @Module
    struct Block {
      var norm = BatchNorm(channels: 8)
      var scale = Scale<Float>(factor: Tensor(2))
      mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
        scale(norm(x, &pass), &pass)
      }
    }
  }

  @Module
  private struct Scale<Scalar: TensorReal> {
    var factor: Tensor<Scalar>
    func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { factor * x }
  }

  private struct ClassifierByHand: TwinModule {
    var hidden = Dense(inputs: 4, outputs: 8, key: RandomKey(seed: 1))
    var blocks: [Block]
    var dropout = Dropout(rate: 0.25)
    var output: Dense<Float>

    init(units: Int) {
      blocks = [Block(), Block()]
      output = Dense(inputs: units, outputs: 3, key: RandomKey(seed: 2))
    }
    mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
      output(dropout(blocks(relu(hidden(x, &pass)), &pass), &pass), &pass)
    }
    mutating func visit(_ visitor: inout some TensorVisitor) {
      visitor.visit(&hidden, "hidden")
      visitor.visit(&blocks, "blocks")
      visitor.visit(&dropout, "dropout")
      visitor.visit(&output, "output")
    }

    struct Block: Layer {
      var norm = BatchNorm(channels: 8)
      var scale = Scale()
      mutating func callAsFunction(_ x: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
        scale(norm(x, &pass), &pass)
      }
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&norm, "norm")
        visitor.visit(&scale, "scale")
      }
    }
    struct Scale: PureLayer {
      var factor = Tensor<Float>(2)
      func callAsFunction(_ x: Tensor<Float>) -> Tensor<Float> { factor * x }
      mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&factor, "factor") }
    }
  }

  @Suite("Modules")
  struct ModuleTests {
    private let x = Tensor<Float>.randomNormal([6, 4], key: RandomKey(seed: 3))
    private let labels = Tensor<Int32>([0, 1, 2, 0, 1, 2])

    @Test("a module has the layers, parameters and summary of a layer by hand")
    func summaries() throws {
      let (module, hand) = (ClassifierByMacro(units: 8), ClassifierByHand(units: 8))
      #expect(VisitLog.lines(of: module) == VisitLog.lines(of: hand))
      #expect(module.parameters.map(\.name) == hand.parameters.map(\.name))
      #expect(module.parameters.map(\.name).contains("blocks.1.scale.factor"))
      #expect(!module.parameters.map(\.name).contains("blocks.1.norm.mean"))
      #expect(try summary(module, x).description == summary(hand, x).description)
      #expect(try summary(module, x).rows.map(\.path).contains("blocks.1.norm"))
    }

    private func trained<Model: TwinModule>(_ type: Model.Type) throws -> ([Float], [[UInt8]], Int, Int) {
      let model = Model(units: 8)
      var training = TrainingStep(model, optimizer: Optimizer(Adam(), for: model, rate: 0.02), key: RandomKey(seed: 4))
      {
        (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
      }
      let losses = try (0..<12).map { _ in try training.run(x, labels).item }
      return (losses, bits(training.state), training.report.entries.count, training.report.inPlaceCount)
    }

    @Test("a module trains to the bits of a layer by hand, in one plan, in place")
    func training() throws {
      let (module, hand) = (try trained(ClassifierByMacro.self), try trained(ClassifierByHand.self))
      #expect(module.0 == hand.0 && module.1 == hand.1)
      #expect(module.2 == 1 && module.3 == hand.3 && module.3 > 100)
      #expect(module.0[11] < module.0[0])
    }

    @Test("a layer of a module that does not fit is named by its key path")
    func mistake() throws {
      func message<Model: TwinModule>(_ type: Model.Type) throws -> String {
        let error = #expect(throws: KilnError.self) {
          try compile { (model: Model, x: Tensor<Float>) in model(x) }.run(Model(units: 7), x)
        }
        return try #require(error?.diagnostics.first?.message)
      }
      #expect(try message(ClassifierByMacro.self) == "Dense `arg0.output` takes [..., 7], found f32[6,8]")
      #expect(try message(ClassifierByMacro.self) == message(ClassifierByHand.self))
    }

    @Test("weights of a module are read by the names of a layer by hand, and others are listed")
    func weights() throws {
      try withFolder { folder in
        let (hand, file) = (ClassifierByHand(units: 8), folder + "/model.safetensors")
        try hand.mapped { $0 + 1 }.saveWeights(to: file)
        var module = ClassifierByMacro(units: 8)
        try module.loadWeights(from: file)
        #expect(bits(module) == bits(hand.mapped { $0 + 1 }))
        var other = ClassifierByMacro(units: 9)
        let error = #expect(throws: KilnError.self) { try other.loadWeights(from: file) }
        #expect("\(error.map { "\($0)" } ?? "")".contains("output.weight"))
      }
    }

    @Test("a module is an element of a sequence, pure or not")
    func sequences() {
      let network = Sequential {
        Scale<Float>(factor: Tensor(3))
        ClassifierByMacro.Block()
      }
      let names = ["0.factor", "1.norm.scale", "1.norm.offset", "1.norm.mean", "1.norm.variance", "1.scale.factor"]
      #expect(network.tensors.map(\.name) == names)
      let pure: any PureLayer<Tensor<Double>, Tensor<Double>> = Scale<Double>(factor: Tensor(2))
      #expect(pure(Tensor([1, 2])).scalars == [2, 4])
    }
  }
#endif
