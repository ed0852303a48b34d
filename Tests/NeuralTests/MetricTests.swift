import Foundation
import Kiln
import KilnNN
import Testing

/// Three batches of different sizes.
private struct Batches {
  var logits: [[[Float]]] = []
  var labels: [[Int32]] = []
  var all: [(logits: [Float], label: Int32)] { zip(logits, labels).flatMap { zip($0, $1).map { ($0, $1) } } }

  init(classes: Int) {
    var random = SplitMix(state: 3)
    for count in [5, 1, 8] {
      logits.append(
        (0..<count).map { _ in (0..<classes).map { _ in Float(Int(random.next() % 9)) / 2 - 2 } })
      labels.append((0..<count).map { _ in Int32(random.next() % UInt64(classes)) })
    }
  }
}

/// The metric after batches, each added by a compiled update.
private func gathered<M: Metric>(
  _ metric: M, _ predictions: [M.Prediction], _ targets: [M.Target]
) throws -> M where M.Prediction: TensorTree, M.Target: TensorTree {
  let step = compile { (metric: inout M, predictions: M.Prediction, targets: M.Target) in
    metric.update(predictions, targets)
  }
  var metric = metric
  for (prediction, target) in zip(predictions, targets) { try step.run(updating: &metric, prediction, target) }
  return metric
}

private func near(_ found: Tensor<Float>, _ expected: Double) -> Bool {
  (Double(found.item) - expected).magnitude < 1e-5 * Swift.max(1, expected.magnitude)
}

@Suite("Metrics")
struct MetricTests {
  @Test("accuracy, top-k, perplexity and the confusion matrix, counted by hand over batches")
  func classes() throws {
    let batches = Batches(classes: 4)
    let (logits, labels) = (batches.logits.map { Tensor($0) }, batches.labels.map { Tensor<Int32>($0) })
    func place(_ row: [Float], _ label: Int32) -> Int {
      row.indices.count { row[$0] > row[Int(label)] || row[$0] == row[Int(label)] && $0 < Int(label) }
    }
    let all = batches.all
    let accuracy = try gathered(Accuracy(), logits, labels)
    #expect(near(accuracy.value, Double(all.count { place($0, $1) == 0 }) / 14))
    let two = try gathered(TopKAccuracy(2), logits, labels)
    #expect(near(two.value, Double(all.count { place($0, $1) < 2 }) / 14))
    #expect(two.value.item > accuracy.value.item)
    let counted = all.filter { $0.label != 1 }
    let ignoring = try gathered(Accuracy(ignoring: 1), logits, labels)
    #expect(near(ignoring.value, Double(counted.count { place($0, $1) == 0 }) / Double(counted.count)))
    let topIgnoring = try gathered(TopKAccuracy(2, ignoring: 1), logits, labels)
    #expect(near(topIgnoring.value, Double(counted.count { place($0, $1) < 2 }) / Double(counted.count)))
    let losses = all.map { row, label in
      log(row.map { exp(Double($0)) }.reduce(0, +)) - Double(row[Int(label)])
    }
    #expect(near(try gathered(Perplexity(), logits, labels).value, exp(losses.reduce(0, +) / 14)))

    var counts = [[Int64]](repeating: [0, 0, 0, 0], count: 4)
    for (row, label) in all { counts[Int(label)][row.indices.first { place(row, Int32($0)) == 0 } ?? 0] += 1 }
    var matrix = try gathered(ConfusionMatrix(classes: 4), logits, labels)
    #expect(matrix.counts.scalars == counts.flatMap { $0 } && near(matrix.value, Double(accuracy.value.item)))
    for c in 0..<4 {
      let (hits, taken, own) = (
        Double(counts[c][c]), Double(counts.map { $0[c] }.reduce(0, +)), Double(counts[c].reduce(0, +))
      )
      #expect(near(matrix.precision[c], taken == 0 ? 0 : hits / taken))
      #expect(near(matrix.recall[c], own == 0 ? 0 : hits / own))
      #expect(near(matrix.f1[c], taken + own == 0 ? 0 : 2 * hits / (taken + own)))
    }
    matrix.reset()
    #expect(matrix.value.item == 0 && matrix.f1.scalars == [0, 0, 0, 0] && Accuracy().value.item == 0)
  }

