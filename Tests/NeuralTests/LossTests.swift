import Kiln
import KilnNN
import Testing

/// A loss of real inputs, and of labels between them.
private struct LossCase<Scalar: TensorReal>: Sendable {
  var name: String
  var loss: @Sendable ([Tensor<Scalar>], [Tensor<Int32>]) -> Tensor<Scalar>

  init(_ name: String, _ loss: @escaping @Sendable ([Tensor<Scalar>], [Tensor<Int32>]) -> Tensor<Scalar>) {
    self.name = name
    self.loss = loss
  }

  static var all: [LossCase] {
    [
      LossCase("softmax.mean") { x, y in softmaxCrossEntropy(x[0], y[0]) },
      LossCase("softmax.sum") { x, y in softmaxCrossEntropy(x[0], y[0], reduction: .sum) },
      LossCase("softmax.none") { x, y in softmaxCrossEntropy(x[0], y[0], reduction: .none) },
      LossCase("softmax.smooth") { x, y in softmaxCrossEntropy(x[0], y[0], labelSmoothing: 0.2) },
      LossCase("softmax.ignored") { x, y in softmaxCrossEntropy(x[0], y[0], labelSmoothing: 0.1, ignoring: -100) },
      LossCase("softmax.ignoredNone") { x, y in
        softmaxCrossEntropy(x[0], y[0], ignoring: -100, reduction: .none)
      },
      LossCase("softmax.weights") { x, y in softmaxCrossEntropy(x[0], y[0], weights: x[1]) },
      LossCase("softmax.axis") { x, y in softmaxCrossEntropy(x[0], y[0], axis: 1) },
      LossCase("softmax.great") { x, y in softmaxCrossEntropy(x[0], y[0]) },
      LossCase("softmax.dense") { x, _ in softmaxCrossEntropy(x[0], x[1]) },
      LossCase("softmax.denseSmooth") { x, _ in
        softmaxCrossEntropy(x[0], x[1], labelSmoothing: 0.3, reduction: .sum)
      },
      LossCase("sigmoid.mean") { x, _ in sigmoidCrossEntropy(x[0], x[1]) },
      LossCase("sigmoid.sum") { x, _ in sigmoidCrossEntropy(x[0], x[1], reduction: .sum) },
      LossCase("sigmoid.none") { x, _ in sigmoidCrossEntropy(x[0], x[1], reduction: .none) },
      LossCase("sigmoid.smooth") { x, _ in sigmoidCrossEntropy(x[0], x[1], labelSmoothing: 0.25) },
      LossCase("sigmoid.weights") { x, _ in sigmoidCrossEntropy(x[0], x[1], weights: x[2]) },
      LossCase("sigmoid.labels") { x, y in sigmoidCrossEntropy(x[0], y[0] .!= 0) },
      LossCase("squared.mean") { x, _ in squaredError(x[0], x[1]) },
      LossCase("squared.sum") { x, _ in squaredError(x[0], x[1], reduction: .sum) },
      LossCase("squared.none") { x, _ in squaredError(x[0], x[1], reduction: .none) },
      LossCase("squared.weights") { x, _ in squaredError(x[0], x[1], weights: x[2]) },
      LossCase("absolute.mean") { x, _ in absoluteError(x[0], x[1]) },
      LossCase("absolute.sum") { x, _ in absoluteError(x[0], x[1], reduction: .sum) },
      LossCase("absolute.none") { x, _ in absoluteError(x[0], x[1], reduction: .none) },
      LossCase("huber.mean") { x, _ in huberLoss(x[0], x[1], delta: 0.7) },
      LossCase("huber.sum") { x, _ in huberLoss(x[0], x[1], delta: 0.7, reduction: .sum) },
      LossCase("huber.none") { x, _ in huberLoss(x[0], x[1], delta: 0.7, reduction: .none) },
      LossCase("logCosh") { x, _ in logCoshLoss(x[0], x[1]) },
      LossCase("hinge") { x, _ in hingeLoss(x[0], x[1]) },
      LossCase("kl.none") { x, _ in klDivergence(x[0], x[1], reduction: .none) },
      LossCase("kl.mean") { x, _ in klDivergence(x[0], x[1]) },
      LossCase("cosine.none") { x, _ in cosineLoss(x[0], x[1], reduction: .none) },
      LossCase("cosine.mean") { x, _ in cosineLoss(x[0], x[1]) },
      LossCase("triplet") { x, _ in tripletLoss(x[0], x[1], x[2], margin: 2) },
      LossCase("triplet.one") { x, _ in tripletLoss(x[0], x[1], x[2], margin: 5, order: 1, reduction: .none) },
      LossCase("ctc.none") { x, y in
        ctcLoss(x[0], y[0], frameCounts: y[1], labelCounts: y[2], reduction: .none)
      },
      LossCase("ctc.sum") { x, y in
        ctcLoss(x[0], y[0], frameCounts: y[1], labelCounts: y[2], blank: 4, reduction: .sum)
      },
    ]
  }

