import Kiln
import KilnNN
import Testing

/// Outputs, gradients by input and all parameters, and running statistics: against PyTorch, and against central
/// differences.
@Suite("Layers beside PyTorch")
struct LayerCaseTests {
  private let key = RandomKey(seed: 1)

  @Test("dense, convolutions and their relatives in f64")
  func convolutionsInDouble() throws { try convolutions(Double.self) }
  @Test("dense, convolutions and their relatives in f32")
  func convolutionsInFloat() throws { try convolutions(Float.self) }

  private func convolutions<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("layers")
    try cases.compare("dense", Dense(inputs: 5, outputs: 3, of: type, key: key), type)
    try cases.compare("denseWithoutBias", Dense(inputs: 5, outputs: 3, hasBias: false, of: type, key: key), type)
    try cases.compare(
      "conv1D",
      Conv1D(inputs: 2, outputs: 3, window: 3, stride: 2, padding: .explicit([(1, 1)]), of: type, key: key), type)
    try cases.compare("conv2D", Conv2D(inputs: 2, outputs: 3, window: 3, of: type, key: key), type)
    try cases.compare(
      "conv2DGroups",
      Conv2D(
        inputs: 4, outputs: 6, window: [3, 2], stride: [2, 1], padding: .explicit([(1, 1), (0, 0)]),
        dilation: [1, 2], groups: 2, of: type, key: key), type)
    try cases.compare(
      "conv2DSame", Conv2D(inputs: 2, outputs: 2, window: 3, padding: .same, hasBias: false, of: type, key: key), type)
    try cases.compare(
      "conv3D", Conv3D(inputs: 2, outputs: 3, window: 2, stride: [1, 2, 1], of: type, key: key), type)
    try cases.compare(
      "convTranspose1D", ConvTranspose1D(inputs: 2, outputs: 3, window: 3, stride: 2, of: type, key: key), type)
    try cases.compare(
      "convTranspose2D",
      ConvTranspose2D(
        inputs: 2, outputs: 3, window: 3, stride: 2, padding: .explicit([(1, 0), (1, 0)]), of: type, key: key), type)
    try cases.compare(
      "convTranspose3D", ConvTranspose3D(inputs: 2, outputs: 2, window: 2, dilation: [1, 2, 1], of: type, key: key),
      type)
    try cases.compare("depthwiseConv1D", DepthwiseConv1D(channels: 3, window: 3, of: type, key: key), type)
    try cases.compare(
      "depthwiseConv2D",
      DepthwiseConv2D(
        channels: 3, multiplier: 2, window: 3, stride: 2, padding: .explicit([(1, 1), (1, 1)]), of: type, key: key),
      type)
    try cases.compare(
      "depthwiseConv3D", DepthwiseConv3D(channels: 2, multiplier: 2, window: 2, hasBias: false, of: type, key: key),
      type)
    try cases.compare(
      "separableConv2D",
      SeparableConv2D(inputs: 2, outputs: 3, multiplier: 2, window: 3, padding: .same, of: type, key: key), type)
  }

  @Test("pooling in f64")
  func poolingInDouble() throws { try pooling(Double.self) }
  @Test("pooling in f32")
  func poolingInFloat() throws { try pooling(Float.self) }

  private func pooling<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("layers")
    try cases.compare("maxPool1D", MaxPool(window: 3, stride: 2, of: type), type)
    try cases.compare(
      "maxPool2D", MaxPool(window: [3, 2], stride: [2, 1], padding: .explicit([(1, 1), (0, 0)]), of: type), type)
    try cases.compare("maxPool3D", MaxPool(window: 2, of: type), type)
    try cases.compare(
      "averagePool2D", AveragePool(window: 3, stride: 2, padding: .explicit([(1, 1), (1, 1)]), of: type), type)
    try cases.compare("averagePool1D", AveragePool(window: 2, of: type), type)
    try cases.compare("globalMaxPool", GlobalMaxPool(of: type), type)
    try cases.compare("globalAveragePool", GlobalAveragePool(of: type), type)
    try cases.compare("adaptiveMaxPool", AdaptiveMaxPool(to: [3, 2], of: type), type)
    try cases.compare("adaptiveAveragePool", AdaptiveAveragePool(to: [3, 2], of: type), type)
  }

  @Test("normalisation in f64, with running statistics")
  func normalisationInDouble() throws { try normalisation(Double.self) }
  @Test("normalisation in f32, with running statistics")
  func normalisationInFloat() throws { try normalisation(Float.self) }

  private func normalisation<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("layers")
    for rank in [2, 4] {
      try cases.compare("batchNorm\(rank)", BatchNorm(channels: 3, of: type), type, training: true)
      try cases.compare("batchNormInference\(rank)", BatchNorm(channels: 3, of: type), type)
    }
    try cases.compare("layerNorm", LayerNorm(features: 5, of: type), type)
    try cases.compare("layerNormShape", LayerNorm(shape: [3, 5], epsilon: 1e-3, of: type), type)
    try cases.compare("rmsNorm", RMSNorm(features: 5, of: type), type)
    try cases.compare("groupNorm", GroupNorm(groups: 2, channels: 4, of: type), type)
    try cases.compare("instanceNorm", InstanceNorm(channels: 3, of: type), type)
  }

  @Test("activations in f64")
  func activationsInDouble() throws { try activations(Double.self) }
  @Test("activations in f32")
  func activationsInFloat() throws { try activations(Float.self) }

  private func activations<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("layers")
    try cases.compare("relu", ReLU(of: type), type)
    try cases.compare("leakyReLU", LeakyReLU(slope: 0.2, of: type), type)
    try cases.compare("elu", ELU(alpha: 0.5, of: type), type)
    try cases.compare("selu", SELU(of: type), type)
    try cases.compare("gelu", GELU(of: type), type)
    try cases.compare("geluExact", GELU(.exact, of: type), type)
    try cases.compare("silu", SiLU(of: type), type)
    try cases.compare("mish", Mish(of: type), type)
    try cases.compare("sigmoid", Sigmoid(of: type), type)
    try cases.compare("logSigmoid", LogSigmoid(of: type), type)
    try cases.compare("hardSigmoid", HardSigmoid(of: type), type)
    try cases.compare("hardSwish", HardSwish(of: type), type)
    try cases.compare("tanh", Tanh(of: type), type)
    try cases.compare("softplus", Softplus(of: type), type)
    try cases.compare("softmax", Softmax(of: type), type)
    try cases.compare("logSoftmax", LogSoftmax(axis: 0, of: type), type)
    try cases.compare("prelu", PReLU(channels: 7, of: type), type)
  }

  @Test("embedding, flatten, sequences and residuals in f64")
  func othersInDouble() throws { try others(Double.self) }
  @Test("embedding, flatten, sequences and residuals in f32")
  func othersInFloat() throws { try others(Float.self) }

  private func others<Scalar: TensorReal>(_ type: Scalar.Type) throws {
    let cases = try LayerCases("layers")
    let keys = key.split()
    try cases.compare("embedding", Embedding(count: 5, width: 3, of: type, key: key), type)
    try cases.compare("flatten", Flatten(of: type), type)
    let sequence = Sequential {
      Dense(inputs: 3, outputs: 4, of: type, key: keys[0])
      Tanh(of: type)
      Dense(inputs: 4, outputs: 3, of: type, key: keys[1])
    }
    try cases.compare("sequential", sequence, type)
    try cases.compare("residual", Residual(sequence), type)
  }
}
