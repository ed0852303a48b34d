import Foundation
import Kiln
import KilnData
import KilnNN

/// 150 flowers of three species, 50 of each: Fisher, "The use of multiple measurements in taxonomic problems", 1936.
struct Iris {
  /// Sepal length and width, petal length and width, each with mean 0 and deviation 1 on the flowers to learn from:
  /// [150, 4].
  let features: Tensor<Float>
  /// The petal's width in centimetres, [150, 1].
  let petalWidth: Tensor<Float>
  /// [150]
  let species: Tensor<Int32>
  /// Every third flower is held out.
  let heldOut = Tensor<Int32>((0..<150).filter { $0 % 3 == 2 })
  let training = Tensor<Int32>((0..<150).filter { $0 % 3 != 2 })

  init() throws {
    let table = try CSVTable(contentsOf: Resource.path(of: "iris.csv"))
    let values = try table.values(Array(table.columns.prefix(4)), as: Float.self)
    let learnt = values.gathered(training)
    let mean = learnt.mean(axes: [0])
    let deviation = sqrt(((learnt - mean) * (learnt - mean)).mean(axes: [0]))
    features = (values - mean) / deviation
    petalWidth = values[0..., 3..<4]
    species = try table.categories("species").labels
  }
}

extension Example {
  static let linear = Example(name: "linear", summary: "the width of a petal from the other measures of an iris") {
    run in
    let (iris, key) = (try Iris(), RandomKey(seed: 1))
    let (inputs, widths) = (iris.features[0..., 0..<3], iris.petalWidth)
    let model = Dense(inputs: 3, outputs: 1, key: key)
    let training = try fitted(model, inputs, widths, iris, weightDecay: 0, run) { squaredError($0, $1) }
    let (found, truth) = (try training.predict(inputs.gathered(iris.heldOut)), widths.gathered(iris.heldOut))
    let spread = squaredError(truth.mean().broadcast(to: truth.shape), truth)
    let score = 1 - (squaredError(found, truth) / spread).item
    return Outcome(
      "R² on 50 flowers, bar from scikit-learn", Double(score), .atLeast(try Resource.score("linear") - 0.01),
      compiled: training.report, of: training.state)
  }

  static let logistic = Example(name: "logistic", summary: "whether an iris is an Iris virginica") { run in
    let iris = try Iris()
    let isVirginica = (iris.species .== 2).expandingShape(at: 1)
    let model = Dense(inputs: 4, outputs: 1, key: RandomKey(seed: 1))
    let training = try fitted(model, iris.features, isVirginica, iris, weightDecay: 0.01, run) {
      sigmoidCrossEntropy($0, $1)
    }
    let scores = try training.predict(iris.features.gathered(iris.heldOut))
    return try accuracy((scores .> 0) .== isVirginica.gathered(iris.heldOut), "logistic", training)
  }

  static let softmax = Example(name: "softmax", summary: "which of three species an iris is") { run in
    let iris = try Iris()
    let model = Dense(inputs: 4, outputs: 3, key: RandomKey(seed: 1))
    let training = try fitted(model, iris.features, iris.species, iris, weightDecay: 0.01, run) {
      softmaxCrossEntropy($0, $1)
    }
    let scores = try training.predict(iris.features.gathered(iris.heldOut))
    return try accuracy(scores.argMax(axis: 1) .== iris.species.gathered(iris.heldOut), "softmax", training)
  }

  static let supportVectors = Example(
    name: "support-vectors", summary: "whether an iris is an Iris virginica, by the hinge loss"
  ) { run in
    let iris = try Iris()
    let signs = select(iris.species .== 2, Tensor<Float>(1), -1).expandingShape(at: 1)
    let model = Dense(inputs: 4, outputs: 1, key: RandomKey(seed: 1))
    let training = try fitted(model, iris.features, signs, iris, weightDecay: 0.01, run) { hingeLoss($0, $1) }
    let scores = try training.predict(iris.features.gathered(iris.heldOut))
    return try accuracy((scores .> 0) .== (signs.gathered(iris.heldOut) .> 0), "support-vectors", training)
  }

  /// Trains a layer on all flowers that are not held out, at once. A decay of 1 / n is the penalty of scikit-learn with
  /// C = 1, n being the number of flowers.
  private static func fitted<Number>(
    _ model: Dense<Float>, _ inputs: Tensor<Float>, _ targets: Tensor<Number>, _ iris: Iris, weightDecay: Double,
    _ run: Run, loss: @escaping @Sendable (Tensor<Float>, Tensor<Number>) -> Tensor<Float>
  ) throws -> TrainingStep<Dense<Float>, Adam, Float, Tensor<Number>> {
    let optimizer = Optimizer(Adam(), for: model, decay: .inGradient(weightDecay) { $0 == "weight" })
    let schedule = Schedule.cosine(from: 0.1, to: 1e-4, steps: 1000)
    var training = TrainingStep(model, optimizer: optimizer, schedule: schedule, loss: loss)
    let batch = (inputs.gathered(iris.training), targets.gathered(iris.training))
    try run.fit(&training, epochs: 1000) { _ in [batch] }
    return training
  }

  private static func accuracy<Target>(
    _ isRight: Tensor<Bool>, _ name: String, _ training: TrainingStep<Dense<Float>, Adam, Float, Target>
  ) throws -> Outcome {
    Outcome(
      "accuracy on 50 flowers, bar from scikit-learn", Double(isRight.converted(to: Float.self).mean().item),
      .atLeast(try Resource.score(name) - 0.01), compiled: training.report, of: training.state)
  }
}
