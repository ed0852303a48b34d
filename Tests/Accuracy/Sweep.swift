import Dispatch
import Glibc
import KilnOracles
import KilnTesting
import Synchronization

/// The largest error found, and where.
struct Worst: Sendable {
  var ulps = 0.0
  var at = 0.0

  mutating func take(_ ulps: Double, at argument: Double) {
    if ulps > self.ulps { (self.ulps, at) = (ulps, argument) }
  }

  mutating func take(_ other: Worst) { take(other.ulps, at: other.at) }
}

/// All f32 arguments, or every `step`th, as machine code computes them.
func worstOfSingle(_ row: Accuracy, step: UInt64) throws -> Worst {
  let table = try CompiledTable<Float>(row.function)
  let last = (1 << 32 - 1) / step
  var worst = Worst()
  for (number, first) in stride(from: UInt64(0), through: last, by: table.blockSize).enumerated() {
    let arguments = (first..<min(first + UInt64(table.blockSize), last + 1)).map {
      Float(bitPattern: UInt32($0 * step))
    }
    let results = try table(arguments, comparing: number % 64 == 0)
    worst.take(
      .ofPieces(arguments, results) { found, x, y in
        if row.raise(&found.ulps, x, y) { found.at = Double(x) }
      })
  }
  return worst
}

/// A sample of f64 arguments.
func worstOfDouble(_ row: Accuracy, count: Int) throws -> Worst {
  #if arch(x86_64) && os(Linux)
    let table = try CompiledTable<Double>(row.function)
    var generator = SplitMix64(seed: 0)
    var worst = Worst()
    for first in stride(from: 0, to: count, by: table.blockSize) {
      let arguments = row.sample(min(table.blockSize, count - first), using: &generator)
      let results = try table(arguments, comparing: true)
      worst.take(.ofPieces(arguments, results) { found, x, y in found.take(row.error(x, y), at: x) })
    }
    return worst
  #else
    return Worst()
  #endif
}

extension Worst {
  /// The worst of the arguments, which are divided among the processors.
  static func ofPieces<Element: Sendable>(
    _ arguments: [Element], _ results: [Element], _ take: @Sendable (inout Worst, Element, Element) -> Void
  ) -> Worst {
    let worst = Mutex(Worst())
    let pieceSize = 4096
    DispatchQueue.concurrentPerform(iterations: (arguments.count + pieceSize - 1) / pieceSize) { piece in
      var found = Worst()
      for i in piece * pieceSize..<min((piece + 1) * pieceSize, arguments.count) {
        take(&found, arguments[i], results[i])
      }
      worst.withLock { $0.take(found) }
    }
    return worst.withLock { $0 }
  }
}

func rounded(_ ulps: Double) -> Double { (ulps * 1000).rounded(.up) / 1000 }

func flush() { fflush(nil) }

func fail(_ message: String) -> Never {
  _ = "kiln-accuracy: \(message)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
