public import Kiln

/// Connectionist temporal classification (Graves and others, 2006): -log of the probability that the frames of a sample
/// spell its labels, over all ways in which blanks and repetitions may stand between them.
///
/// The sums over these ways are taken in log space, frame by frame, by `scan`. A sample with too few frames for its
/// labels has the loss infinity, and its gradient is 0.
///
/// - Parameters:
///   - logits: [batch, frames, classes]; the log softmax over the classes is taken here.
///   - labels: [batch, most labels]; what stands after the end of a sample is not looked at.
///   - frameCounts: [batch], the frames of each sample; nil if all count.
///   - labelCounts: [batch], the labels of each sample; nil if all count.
///   - blank: the class that spells nothing.
///   - weights: of samples, in a shape that broadcasts to [batch] (`loss.C2`).
/// - Returns: A scalar, or with `.none` [batch]. The mean is that of the samples, whatever their lengths. Shapes that
///   do not fit are `loss.C1`, a blank that is not a class is `loss.C3`.
public func ctcLoss<Scalar: TensorReal>(
  _ logits: Tensor<Scalar>, _ labels: Tensor<Int32>, frameCounts: Tensor<Int32>? = nil,
  labelCounts: Tensor<Int32>? = nil, blank: Int = 0, weights: Tensor<Scalar>? = nil,
  reduction: LossReduction = .mean
) -> Tensor<Scalar> {
  guard logits.rank == 3, labels.rank == 2, labels.shape.first.map({ logits.shape[0] == $0 }) == true,
    [frameCounts, labelCounts].allSatisfy({ $0?.shape.mayBe([logits.shape[0]]) ?? true })
  else {
    return logits.failed(
      "loss.C1",
      "ctcLoss takes logits [batch, frames, classes], labels [batch, most labels] and counts [batch], found "
        + "\(([logits.type, labels.type] + [frameCounts, labelCounts].compactMap { $0?.type }).map(\.description).joined(separator: ", "))",
      with: labels.untyped)
  }
  guard blank >= 0, Dimension.isAtLeast(logits.shape[2], Dimension(blank) + 1) != false else {
    return logits.failed("loss.C3", "ctcLoss takes a blank among the classes of \(logits.type), found \(blank)")
  }
  let (batch, frames, most) = (logits.shape[0], logits.shape[1], labels.shape[1])
  let positions = Tensor<Int32>.range(most)
  let labelCounts = labelCounts ?? Tensor<Int32>.ones([batch, most]).sum(axes: [1])
  let empty = Tensor<Int32>(Int32(blank))
  let known = select(positions .< labelCounts.expandingShape(at: 1), labels, empty)

  // What is spelled, with blanks around each label: [batch, 2 · most + 1].
  let blanks = Tensor<Int32>.full([batch, most], Int32(blank))
  let pairs = stacked([blanks, known], axis: 2).reshaped(to: [batch, most * 2])
  let spelled = concatenated([pairs, .full([batch, 1], Int32(blank))], axis: 1)
  // A label that differs from the one before may follow it without a blank.
  let shifted = concatenated([.full([batch, 2], Int32(blank)), spelled], axis: 1)
  let width = most * 2 + 1
  let maySkip = (spelled .!= empty) .&& (spelled .!= shifted.sliced(axis: 1, from: 0, to: width))

  let logs = logSoftmax(logits).takeAlong(spelled.expandingShape(at: 1).broadcast(to: [batch, frames, width]), axis: 2)
  let isFrame =
    frameCounts.map { counts in Tensor<Int32>.range(frames) .< counts.expandingShape(at: 1) }
    ?? .full([batch, frames], true)
  let steps = CTCFrames(logs: logs.transposed(1, 0, 2), isFrame: isFrame.transposed(1, 0))

  // Before the first frame nothing is spelled.
  let start = select(Tensor<Int32>.range(width) .== Tensor(0), Tensor<Scalar>(0), Tensor(-Scalar.infinity))
  let (last, _) = scan(start.broadcast(to: [batch, width]), over: steps) {
    (spelledSoFar: Tensor<Scalar>, frame: CTCFrames<Scalar>) -> (Tensor<Scalar>, [Tensor<Scalar>]) in
    let nothing = Tensor<Scalar>.full([batch, 2], -Scalar.infinity)
    let wide = concatenated([nothing, spelledSoFar], axis: 1)
    let two = select(maySkip, wide.sliced(axis: 1, from: 0, to: width), Tensor(-Scalar.infinity))
    let ways = stacked([spelledSoFar, wide.sliced(axis: 1, from: 1, to: width + 1), two], axis: 2)
    let next = logSumExp(ways, axis: 2) + frame.logs
    return (select(frame.isFrame.expandingShape(at: 1), next, spelledSoFar), [])
  }
  // The last label, or a blank behind it.
  let end = (labelCounts * 2).expandingShape(at: 1)
  let withBlank = last.takeAlong(end, axis: 1)
  let withLabel = last.takeAlong(maximum(end - 1, Tensor(0)), axis: 1)
  let hasLabel = end .> Tensor(0)
  let ways = concatenated([withBlank, select(hasLabel, withLabel, Tensor(-Scalar.infinity))], axis: 1)
  return (-logSumExp(ways, axis: 1)).reduced(reduction, weights: weights, "ctcLoss")
}

/// For each frame the logarithms of what may be spelled, [batch, width], and whether the sample has it, [batch].
private struct CTCFrames<Scalar: TensorReal>: TensorTree {
  var logs: Tensor<Scalar>
  var isFrame: Tensor<Bool>

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&logs, "logs")
    visitor.visit(&isFrame, "isFrame")
  }
}