  /// The value, and the gradient of the sum of its squares by each real input, in one program.
  func check(_ file: SafetensorsFile) throws {
    var (reals, labels, places): ([Tensor<Scalar>], [Tensor<Int32>], [Int]) = ([], [], [])
    var index = 0
    while let type = file.type(of: "\(name).in\(index)") {
      if type.dtype.isReal {
        reals.append(try file.rounded("\(name).in\(index)", to: Scalar.self))
        places.append(index)
      } else {
        labels.append(try file.tensor("\(name).in\(index)", of: Int32.self))
      }
      index += 1
    }
    let loss = self.loss
    let program = compile { (reals: [Tensor<Scalar>], labels: [Tensor<Int32>]) -> [Tensor<Scalar>] in
      let slopes = gradient(at: reals) { (reals: [Tensor<Scalar>]) -> Tensor<Scalar> in
        let value = loss(reals, labels)
        return (value * value).sum()
      }
      return [loss(reals, labels)] + slopes
    }
    let results = try program.run(reals, labels)
    let what = "\(name) of \(Scalar.self)"
    expectClose(results[0], try file.tensor("\(name).value", of: Double.self), what)
    for (place, slope) in zip(places, results.dropFirst()) where file.type(of: "\(name).gradient\(place)") != nil {
      expectClose(slope, try file.tensor("\(name).gradient\(place)", of: Double.self), "\(what), gradient \(place)")
    }
  }
}

@Suite("Losses")
struct LossTests {
  @Test("values and gradients are PyTorch's, in f64")
  func doubles() throws {
    let file = try SafetensorsFile(Fixture.path("losses"))
    for one in LossCase<Double>.all { try one.check(file) }
    let names = Set(file.names.filter { $0.hasSuffix(".value") }.map { String($0.dropLast(6)) })
    #expect(names == Set(LossCase<Double>.all.map(\.name)))
  }

  @Test("values and gradients are PyTorch's, in f32")
  func floats() throws {
    let file = try SafetensorsFile(Fixture.path("losses"))
    for one in LossCase<Float>.all { try one.check(file) }
  }

  @Test("one program serves batches of all sizes, with the numbers of each")
  func sizes() throws {
    let losses: [@Sendable (Tensor<Float>, Tensor<Float>, Tensor<Int32>) -> Tensor<Float>] = [
      { x, _, labels in softmaxCrossEntropy(x, labels, labelSmoothing: 0.1, ignoring: 1) },
      { x, y, _ in softmaxCrossEntropy(x, y) + klDivergence(x, softmax(y)) + hingeLoss(x, y) },
      { x, y, _ in sigmoidCrossEntropy(x, y) + squaredError(x, y, weights: y) + huberLoss(x, y) },
      { x, y, _ in cosineLoss(x, y) + tripletLoss(x, y, x + y) + logCoshLoss(x, y) + absoluteError(x, y) },
      { x, y, labels in
        ctcLoss(stacked([x, y, x], axis: 1), labels.expandingShape(at: 1), labelCounts: minimum(labels, 1), blank: 3)
      },
    ]
    for (number, loss) in losses.enumerated() {
      let program = compile(options: .sizes("n, 4", "n, 4", "n")) {
        (x: Tensor<Float>, y: Tensor<Float>, labels: Tensor<Int32>) in
        // The derivative of a scan, which CTC has, is for one number of samples.
        let slope = number == 4 ? x : gradient(at: x) { x in loss(x, y, labels) }
        loss(x, y, labels) + 0 * slope.sum()
      }
      for size in [2, 5, 1] {
        let x = Tensor<Float>.range(size * 4).reshaped(to: [size, 4]) / 7 - 1
        let labels = Tensor<Int32>.range(size) % 3
        let found = try program.run(x, tanh(x * x), labels)
        #expect(found.item == loss(x, tanh(x * x), labels).item, "loss \(number), size \(size)")
      }
      let report = program.report
      #expect(report.entries.count == 1 && report.entries[0].pinnedSizes.isEmpty, "loss \(number): \(report)")
    }
  }

