import Kiln
import KilnNN
import Testing

private struct Affine<Scalar: TensorReal>: TensorTree {
  var weight: Tensor<Scalar>
  var bias: Tensor<Scalar>

  func callAsFunction(_ x: Tensor<Scalar>) -> Tensor<Scalar> { tanh(matmul(x, weight) + bias) }
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&weight, "weight")
    visitor.visit(&bias, "bias")
  }
}

private struct Training<Model: TensorTree, Rule: UpdateRule, Scalar: TensorReal>: TensorTree {
  var model: Model
  var optimizer: Optimizer<Rule, Scalar>
  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&model, "model")
    visitor.visit(&optimizer, "optimizer")
  }
}

/// An update of one tensor by a gradient that is given, in one program.
private func updated<Rule: UpdateRule>(
  _ optimizer: Optimizer<Rule, Double>, _ start: [String: Tensor<Double>], by gradients: [[String: Tensor<Double>]]
) throws -> (states: [Training<[String: Tensor<Double>], Rule, Double>], report: CompilationReport) {
  let step = compile {
    (training: inout Training<[String: Tensor<Double>], Rule, Double>, gradient: [String: Tensor<Double>]) in
    training.optimizer.update(&training.model, by: gradient)
  }
  var training = Training(model: start, optimizer: optimizer)
  var states: [Training<[String: Tensor<Double>], Rule, Double>] = []
  for gradient in gradients {
    try step.run(updating: &training, gradient)
    states.append(training)
  }
  return (states, step.report)
}

@Suite("Optimizers")
struct OptimizerTests {
  /// Ten steps of a layer with tanh, as PyTorch makes them.
  private func check<Rule: UpdateRule, Scalar: TensorReal>(
    _ name: String, _ rule: Rule, of type: Scalar.Type, rate: Double, decay: WeightDecay? = nil
  ) throws {
    let file = try SafetensorsFile(Fixture.path("optimizers"))
    func input(_ name: String) throws -> Tensor<Scalar> { try file.rounded(name, to: Scalar.self) }
    let model = Affine<Scalar>(weight: try input("weight"), bias: try input("bias"))
    var training = Training(
      model: model, optimizer: Optimizer(rule, of: Scalar.self, for: model, rate: rate, decay: decay))
    let step = compile {
      (training: inout Training<Affine<Scalar>, Rule, Scalar>, x: Tensor<Scalar>, y: Tensor<Scalar>) in
      let (loss, slope) = valueAndGradient(at: training.model) { model in squaredError(model(x), y) }
      training.optimizer.update(&training.model, by: slope)
      return loss
    }
    let (x, y) = (try input("x"), try input("y"))
    var losses: [Scalar] = []
    for _ in 0..<10 { losses.append(try step.run(updating: &training, x, y).item) }
    let what = "\(name) of \(Scalar.self)"
    expectClose(Tensor<Scalar>(losses), try file.tensor("\(name).losses", of: Double.self), "\(what), losses")
    expectClose(training.model.weight, try file.tensor("\(name).weight", of: Double.self), "\(what), weight")
    expectClose(training.model.bias, try file.tensor("\(name).bias", of: Double.self), "\(what), bias")
    #expect(training.optimizer.stepCount.item == 10 && step.report.entries.count == 1)
  }

  private func checkAll<Scalar: TensorReal>(of type: Scalar.Type) throws {
    try check("sgd", SGD(), of: type, rate: 0.1)
    try check("sgd.momentum", SGD(momentum: 0.9), of: type, rate: 0.1)
    try check("sgd.nesterov", SGD(momentum: 0.9, isNesterov: true), of: type, rate: 0.1)
    try check("sgd.decay", SGD(momentum: 0.5), of: type, rate: 0.1, decay: .inGradient(0.05))
    try check("adam", Adam(), of: type, rate: 0.05)
    try check(
      "adam.decay", Adam(beta1: 0.8, beta2: 0.95, epsilon: 1e-3), of: type, rate: 0.05, decay: .inGradient(0.1))
    try check("adamw", AdamW(), of: type, rate: 0.05)
    try check("adamax", Adamax(), of: type, rate: 0.05)
    try check("nadam", NAdam(), of: type, rate: 0.05)
    try check("rmsprop", RMSProp(), of: type, rate: 0.02)
    try check("rmsprop.centered", RMSProp(decay: 0.9, momentum: 0.7, isCentered: true), of: type, rate: 0.02)
    try check("adagrad", Adagrad(), of: type, rate: 0.1)
    try check("adagrad.initial", Adagrad(initialSquare: 0.1), of: type, rate: 0.1)
    try check("adadelta", Adadelta(decay: 0.8), of: type, rate: 1)
    try check("adafactor", Adafactor(epsilon1: 1e-8), of: type, rate: 0.2)
    try check(
      "adafactor.decay", Adafactor(epsilon1: 1e-8, epsilon2: 2, threshold: 1.25), of: type, rate: 0.05,
      decay: .decoupled(0.1))
  }

  @Test("ten steps are PyTorch's, in f64")
  func doubles() throws { try checkAll(of: Double.self) }

