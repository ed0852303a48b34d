import Kiln
import KilnData
import KilnNN

/// Digits to learn from, in another order in each epoch, and 297 that are held out.
struct DigitBatches {
  let training: Dataset<Tensor<Float>, Tensor<Int32>>
  let heldOut: Dataset<Tensor<Float>, Tensor<Int32>>
  /// How many batches an epoch has.
  var count: Int { training.batched(100).count }

  init() throws { (training, heldOut) = try Dataset.digits.split(heldOut: 297, key: RandomKey(seed: 1)) }

  /// Batches of 100 images [100, 8, 8], with their labels [100].
  func epoch(_ number: Int) -> BatchedDataset<Tensor<Float>, Tensor<Int32>> {
    training.shuffled(key: RandomKey(seed: 5).folding(in: UInt32(number))).batched(100)
  }

  /// Batches of pixels, [100, 64], each with itself as its target.
  func pixels(_ number: Int) -> some Sequence<(Tensor<Float>, Tensor<Float>)> {
    epoch(number).lazy.map { images, _ in (Self.pixels(images), Self.pixels(images)) }
  }

  /// [n, 8, 8] as [n, 64].
  static func pixels(_ images: Tensor<Float>) -> Tensor<Float> { Flatten()(images) }
}