  @Test("far from 0 the losses stay exact and their gradients finite")
  func extremes() {
    let x: Tensor<Double> = [1e4, -1e4, 0]
    let y: Tensor<Double> = [1, 0, 0.5]
    #expect(sigmoidCrossEntropy(x, y, reduction: .none).scalars == [0, 0, 0.6931471805599453])
    let slope = gradient(at: x) { x in logCoshLoss(x, Tensor<Double>([0, 0, 0]), reduction: .sum) }
    #expect(slope.scalars == [1, -1, 0])
    // No way spells two labels in one frame: infinity, and no gradient.
    let logits = Tensor<Double>.zeros([1, 1, 3])
    let labels = Tensor<Int32>([[1, 2]])
    #expect(ctcLoss(logits, labels).item == .infinity)
    #expect(gradient(at: logits) { ctcLoss($0, labels) }.scalars == [0, 0, 0])
    let apart = gradient(at: Tensor<Double>([[0, 0]])) { cosineLoss($0, Tensor<Double>([[0, 0]])) }
    #expect(apart.scalars == [0, 0])
    #expect(softmaxCrossEntropy(Tensor<Float>([[1, 2]]), Tensor<Int32>([7]), ignoring: 7).item == 0)
  }

  @Test("mistakes are diagnostics at the caller's line")
  func mistakes() throws {
    func expect(_ text: String, line: Int = #line, _ body: () -> Tensor<Float>) {
      let message = failure { _ = try withDiagnostics(body) } ?? "no message"
      let isHere = [line, line + 1].contains { message.contains("LossTests.swift:\($0):") }
      #expect(message.contains(text) && isHere, "\(message)")
    }
    let (x, labels) = (Tensor<Float>.zeros([3, 4]), Tensor<Int32>.zeros([3]))
    expect("squaredError takes two tensors of one shape, found f32[3,1] and f32[3] [loss.C1]") {
      squaredError(Tensor<Float>.zeros([3, 1]), .zeros([3]))
    }
    expect("labels of their shape without it, found f32[3,4] and i32[3,1] [loss.C1]") {
      softmaxCrossEntropy(x, Tensor<Int32>.zeros([3, 1]))
    }
    expect("classes along axis 2") { softmaxCrossEntropy(x, labels, axis: 2) }
    expect("found f32[3,4] and f32[3,5] [loss.C1]") { softmaxCrossEntropy(x, Tensor<Float>.zeros([3, 5])) }
    expect("[loss.C1]") { sigmoidCrossEntropy(x, Tensor<Bool>.full([4], true)) }
    expect("[loss.C1]") { klDivergence(x, .zeros([4])) }
    expect("[loss.C1]") { cosineLoss(x, .zeros([4])) }
    expect("[loss.C1]") { tripletLoss(x, x, .zeros([4])) }
    expect("weights f32[3,1] do not broadcast to the losses of the samples, f32[3] [loss.C2]") {
      softmaxCrossEntropy(x, labels, weights: .ones([3, 1]))
    }
    expect("[loss.C2]") { absoluteError(x, x, weights: .ones([3])) }
    expect("label smoothing from 0 to below 1, found 1.0 [loss.C3]") {
      softmaxCrossEntropy(x, labels, labelSmoothing: 1)
    }
    expect("[loss.C3]") { sigmoidCrossEntropy(x, x, labelSmoothing: -0.1) }
    expect("a delta above 0, found 0.0 [loss.C3]") { huberLoss(x, x, delta: 0) }
    expect("[loss.C3]") { tripletLoss(x, x, x, margin: -1) }
    let frames = Tensor<Float>.zeros([2, 5, 4])
    expect("found f32[2,5,4], i32[3,2] [loss.C1]") { ctcLoss(frames, .zeros([3, 2])) }
    expect("[loss.C1]") { ctcLoss(frames, .zeros([2, 2]), frameCounts: .zeros([3])) }
    expect("a blank among the classes of f32[2,5,4], found 4 [loss.C3]") { ctcLoss(frames, .zeros([2, 2]), blank: 4) }
    expect("[gather.R1]") { softmaxCrossEntropy(x, Tensor<Int32>([0, 4, 1])) }
  }
}
