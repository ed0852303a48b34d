import Foundation
import Kiln
import KilnNN

/// What a variational autoencoder makes of images.
struct Reconstruction: TensorTree {
  /// The logits of the pixels, [batch, pixels].
  var logits: Tensor<Float>
  /// The mean of each code, and the logarithm of its variance: [batch, codes].
  var mean: Tensor<Float>
  var logVariance: Tensor<Float>

  /// A bound of -log of the probability of an image, in nats, up to a number that depends on the image alone (Kingma
  /// and Welling, Auto-encoding variational Bayes, 2014, appendix B): 16 times the cross entropy of its pixels, each
  /// of which says how many of 16 points are black, and the divergence of its code from the standard normal
  /// distribution.
  func bound(_ images: Tensor<Float>) -> Tensor<Float> {
    let pixels = 16 * sigmoidCrossEntropy(logits, images, reduction: .none).sum(axes: [1])
    let divergence = (exp(logVariance) + mean * mean - 1 - logVariance).sum(axes: [1]) / 2
    return (pixels + divergence).mean()
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&logits, "logits")
    visitor.visit(&mean, "mean")
    visitor.visit(&logVariance, "logVariance")
  }
}

/// Draws a code for an image, and the image from the code. In inference the code is its mean.
struct VariationalAutoencoder: Layer {
  var encoder: Dense<Float>
  var mean: Dense<Float>
  var logVariance: Dense<Float>
  var decoder: Dense<Float>
  var pixels: Dense<Float>

  init(pixels count: Int, hidden: Int, codes: Int, key: RandomKey) {
    let keys = key.split(5)
    encoder = Dense(inputs: count, outputs: hidden, key: keys[0])
    mean = Dense(inputs: hidden, outputs: codes, key: keys[1])
    logVariance = Dense(inputs: hidden, outputs: codes, key: keys[2])
    decoder = Dense(inputs: codes, outputs: hidden, key: keys[3])
    pixels = Dense(inputs: hidden, outputs: count, key: keys[4])
  }

  mutating func callAsFunction(_ images: Tensor<Float>, _ pass: inout ForwardPass) -> Reconstruction {
    let hidden = tanh(encoder(images))
    let (mean, logVariance) = (mean(hidden), logVariance(hidden))
    var code = mean
    if let key = pass.nextKey() {
      code = mean + exp(logVariance / 2) * Tensor<Float>.randomNormal(mean.shape, key: key)
    }
    return Reconstruction(logits: decoded(code), mean: mean, logVariance: logVariance)
  }

  /// The logits of the pixels for codes [batch, codes].
  func decoded(_ code: Tensor<Float>) -> Tensor<Float> { pixels(tanh(decoder(code))) }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&encoder, "encoder")
    visitor.visit(&mean, "mean")
    visitor.visit(&logVariance, "logVariance")
    visitor.visit(&decoder, "decoder")
    visitor.visit(&pixels, "pixels")
  }
}

extension Example {
  static let variational = Example(
    name: "vae", summary: "a variational autoencoder learns the distribution of digits, and draws new ones"
  ) { run in
    let (digits, epochs) = (try DigitBatches(), 300)
    let model = VariationalAutoencoder(pixels: 64, hidden: 128, codes: 8, key: RandomKey(seed: 1))
    var training = TrainingStep(
      model, optimizer: Optimizer(Adam(), for: model),
      schedule: .oneCycle(peak: 4e-3, steps: epochs * digits.count)
    ) { reconstruction, images in reconstruction.bound(images) }
    try run.fit(&training, epochs: epochs) { digits.pixels($0) }

    // The bound on digits that were held out, with codes that are drawn.
    let bound = compile { (model: VariationalAutoencoder, images: Tensor<Float>, key: RandomKey) in
      var (model, pass) = (model, ForwardPass(training: key))
      return model(images, &pass).bound(images)
    }
    let images = DigitBatches.pixels(digits.heldOut.inputs)
    let draws = try (0..<10).map { try bound.run(training.model, images, RandomKey(seed: 2).folding(in: $0)).item }
    let found = Double(draws.reduce(0, +)) / Double(draws.count)
    // What pixels that know nothing of each other need, and the least that gray ones need.
    let alone = crossEntropy(images, DigitBatches.pixels(digits.training.inputs).mean(axes: [0]))
    let least = crossEntropy(images, images)
    if run.isVerbose { print("bound \(found), independent pixels \(alone), least \(least) nats") }
    try draw(training.model, run)
    return Outcome(
      "nats above the least / independent pixels'", (found - least) / (alone - least), .atMost(0.35),
      compiled: training.report, of: training.state)
  }

  /// The mean over images of what it costs to tell `images` to those who expect `predictions`, in nats.
  private static func crossEntropy(_ images: Tensor<Float>, _ predictions: Tensor<Float>) -> Double {
    let p = clamp(predictions, 1e-6, 1 - 1e-6)
    return Double((images * log(p) + (1 - images) * log(1 - p)).sum(axes: [1]).mean().item) * -16
  }

  /// Digits of codes that are drawn from the standard normal distribution, ten rows of ten.
  private static func draw(_ model: VariationalAutoencoder, _ run: Run) throws {
    let codes = Tensor<Float>.randomNormal([100, 8], key: RandomKey(seed: 3))
    try run.save(sigmoid(model.decoded(codes)).reshaped(to: [10, 10, 8, 8]))
  }
}