  @Test("precision, recall, F1 and ROC-AUC of a yes or no, counted by hand over batches")
  func binary() throws {
    let batches = Batches(classes: 2)
    let logits = batches.logits.map { Tensor($0.map { $0[0] }) }
    let labels = batches.labels.map { Tensor<Bool>($0.map { $0 == 1 }) }
    let all = batches.all.map { ($0.logits[0], $0.label == 1) }
    let scores = try gathered(BinaryScores(threshold: -0.25), logits, labels)
    let hits = Double(all.count { $0.0 > -0.25 && $0.1 })
    let (precision, recall) = (hits / Double(all.count { $0.0 > -0.25 }), hits / Double(all.count { $0.1 }))
    #expect(hits > 0 && near(scores.precision, precision) && near(scores.recall, recall))
    #expect(near(scores.value, 2 * precision * recall / (precision + recall)))
    var area = 0.0
    for (a, isYes) in all where isYes {
      for (b, isOther) in all where !isOther { area += a > b ? 1 : a == b ? 0.5 : 0 }
    }
    let (yes, no) = (Double(all.count { $0.1 }), Double(all.count { !$0.1 }))
    let found = try gathered(ROCArea(), logits, labels)
    #expect(near(found.value, area / (yes * no)))
    #expect(ROCArea().value.item.isNaN && BinaryScores().value.item == 0)
    // Two samples in one bin are half a pair.
    var coarse = ROCArea(bins: 2)
    coarse.update(Tensor([-3, -2, 40]), Tensor<Bool>([true, false, true]))
    #expect(coarse.value.item == 0.75)
  }

  @Test("means and R², also where the mean is great")
  func numbers() throws {
    let x: [[Float]] = [[10001, 10003, 10002.5], [10004], [9999, 10000]]
    let y: [[Float]] = [[10001.5, 10002, 10003], [10004.5], [9999, 10001]]
    let metric = try gathered(RSquared(), x.map { Tensor($0) }, y.map { Tensor($0) })
    let (xs, ys) = (x.flatMap { $0 }.map(Double.init), y.flatMap { $0 }.map(Double.init))
    let mean = ys.reduce(0, +) / 6
    let (errors, squares) = (zip(xs, ys).map { ($0 - $1) * ($0 - $1) }, ys.map { ($0 - mean) * ($0 - mean) })
    #expect((Double(metric.value.item) - (1 - errors.reduce(0, +) / squares.reduce(0, +))).magnitude < 1e-3)
    var average = try gathered(MeanMetric(), [Tensor([1, 2]), Tensor([6])], [Tensor([1, 0.5]), Tensor([0.5])])
    #expect(average.value.item == 2.5)
    average.reset()
    average.update(Tensor([2, 4]))
    #expect(average.value.item == 3)
  }

  @Test("one program serves all batches of a size, and counts in place")
  func inPlace() throws {
    let step = compile { (accuracy: inout Accuracy, logits: Tensor<Float>, labels: Tensor<Int32>) in
      accuracy.update(logits, labels)
    }
    var accuracy = Accuracy()
    for _ in 0..<3 { try step.run(updating: &accuracy, Tensor([[2, 1], [0, 3]]), Tensor<Int32>([0, 0])) }
    #expect(accuracy.value.item == 0.5 && step.report.entries.count == 1 && step.report.inPlaceCount >= 4)
  }

  @Test("shapes that do not fit are diagnostics at the caller's line")
  func mistakes() {
    let (x, labels) = (Tensor<Float>.zeros([3, 4]), Tensor<Int32>.zeros([4]))
    func expect(_ text: String, _ body: () -> Void) {
      let message = failure { try withDiagnostics(body) } ?? "no message"
      #expect(message.contains(text) && message.contains("MetricTests.swift:"), "\(message)")
    }
    expect("Accuracy takes logits [..., classes] and labels [...], found f32[3,4] and i32[4] [metric.C1]") {
      var metric = Accuracy()
      metric.update(x, labels)
    }
    expect("[metric.C1]") {
      var metric = TopKAccuracy()
      metric.update(x, labels)
    }
    expect("logits [n, 5] and labels [n]") {
      var metric = ConfusionMatrix(classes: 5)
      metric.update(x, labels)
    }
    expect("[metric.C1]") {
      var metric = BinaryScores()
      metric.update(x, .full([4], true))
    }
    expect("[metric.C1]") {
      var metric = ROCArea()
      metric.update(x, .full([4], true))
    }
    expect("[metric.C1]") {
      var metric = RSquared()
      metric.update(x, .zeros([3]))
    }
    expect("[metric.C1]") {
      var metric = MeanMetric()
      metric.update(x, .zeros([3]))
    }
    expect("[loss.C1]") {
      var metric = Perplexity()
      metric.update(x, labels)
    }
  }
}