  @Test("ten steps are PyTorch's, in f32")
  func floats() throws { try checkAll(of: Float.self) }

  @Test("Lion, written out")
  func lion() throws {
    let start: [String: Tensor<Double>] = ["p": [1, -2, 0.5]]
    let gradients: [[Double]] = [[0.5, -1, 0], [-4, 0.25, 1], [0.1, 0.1, -3], [0, 0, 0]]
    let optimizer = Optimizer(Lion(), of: Double.self, for: start, rate: 0.01, decay: .decoupled(0.5))
    let states = try updated(optimizer, start, by: gradients.map { ["p": Tensor<Double>($0)] }).states
    var (p, m): ([Double], [Double]) = ([1, -2, 0.5], [0, 0, 0])
    for (gradient, state) in zip(gradients, states) {
      for index in p.indices {
        let direction = 0.9 * m[index] + 0.1 * gradient[index]
        let sign: Double = direction > 0 ? 1 : direction < 0 ? -1 : 0
        p[index] -= 0.01 * sign + 0.01 * 0.5 * p[index]
        m[index] = 0.99 * m[index] + 0.01 * gradient[index]
      }
      expectClose(state.model["p"] ?? [], Tensor<Double>(p), "Lion")
    }
  }

  @Test("gradients are clipped by value, by norm and by the norm of all")
  func clipping() throws {
    let start: [String: Tensor<Double>] = ["a": [0, 0], "b": [[0]]]
    func changes(_ clipping: GradientClipping?, _ a: [Double], _ b: Double) throws -> [Double] {
      let optimizer = Optimizer(SGD(), of: Double.self, for: start, rate: 1, clipping: clipping)
      let model = try updated(optimizer, start, by: [["a": Tensor<Double>(a), "b": Tensor<Double>([[b]])]]).states[0]
        .model
      return (model["a"]?.scalars ?? []) + (model["b"]?.scalars ?? [])
    }
    #expect(try changes(nil, [3, -4], 12) == [-3, 4, -12])
    #expect(try changes(.value(3.5), [3, -4], 12) == [-3, 3.5, -3.5])
    #expect(try changes(.norm(2.5), [3, -4], 2) == [-1.5, 2, -2])
    #expect(try changes(.globalNorm(6.5), [3, -4], 12) == [-1.5, 2, -6])
    #expect(try changes(.globalNorm(13), [3, -4], 12) == [-3, 4, -12])
    #expect(try changes(.globalNorm(1), [0, 0], 0) == [0, 0, 0])
  }

  @Test("several gradients make a step of their mean; between, parameters and moments stay bit by bit")
  func accumulation() throws {
    let start: [String: Tensor<Double>] = ["p": [1, 2]]
    let gradients: [[String: Tensor<Double>]] = [
      ["p": [1, 4]], ["p": [2, -1]], ["p": [3, 3]], ["p": [1, 1]], ["p": [0, 2]], ["p": [5, -6]],
    ]
    let parts = Optimizer(Adam(), of: Double.self, for: start, rate: 0.1, clipping: .norm(2), accumulating: 3)
    let whole = Optimizer(Adam(), of: Double.self, for: start, rate: 0.1, clipping: .norm(2))
    let (small, report) = try updated(parts, start, by: gradients)
    let large = try updated(whole, start, by: [["p": [2, 2]], ["p": [2, -1]]]).states
    #expect(small[0].model["p"]?.scalars == [1, 2] && small[1].model["p"]?.scalars == [1, 2])
    #expect(small[2].model["p"]?.scalars == large[0].model["p"]?.scalars)
    #expect(small[4].model["p"]?.scalars == small[2].model["p"]?.scalars)
    #expect(small[5].model["p"]?.scalars == large[1].model["p"]?.scalars)
    #expect(small.map { $0.optimizer.stepCount.item } == [0, 0, 1, 1, 1, 2] && report.entries.count == 1)
  }

  @Test("decay takes the parameters that its filter names")
  func decay() throws {
    let start: [String: Tensor<Double>] = ["norm.bias": [4], "norm.weight": [4]]
    let zero: [String: Tensor<Double>] = ["norm.bias": [0], "norm.weight": [0]]
    func after(_ decay: WeightDecay?) throws -> [Double?] {
      let model = try updated(
        Optimizer(AdamW(), of: Double.self, for: start, rate: 0.5, decay: decay), start, by: [zero]
      )
      .states[0].model
      return [model["norm.bias"]?.item, model["norm.weight"]?.item]
    }
    #expect(try after(.decoupled(0.25) { $0.hasSuffix("weight") }) == [4, 3.5])
    #expect(try after(nil) == [3.98, 3.98])
  }

