public import Kiln

/// The portable inputs of the workloads: hash noise, exact in float32.
public enum Noise {
  /// Element `index` of the noise of `seed`: a multiple of 2^-24 in [-0.5, 0.5).
  @inline(__always)
  static func unit(_ index: Int, seed: UInt32) -> Float {
    var h = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ seed &* 40503
    h ^= h >> 16
    h &*= 0x85EB_CA6B
    h ^= h >> 13
    h &*= 0xC2B2_AE35
    h ^= h >> 16
    return Float(h >> 8) * 0x1p-24 - 0.5
  }

  /// A tensor of noise times `scale` plus `offset`, each rounded to float32, on the current device.
  public static func tensor(_ shape: [Int], seed: UInt32, scale: Float = 1, offset: Float = 0) -> Tensor<Float> {
    let count = shape.reduce(1, *)
    let scalars = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      for index in 0..<count { buffer[index] = unit(index, seed: seed) * scale + offset }
      initialized = count
    }
    return Tensor(scalars, shape: shape).moved(to: .current)
  }

  /// The labels of the training workloads.
  static func labels(_ count: Int) -> Tensor<Int32> {
    Tensor((0..<count).map { Int32((7 * $0 + 3) % 10) }).moved(to: .current)
  }
}
