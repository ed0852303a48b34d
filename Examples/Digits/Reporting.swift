import Foundation
import Kiln

/// What the command line asks for: `Digits [--device NAME] [--epochs COUNT] [--save FILE] [--load FILE]`.
struct Options {
  private(set) var device: String?
  /// Where the trained network is written: a `.npz` file, or a folder.
  private(set) var save: String?
  /// A network to begin with.
  private(set) var load: String?
  /// Fewer than 40 train only: no accuracy is expected, and nothing is timed.
  private(set) var epochs = 40

  init(_ arguments: ArraySlice<String>) {
    var arguments = arguments
    while let name = arguments.popFirst() {
      let value = arguments.popFirst()
      switch (name, value, value.flatMap { Int($0) }) {
      case ("--device", let value?, _): device = value
      case ("--epochs", _, let count?) where count > 0: epochs = count
      case ("--save", let value?, _): save = value
      case ("--load", let value?, _): load = value
      default:
        print(
          "usage: Digits [--device cpu|opencl|opencl:NUMBER|reference] [--epochs COUNT] [--save FILE] [--load FILE]")
        exit(2)
      }
    }
  }
}

extension TensorTree {
  /// A number that differs, but for chance, where any bit of any tensor does (FNV-1a).
  var bitsDigest: UInt64 {
    tensors.reduce(0xCBF2_9CE4_8422_2325) { digest, entry in
      entry.tensor.bytes.reduce(digest) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    }
  }
}

/// The mean time of a call, after two calls that do not count.
func microseconds(calls: Int, _ body: () -> Void) -> Double {
  for _ in 0..<2 { body() }
  let start = Date()
  for _ in 0..<calls { body() }
  return Date().timeIntervalSince(start) / Double(calls) * 1e6
}

func decimal(_ value: Double) -> String { String(format: "%.1f", value) }

/// [10000,1000]·[1000,2000] on each device of this machine that compiles: warmed up, then timed.
func largeProduct() throws {
  let keys = RandomKey(seed: 3).split()
  let a = Tensor<Float>.randomUniform([10000, 1000], in: -0.5..<0.5, key: keys[0])
  let b = Tensor<Float>.randomUniform([1000, 2000], in: -0.5..<0.5, key: keys[1])
  let operations = 2.0 * 10000 * 1000 * 2000
  print("[10000,1000]·[1000,2000]:")
  for device in Device.available where device != .reference && device != .kernelReference {
    let product = compile(options: CompileOptions(device: device)) { (a: Tensor<Float>, b: Tensor<Float>) in
      matmul(a, b)
    }
    let (left, right) = (a.moved(to: device), b.moved(to: device))
    let time = microseconds(calls: 3) { _ = product(left, right) }
    print("  \(device): \(decimal(time / 1000)) ms, \(decimal(operations / time / 1000)) GFLOP/s")
  }
}