  @Test("a new rate compiles nothing, and the state is updated in place")
  func rates() throws {
    let model = Affine<Float>(weight: .ones([3, 2]), bias: .zeros([2]))
    var training = Training(model: model, optimizer: Optimizer(Adam(), for: model, rate: 0.25))
    let step = compile { (training: inout Training<Affine<Float>, Adam, Float>, x: Tensor<Float>) in
      let slope = gradient(at: training.model) { model in model(x).sum() }
      training.optimizer.update(&training.model, by: slope)
    }
    let x = Tensor<Float>([[1, 0.5, -0.25]])
    for rate in [0.25, 0.125, 0] as [Float] {
      training.optimizer.rate = Tensor(rate)
      let before = training.model.bias.scalars
      try step.run(updating: &training, x)
      #expect((training.model.bias.scalars == before) == (rate == 0))
    }
    let report = step.report
    #expect(report.entries.count == 1)
    // The first call shares what the test holds, and a rate that was assigned is new: all else is in place.
    #expect(report.inPlaceCount >= 3 * 8 - 4, "\(report)")
  }

  @Test("tensors that are not trained stay; an average follows the parameters")
  func notTrained() throws {
    struct Model: TensorTree {
      var weight: Tensor<Double> = [1, 2]
      var mean = RunningStatistic<Double>([5, 5])
      var count: Tensor<Int32> = 7
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&weight, "weight")
        visitor.visit(&mean, "mean")
        visitor.visit(&count, "count")
      }
    }
    var model = Model()
    var average = ParameterAverage(of: model, decay: 0.75)
    var optimizer = Optimizer(SGD(momentum: 0.9), of: Double.self, for: model, rate: 1, decay: .inGradient(0.5))
    #expect(optimizer.tensors.map(\.name) == ["rate", "stepCount", "slots.weight.velocity", "sumCount"])
    var gradient = Model()
    gradient.weight = [4, 8]
    gradient.mean = RunningStatistic([9, 9])
    optimizer.update(&model, by: gradient)
    #expect(model.weight.scalars == [-3.5, -7] && model.mean.value.scalars == [5, 5] && model.count.item == 7)
    model.mean.value = [6, 6]
    average.update(with: model)
    #expect(average.model.weight.scalars == [-0.125, -0.25] && average.model.mean.value.scalars == [6, 6])
  }

  @Test("saved, loaded and continued, a training gives the same bits")
  func resumed() throws {
    let model = Affine<Float>(weight: Tensor([[0.5, -1], [2, 0.25], [1, 1]]), bias: Tensor([0, 1]))
    let fresh = Training(model: model, optimizer: Optimizer(NAdam(), for: model, accumulating: 2))
    let step = compile { (training: inout Training<Affine<Float>, NAdam, Float>, x: Tensor<Float>) in
      let (loss, slope) = valueAndGradient(at: training.model) { model in squaredError(model(x), Tensor([[1, -1]])) }
      training.optimizer.update(&training.model, by: slope)
      return loss
    }
    let xs = (0..<8).map { i in Tensor<Float>([[Float(i), 1, -Float(i) / 3]]) }
    var straight = fresh
    for x in xs { try step.run(updating: &straight, x) }
    try withFolder { folder in
      var first = fresh
      for x in xs[..<3] { try step.run(updating: &first, x) }
      try first.saveWeights(to: "\(folder)/training.safetensors")
      var second = fresh
      try second.loadWeights(from: "\(folder)/training.safetensors")
      for x in xs[3...] { try step.run(updating: &second, x) }
      #expect(second.tensors.map(\.tensor.bytes) == straight.tensors.map(\.tensor.bytes))
    }
    #expect(step.report.entries.count == 1)
  }

  @Test("mistakes are diagnostics at the caller's line")
  func mistakes() {
    func message(_ body: () throws -> Void) -> String { failure { try withDiagnostics(body) } ?? "no message" }
    let model: [String: Tensor<Float>] = ["a": [1], "b": [2]]
    let other: [String: Tensor<Float>] = ["a": [1], "c": [2]]
    var optimizer = Optimizer(Adam(), for: model)
    var changed = other
    let unlike = message { optimizer.update(&changed, by: other) }
    #expect(unlike.contains("made for another model: c is where b was [optimizer.C1]"), "\(unlike)")
    #expect(unlike.contains("OptimizerTests.swift:"))
    optimizer = Optimizer(Adam(), for: model)
    var fewer: [String: Tensor<Float>] = ["a": [1]]
    let count = message { optimizer.update(&fewer, by: fewer) }
    #expect(count.contains("it has 1 parameters, and had 2: b is gone [optimizer.C1]"), "\(count)")
    let double = message { _ = Optimizer(SGD(), for: ["w": Tensor<Double>([1])]) }
    #expect(double.contains("an optimizer of f32 was made for a model whose parameter w is f64[1] [optimizer.C2]"))
    for wrong in [
      message { _ = Optimizer(SGD(), for: model, rate: -1) }, message { _ = Optimizer(SGD(), for: model, rate: .nan) },
      message { _ = Optimizer(SGD(), for: model, decay: .decoupled(-1)) },
      message { _ = Optimizer(SGD(), for: model, clipping: .norm(0)) },
      message { _ = Optimizer(SGD(), for: model, accumulating: 0) },
    ] { #expect(wrong.contains("[optimizer.C3]"), "\(wrong)") }
  }
}
