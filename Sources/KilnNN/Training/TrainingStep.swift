public import Kiln

/// What a training step changes: a tree, which `saveWeights` and `loadWeights` write and read.
public struct TrainingState<Model: Layer, Rule: UpdateRule, Scalar: TensorReal>: TensorTree {
  /// The model.
  public var model: Model
  /// The optimizer, with its rate and its step count.
  public var optimizer: Optimizer<Rule, Scalar>
  /// The key of the random bits of the next step.
  public var key: RandomKey

  /// The state in which a training begins.
  public init(_ model: Model, optimizer: Optimizer<Rule, Scalar>, key: RandomKey = RandomKey(seed: 0)) {
    (self.model, self.optimizer, self.key) = (model, optimizer, key)
  }

  public mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&model, "model")
    visitor.visit(&optimizer, "optimizer")
    visitor.visit(&key, "key")
  }

  /// One step with a batch: forward pass, loss, gradient and update. `TrainingStep` compiles it; called by itself every
  /// operation runs at once, so that a step can be looked at with a debugger.
  ///
  /// ```swift
  /// let network = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
  /// var state = TrainingState(network, optimizer: Optimizer(SGD(), for: network))
  /// let loss = state.step(.ones([8, 4]), Tensor<Int32>.zeros([8])) { logits, labels in
  ///   softmaxCrossEntropy(logits, labels)
  /// }
  /// ```
  /// - Parameters:
  ///   - schedule: the rate of the step; without one that of the optimizer.
  ///   - loss: a scalar from what the model gives and what it should give.
  /// - Returns: The loss of the batch before the step.
  public mutating func step<Target>(
    _ input: Model.Input, _ target: Target, schedule: Schedule? = nil, file: StaticString = #filePath,
    line: UInt = #line, loss: @escaping (_ output: Model.Output, _ target: Target) -> Tensor<Scalar>
  ) -> Tensor<Scalar> {
    if let schedule { optimizer.rate = schedule.rate(at: optimizer.stepCount) }
    var pass = ForwardPass(training: key.next())
    let (value, slope) = valueAndGradient(updating: &model, file: file, line: line) {
      (model: inout Model) -> Tensor<Scalar> in loss(model(input, &pass), target)
    }
    optimizer.update(&model, by: slope)
    return value
  }
}

/// A model in training: one compiled plan takes a batch through the model, the loss, the gradient and the optimizer,
/// and updates the state in place.
///
/// ```swift
/// let network = Dense(inputs: 64, outputs: 10, key: RandomKey(seed: 1))
/// var training = TrainingStep(network, optimizer: Optimizer(Adam(), for: network, rate: 1e-3)) {
///   (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
/// }
/// let (images, labels) = (Tensor<Float>.ones([32, 64]), Tensor<Int32>.zeros([32]))
/// let loss = training(images, labels)
/// let scores = training.model(images)      // inference
/// try training.state.saveWeights(to: "training.safetensors")
/// ```
/// The state is a value: a copy of it is a point to go back to. When a batch of another size comes, such as a smaller
/// last one, a program for all sizes is compiled; with names for sizes in `options` the first one is that
/// ([Sizes](Sizes.md)).
public struct TrainingStep<Model: Layer, Rule: UpdateRule, Scalar: TensorReal, Target: TensorTree>
where Model.Input: TensorTree, Model.Output: TensorTree {
  /// The model, the optimizer and the key.
  public var state: TrainingState<Model, Rule, Scalar>
  /// The model as it is now.
  public var model: Model { state.model }
  /// What was compiled, and why; what was updated in place.
  public var report: CompilationReport { step.report }

  /// What `evaluate` gathers beside the loss.
  public let metrics: [NamedMetric<Model.Output, Target>]

  let evaluation: CompiledUpdate<EvaluationState, Void, Model, Model.Input, Target, Tensor<Float>>
  let inference: Compiled<Model.Output, Model, Model.Input>
  /// What a step does, and its compiled form.
  let body: @Sendable (inout TrainingState<Model, Rule, Scalar>, Model.Input, Target) -> Tensor<Scalar>
  private let step: CompiledUpdate<TrainingState<Model, Rule, Scalar>, Tensor<Scalar>, Model.Input, Target>

  /// - Parameters:
  ///   - model: as the training begins.
  ///   - optimizer: made for `model`.
  ///   - schedule: the rate of each step; without one that of the optimizer.
  ///   - key: of the random bits, such as those of dropout.
  ///   - metrics: for `evaluate` and `fit`.
  ///   - options: of the compilation: the device, and for sizes a pattern for the input and one for the target, as
  ///     in `.sizes("batch, 64", "batch")`.
  ///   - loss: a scalar from what the model gives and what it should give.
  public init(
    _ model: Model, optimizer: Optimizer<Rule, Scalar>, schedule: Schedule? = nil, key: RandomKey = RandomKey(seed: 0),
    metrics: [NamedMetric<Model.Output, Target>] = [], options: CompileOptions = CompileOptions(),
    file: StaticString = #filePath, line: UInt = #line,
    loss: @escaping @Sendable (_ output: Model.Output, _ target: Target) -> Tensor<Scalar>
  ) {
    state = TrainingState(model, optimizer: optimizer, key: key)
    self.metrics = metrics
    // The patterns are those of the data; everything else is as it comes.
    func named(_ first: [String], dataCount: Int = 2, _ last: [String] = []) -> CompileOptions {
      var result = options
      if let sizes = options.sizes { result.sizes?.patterns = first + sizes.patterns.prefix(dataCount) + last }
      return result
    }
    evaluation = compile(options: named(["...", "..."], ["..."]), file: file, line: line) {
      (state: inout EvaluationState, model: Model, input: Model.Input, target: Target, count: Tensor<Float>) in
      let output = model(input)
      state.loss += loss(output, target).converted(to: Float.self) * count
      state.count += count
      state.metrics = zip(metrics, state.metrics).map { $0.updated($1, output, target) }
    }
    inference = compile(options: named(["..."], dataCount: 1), file: file, line: line) {
      (model: Model, input: Model.Input) in model(input)
    }
    // Where a line of the loss or of the model is not known, it is that of the call of this initializer.
    body = { state, input, target in
      state.step(input, target, schedule: schedule, file: file, line: line, loss: loss)
    }
    step = compile(options: named(["..."]), file: file, line: line) {
      [body] (state: inout TrainingState<Model, Rule, Scalar>, input: Model.Input, target: Target) in
      body(&state, input, target)
    }
  }

  /// One step with a batch. A failure stops the program, or is noted by the `withDiagnostics` that runs.
  /// - Returns: The loss of the batch before the step.
  @discardableResult
  public mutating func callAsFunction(_ input: Model.Input, _ target: Target) -> Tensor<Scalar> {
    step(updating: &state, input, target)
  }

  /// One step with a batch.
  /// - Throws: every diagnostic of the trace, the compilation or the run.
  /// - Returns: The loss of the batch before the step.
  @discardableResult
  public mutating func run(_ input: Model.Input, _ target: Target) throws(KilnError) -> Tensor<Scalar> {
    try step.run(updating: &state, input, target)
  }
}
