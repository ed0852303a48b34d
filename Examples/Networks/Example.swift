import Foundation
import Kiln
import KilnData
import KilnNN

/// A model that is trained and measured.
struct Example: Sendable {
  let name: String
  /// What is learnt, and from what.
  let summary: String
  let body: @Sendable (Run) throws -> Outcome

  static let all = [
    mlp, cnn, lstm, gru, transformer, variational, denoising, linear, logistic, softmax, supportVectors, kMeans,
    principalComponents,
  ]
}

/// What an example came to.
struct Outcome {
  /// What was measured.
  var metric: String
  var value: Double
  /// What the value has to be.
  var bar: Bar
  /// How often the step was compiled.
  var compilations: Int
  /// A digest of the trained tensors: equal where every bit is.
  var bits: UInt64

  init(
    _ metric: String, _ value: Double, _ bar: Bar, compiled report: CompilationReport, of trained: some TensorTree
  ) {
    (self.metric, self.value, self.bar) = (metric, value, bar)
    (compilations, bits) = (report.entries.count, trained.bitsDigest)
  }
}

/// The least or the greatest value that is good enough.
enum Bar {
  case atLeast(Double)
  case atMost(Double)

  func admits(_ value: Double) -> Bool {
    switch self {
    case .atLeast(let bar): value >= bar
    case .atMost(let bar): value <= bar
    }
  }
}

/// One run of an example.
struct Run: Sendable {
  let name: String
  /// How many steps are taken; nil for as many as the example wants.
  let steps: Int?
  let folder: URL
  let isVerbose: Bool

  /// Trains as the example wants, or a few steps only, and draws the losses of the epochs as NAME.svg.
  func fit<Model, Rule, Scalar, Target, Batches: Sequence<(Model.Input, Target)>>(
    _ training: inout TrainingStep<Model, Rule, Scalar, Target>, epochs: Int,
    validation: (any Sequence<(Model.Input, Target)>)? = nil, batches: (_ epoch: Int) -> Batches
  ) throws {
    let callbacks: [any TrainingCallback] = isVerbose ? [ProgressLine()] : []
    if let steps {
      try training.fit(epochs: 1, validation: validation, callbacks: callbacks) { batches($0).prefix(steps) }
      return
    }
    let reports = try training.fit(epochs: epochs, validation: validation, callbacks: callbacks, batches: batches)
    var curves = [Curve(name: "training", values: reports.map(\.loss))]
    let held = reports.compactMap { $0.validation?.loss }
    if !held.isEmpty { curves.append(Curve(name: "held out", values: held)) }
    let plot = Curve.plot(curves, title: name, across: "epoch", up: "loss")
    try Data(plot.utf8).write(to: folder.appendingPathComponent("\(name).svg"))
  }

  /// Writes images [rows, columns, 8, 8], whose pixels are between 0 (white) and 1 (black), as one picture, NAME.png.
  func save(_ images: Tensor<Float>) throws {
    let (rows, columns) = (images.dimensions[0], images.dimensions[1])
    let apart = images.padded([(0, 0), (0, 0), (1, 1), (1, 1)])
    let picture = apart.transposed(0, 2, 1, 3).reshaped(to: [rows * 10, columns * 10])
    try ((1 - picture) * 255).converted(to: UInt8.self).repeated(4, axis: 0).repeated(4, axis: 1)
      .writePNG(to: folder.appendingPathComponent("\(name).png").path)
  }
}
