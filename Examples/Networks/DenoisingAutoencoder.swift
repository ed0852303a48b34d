import Kiln
import KilnNN

/// Takes noise away from images. The noise of the training is drawn in each step, by the pass.
struct DenoisingAutoencoder: Layer {
  /// The standard deviation of the noise.
  let noise: Float
  var hidden: Dense<Float>
  var code: Dense<Float>
  var decoder: Dense<Float>
  var pixels: Dense<Float>

  init(pixels count: Int, hidden width: Int, codes: Int, noise: Float, key: RandomKey) {
    let keys = key.split(4)
    self.noise = noise
    hidden = Dense(inputs: count, outputs: width, weight: .heNormal, key: keys[0])
    code = Dense(inputs: width, outputs: codes, key: keys[1])
    decoder = Dense(inputs: codes, outputs: width, weight: .heNormal, key: keys[2])
    pixels = Dense(inputs: width, outputs: count, key: keys[3])
  }

  mutating func callAsFunction(_ images: Tensor<Float>, _ pass: inout ForwardPass) -> Tensor<Float> {
    let seen = pass.nextKey().map { noised(images, key: $0) } ?? images
    return sigmoid(pixels(relu(decoder(code(relu(hidden(seen)))))))
  }

  func noised(_ images: Tensor<Float>, key: RandomKey) -> Tensor<Float> {
    images + Tensor<Float>.randomNormal(images.shape, standardDeviation: noise, key: key)
  }

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&hidden, "hidden")
    visitor.visit(&code, "code")
    visitor.visit(&decoder, "decoder")
    visitor.visit(&pixels, "pixels")
    visitor.constant(noise, "noise")
  }
}

extension Example {
  static let denoising = Example(name: "denoising", summary: "an autoencoder takes noise away from digits") { run in
    let (digits, epochs) = (try DigitBatches(), 100)
    let model = DenoisingAutoencoder(pixels: 64, hidden: 128, codes: 24, noise: 0.3, key: RandomKey(seed: 1))
    var training = TrainingStep(
      model, optimizer: Optimizer(Adam(), for: model),
      schedule: .oneCycle(peak: 4e-3, steps: epochs * digits.count)
    ) { images, clean in squaredError(images, clean) }
    try run.fit(&training, epochs: epochs) { digits.pixels($0) }

    let images = DigitBatches.pixels(digits.heldOut.inputs)
    let noisy = model.noised(images, key: RandomKey(seed: 2))
    let cleaned = try training.predict(noisy)
    let shown = concatenated([images, noisy, cleaned].map { clamp($0[0..<10], 0, 1) })
    try run.save(shown.reshaped(to: [3, 10, 8, 8]))
    let left = squaredError(cleaned, images).item / squaredError(noisy, images).item
    return Outcome(
      "squared error that is left of the noise's", Double(left), .atMost(0.25), compiled: training.report,
      of: training.state)
  }
}
