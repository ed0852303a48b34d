import KilnIR

/// Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011): a
/// function of a key and a counter, each two words, that gives two words. It is made of additions, rotations and
/// exclusive ors of u32, so every device and every number of threads gives the same numbers.
package enum Threefry {
  /// The two words for each counter. The words of the key broadcast over the counters.
  package static func words(
    key: (Tensor<UInt32>, Tensor<UInt32>), counter: (Tensor<UInt32>, Tensor<UInt32>)
  ) -> (Tensor<UInt32>, Tensor<UInt32>) {
    let keys = [key.0, key.1, key.0 ^ key.1 ^ Tensor(0x1BD1_1BDA)]
    var (x, y) = (counter.0 + keys[0], counter.1 + keys[1])
    for group in 0..<5 {
      for amount: UInt32 in group % 2 == 0 ? [13, 15, 26, 6] : [17, 29, 16, 24] {
        x = x + y
        y = ((y << Tensor(amount)) | (y >> Tensor(32 - amount))) ^ x
      }
      x = x + keys[(group + 1) % 3]
      y = y + keys[(group + 2) % 3] + Tensor(UInt32(group + 1))
    }
    return (x, y)
  }
}
