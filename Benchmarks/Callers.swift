import Glibc
public import Kiln
public import KilnIR

/// Calls per second of one compiled function, from one thread and from several at once.
public enum Callers {
  public struct Measurement: Sendable {
    /// What was called.
    public let name: String
    /// Calls per second of one thread, and of all of them together: medians of the rounds.
    public let alone: Double
    public let together: Double
    /// The medians over the rounds of `together` over `alone`, each pair measured within a moment.
    public let ratio: Double
  }

  /// - Parameters:
  ///   - threads: how many threads call at once.
  ///   - rounds: how often both are measured, in turn.
  public static func measure(threads: Int, rounds: Int) throws(KilnError) -> [Measurement] {
    var result: [Measurement] = []
    let increment = compile { (x: Tensor<Float>) in x + 1 }
    result.append(try measure("x + 1", increment, Noise.tensor([4], seed: 1), threads, rounds))
    let model = perceptron(64, 128)
    for batch in [1, 8, 32, 128] {
      let x = Noise.tensor([batch, 64], seed: 2)
      result.append(try measure("64 to 128 to 10, batch \(batch)", model, x, threads, rounds))
    }
    // One caller alone has the help of all cores here.
    let large = try measure(
      "512 to 512 to 10, batch 256", perceptron(512, 512), Noise.tensor([256, 512], seed: 2), threads, rounds)
    return result + [large]
  }

  private static func perceptron(_ inputs: Int, _ hidden: Int) -> Compiled<Tensor<Float>, Tensor<Float>> {
    let (w, v) = (Noise.tensor([inputs, hidden], seed: 3), Noise.tensor([hidden, 10], seed: 4))
    let (a, b) = (Noise.tensor([hidden], seed: 5), Noise.tensor([10], seed: 6))
    return compile { (x: Tensor<Float>) in softmax(matmul(relu(matmul(x, w) + a), v) + b) }
  }

  private static func measure(
    _ name: String, _ f: Compiled<Tensor<Float>, Tensor<Float>>, _ x: Tensor<Float>, _ threads: Int, _ rounds: Int
  ) throws(KilnError) -> Measurement {
    // The first call compiles.
    for _ in 0..<100 { _ = try f.run(x) }
    var (alone, together) = ([Double](), [Double]())
    for _ in 0..<rounds {
      alone.append(try rate(1, f, x))
      together.append(try rate(threads, f, x))
    }
    let ratios = zip(together, alone).map { $0 / $1 }
    return Measurement(name: name, alone: median(alone), together: median(together), ratio: median(ratios))
  }

  /// What one thread does. Every thread has a tensor of its own, as requests have.
  // @unchecked: a thread writes its own, and the one that made it reads it when the thread has ended.
  private final class Caller: @unchecked Sendable {
    private let f: Compiled<Tensor<Float>, Tensor<Float>>
    private let x: Tensor<Float>
    private(set) var callsPerSecond = 0.0
    private(set) var failure: KilnError?

    init(_ f: Compiled<Tensor<Float>, Tensor<Float>>, _ x: Tensor<Float>) {
      self.f = f
      self.x = x.scalars.withUnsafeBufferPointer { Tensor(Array($0), shape: x.shape) }
    }

    func run() {
      do throws(KilnError) {
        // The threads begin and end at slightly different times; each counts its calls in its own.
        try call(until: Stopwatch.now() + Callers.slice / 4)
        let start = Stopwatch.now()
        let calls = try call(until: start + Callers.slice)
        callsPerSecond = Double(calls) * 1e9 / Double(Stopwatch.now() - start)
        try call(until: Stopwatch.now() + Callers.slice / 4)
      } catch {
        failure = error
      }
    }

    @discardableResult
    private func call(until end: UInt64) throws(KilnError) -> Int {
      var calls = 0
      repeat {
        for _ in 0..<4 { _ = try f.run(x) }
        calls += 4
      } while Stopwatch.now() < end
      return calls
    }
  }

  /// Nanoseconds of one measurement.
  private static let slice: UInt64 = 20_000_000

  private static func rate(
    _ threads: Int, _ f: Compiled<Tensor<Float>, Tensor<Float>>, _ x: Tensor<Float>
  ) throws(KilnError) -> Double {
    let callers = (0..<threads).map { _ in Caller(f, x) }
    let ids = callers.map { caller in
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          Unmanaged<Caller>.fromOpaque(argument!).takeUnretainedValue().run()
          return nil
        }, Unmanaged.passUnretained(caller).toOpaque())
      return thread
    }
    for id in ids { pthread_join(id, nil) }
    if let failure = callers.lazy.compactMap(\.failure).first { throw failure }
    return callers.reduce(0) { $0 + $1.callsPerSecond }
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
}
