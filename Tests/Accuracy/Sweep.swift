import Dispatch
import Glibc
import KilnIR
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

/// All f32 arguments, or every `step`th.
func worstOfSingle(_ row: Accuracy, step: UInt64) -> Worst {
  let program = row.function.program(for: [.f32])
  let worst = Mutex(Worst())
  let blocks = 4096
  let blockSize = (UInt64(1) << 32) / UInt64(blocks)
  DispatchQueue.concurrentPerform(iterations: blocks) { block in
    var found = Worst()
    let first = UInt64(block) * blockSize
    var next = (first + step - 1) / step * step
    while next < first + blockSize {
      let bits = Array(stride(from: next, to: min(next + 4096 * step, first + blockSize), by: UInt64.Stride(step)))
      for (x, y) in zip(bits, program.evaluate(columns: [bits], count: bits.count)) {
        let argument = Float(bitPattern: UInt32(x))
        if row.raise(&found.ulps, argument, Float(bitPattern: UInt32(y))) { found.at = Double(argument) }
      }
      next += 4096 * step
    }
    worst.withLock { $0.take(found) }
  }
  return worst.withLock { $0 }
}

/// A sample of f64 arguments.
func worstOfDouble(_ row: Accuracy, count: Int) -> Worst {
  #if arch(x86_64) && os(Linux)
    let program = row.function.program(for: [.f64])
    let worst = Mutex(Worst())
    let blockSize = 4096
    DispatchQueue.concurrentPerform(iterations: (count + blockSize - 1) / blockSize) { block in
      var generator = SplitMix64(seed: UInt64(block))
      let values = row.sample(min(blockSize, count - block * blockSize), using: &generator)
      var found = Worst()
      let results = program.evaluate(columns: [values.map(\.bitPattern)], count: values.count)
      for (x, y) in zip(values, results) { found.take(row.error(x, Double(bitPattern: y)), at: x) }
      worst.withLock { $0.take(found) }
    }
    return worst.withLock { $0 }
  #else
    return Worst()
  #endif
}

func rounded(_ ulps: Double) -> Double { (ulps * 1000).rounded(.up) / 1000 }

func flush() { fflush(nil) }

func fail(_ message: String) -> Never {
  _ = "kiln-accuracy: \(message)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
  exit(1)
}
