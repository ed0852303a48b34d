public import Kiln

/// The state of an optimizer: a tree of tensors, which a compiled step updates in place together with the model.
///
/// ```swift
/// struct Training: TensorTree {
///   var network: Tensor<Float>
///   var optimizer: Optimizer<Adam, Float>
///   mutating func visit(_ visitor: inout some TensorVisitor) {
///     visitor.visit(&network, "network")
///     visitor.visit(&optimizer, "optimizer")
///   }
/// }
/// let network = Tensor<Float>.zeros([3])
/// let optimizer = Optimizer(Adam(), for: network, rate: 1e-2, clipping: .globalNorm(1))
/// var training = Training(network: network, optimizer: optimizer)
/// let step = compile { (training: inout Training, x: Tensor<Float>, y: Tensor<Float>) in
///   let (loss, slope) = valueAndGradient(at: training.network) { w in squaredError(matmul(x, w), y) }
///   training.optimizer.update(&training.network, by: slope)
///   return loss
/// }
/// let loss = step(updating: &training, .ones([8, 3]), .ones([8]))
/// training.optimizer.rate = 1e-3   // compiles nothing
/// ```
/// The parameters are the real tensors of the model that are trained (`TensorTree.parameters`): running statistics
/// stay. In each step the gradients are clipped, decay is added, and the rule changes each parameter.
public struct Optimizer<Rule: UpdateRule, Scalar: TensorReal>: TensorTree {
  /// How parameters change.
  public let rule: Rule
  /// The rate of the next step, a scalar. A schedule assigns it in the step or between steps.
  public var rate: Tensor<Scalar>
  /// How many steps were made.
  public private(set) var stepCount: Tensor<Int32> = 0

  private let settings: Settings
  private var slots: ParameterSlots<Scalar>
  /// The sums of the gradients since the last step, and how many they are, where several are awaited.
  private var sums: ParameterSlots<Scalar>
  private var sumCount: Tensor<Int32> = 0

  private struct Settings: Hashable {
    var names: [String]
    var shapes: [[Int]]
    var decays: [Bool]
    var decay: Double
    var isDecoupled: Bool
    var clipping: GradientClipping?
    var accumulating: Int
  }

  /// An optimizer for the parameters of `model`.
  ///
  /// - Parameters:
  ///   - rule: how parameters change.
  ///   - type: of the elements.
  ///   - model: real tensors that are not trained may have any type; those that are, `Scalar` (`optimizer.C2`).
  ///   - rate: of the first step; the rule's own if it is nil.
  ///   - decay: of parameters; the rule's own if it is nil, which only `AdamW` has.
  ///   - clipping: of gradients, before decay is added.
  ///   - accumulating: how many gradients a step is made from: their mean. Each call of `update` adds one, and the last
  ///     makes the step, so that small batches do the work of a large one.
  public init(
    _ rule: Rule, of type: Scalar.Type = Float.self, for model: some TensorTree, rate: Double? = nil,
    decay: WeightDecay? = nil,
    clipping: GradientClipping? = nil, accumulating: Int = 1
  ) {
    self.rule = rule
    let decay = decay ?? Rule.defaultDecay
    let all = model.parameters
    settings = Settings(
      names: all.map(\.name), shapes: all.map(\.tensor.dimensions),
      decays: all.map { decay?.includes($0.name) ?? false }, decay: decay?.amount ?? 0,
      isDecoupled: decay?.isDecoupled ?? false, clipping: clipping, accumulating: accumulating)
    let rate = rate ?? Rule.defaultRate
    self.rate = Tensor(Scalar(rate))
    var (entries, sums): ([(name: String, tensor: Tensor<Scalar>)], [(name: String, tensor: Tensor<Scalar>)]) = ([], [])
    for (name, tensor) in all {
      guard let parameter = Tensor<Scalar>(tensor) else { continue }
      let slots = rule.slots(for: parameter)
      entries += slots.map { (name.isEmpty ? $0.name : "\(name).\($0.name)", $0.tensor) }
      if accumulating > 1 { sums.append((name.isEmpty ? "sum" : name, Tensor<Scalar>.zeros(like: parameter))) }
    }
    slots = ParameterSlots(entries)
    self.sums = ParameterSlots(sums)
    if let other = all.first(where: { $0.tensor.dtype != Scalar.dtype }) {
      self.rate = self.rate.failed(
        "optimizer.C2",
        "an optimizer of \(Scalar.dtype) was made for a model whose parameter \(other.name) is \(other.tensor.type)")
    } else if !(rate >= 0 && rate.isFinite && (decay?.amount ?? 0) >= 0 && (clipping?.bound ?? 1) > 0)
      || accumulating < 1
    {
      self.rate = self.rate.failed(
        "optimizer.C3",
        "an optimizer takes a rate and a decay that are not negative, a bound above 0 and at least 1 gradient for a "
          + "step, found \(rate), \(decay?.amount ?? 0), \(clipping.map { "\($0.bound)" } ?? "no bound"), \(accumulating)"
      )
    }
  }

  /// Changes the parameters of `model` by `gradient`: one step, or a part of it where several gradients are awaited.
  ///
  /// A model with other parameters than the one that the optimizer was made for is a diagnostic (`optimizer.C1`).
  public mutating func update<Model: TensorTree>(_ model: inout Model, by gradient: Model) {
    let (parameters, slopes) = (model.parameters, gradient.parameters)
    if let difference = difference(parameters) {
      rate = rate.failed("optimizer.C1", "the optimizer was made for another model: \(difference)")
      return
    }
    let before = parameters.compactMap { Tensor<Scalar>($0.tensor) }
    var gradients = slopes.compactMap { Tensor<Scalar>($0.tensor) }
    guard before.count == parameters.count, gradients.count == parameters.count else {
      rate = rate.failed("optimizer.C2", "an optimizer of \(Scalar.dtype) was given parameters of another element type")
      return
    }
    if settings.accumulating == 1 {
      write(stepped(before, by: gradients), to: &model)
      return
    }
    // Every gradient takes part in a step; whether it counts is known when the program runs.
    let count = sumCount + 1
    let isDue = count .== Tensor(Int32(settings.accumulating))
    let (oldSlots, oldCount) = (slots.tensors, stepCount)
    gradients = zip(sums.tensors, gradients).map { $0 + $1 }
    let after = stepped(before, by: gradients.map { $0 / Tensor(Scalar(settings.accumulating)) })
    slots.tensors = zip(oldSlots, slots.tensors).map { select(isDue, $1, $0) }
    stepCount = select(isDue, stepCount, oldCount)
    sums.tensors = gradients.map { select(isDue, Tensor(0), $0) }
    sumCount = select(isDue, Tensor(0), count)
    write(zip(before, after).map { select(isDue, $1, $0) }, to: &model)
  }

  /// The parameters after a step.
  private mutating func stepped(_ before: [Tensor<Scalar>], by gradients: [Tensor<Scalar>]) -> [Tensor<Scalar>] {
    stepCount = stepCount + 1
    let step = UpdateStep(rate: rate, number: stepCount.converted(to: Scalar.self))
    let clipped = settings.clipping?.clipped(gradients) ?? gradients
    let decay = Tensor(Scalar(settings.decay))
    var (rest, changed): (ArraySlice<Tensor<Scalar>>, [Tensor<Scalar>]) = (slots.tensors[...], [])
    var after: [Tensor<Scalar>] = []
    for (index, old) in before.enumerated() {
      let decays = settings.decays[index] && settings.decay != 0
      let gradient = decays && !settings.isDecoupled ? clipped[index] + decay * old : clipped[index]
      let count = rule.slots(for: old).count
      var own = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      var new = old
      rule.update(&new, by: gradient, &own, at: step)
      after.append(decays && settings.isDecoupled ? new - rate * decay * old : new)
      changed += own
    }
    slots.tensors = changed
    return after
  }

  private func write<Model: TensorTree>(_ tensors: [Tensor<Scalar>], to model: inout Model) {
    var (rest, flags) = (tensors[...], model.isTrained[...])
    model.updateTensors { _, old in
      guard flags.popFirst() == true else { return old }
      return rest.popFirst().map { AnyTensor($0) } ?? old
    }
  }

  /// How the parameters differ from those of the model that the optimizer was made for.
  private func difference(_ parameters: [(name: String, tensor: AnyTensor)]) -> String? {
    let (names, known) = (parameters.map(\.name), settings.names)
    if names.count != known.count {
      let gone = known.filter { !names.contains($0) }.map { "\($0) is gone" }
      let new = names.filter { !known.contains($0) }.map { "\($0) is new" }
      let list = (gone + new).prefix(4).joined(separator: ", ")
      return "it has \(names.count) parameters, and had \(known.count)\(list.isEmpty ? "" : ": \(list)")"
    }
    if let (old, new) = zip(known, names).first(where: { $0 != $1 }) { return "\(new) is where \(old) was" }
    let other = zip(parameters, settings.shapes).first { !$0.tensor.shape.mayBe(Shape($1)) }
    return other.map { "\($0.name) is \($0.tensor.type), and had the shape \($1)" }
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.constant(rule, "rule")
    visitor.constant(settings, "settings")
    visitor.visit(&rate, "rate")
    visitor.visit(&stepCount, "stepCount")
    visitor.visit(&slots, "slots")
    visitor.visit(&sums, "sums")
    visitor.visit(&sumCount, "sumCount")
  }
}
