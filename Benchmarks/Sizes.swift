public import Kiln
public import KilnIR

/// What a new size costs a compiled function: a block of the transformer at many (batch, length) pairs.
public enum Sizes {
  public struct Measurement: Sendable {
    /// Programs that were traced, of which one is for the first pair.
    public let programs: Int
    /// Objects that LLVM compiled for the first two pairs, and for all others.
    public let objectsAtFirst: Int
    public let objectsLater: Int
    /// Milliseconds that the first call at a pair takes longer than the next ones, from the third pair on.
    public let newSize: [Double]
    /// The warm time of some pairs, as a fraction of that of a program for the pair alone.
    public let warmRatios: [Double]
  }

  /// - Parameters:
  ///   - layers: how many blocks stand in a row.
  ///   - trains: whether the function is a training step instead of the forward pass.
  ///   - count: how many pairs.
  public static func transformer(layers: Int, trains: Bool, pairs count: Int) throws(KilnError) -> Measurement {
    let parameters = (0..<layers).map { _ in Transformer.parameters() }
    let f = function(trains: trains)
    var objects: [Int] = []
    var extra: [Double] = []
    let sizes = (0..<count).map { number in (1 + number % 4, 8 + number * 11 % 101) }
    for (number, size) in sizes.enumerated() {
      let x = input(size)
      let first = try milliseconds { () throws(KilnError) in try f.run(parameters, x) }
      objects.append(Device.objectCount)
      let next = try least(of: 3) { () throws(KilnError) in try f.run(parameters, x) }
      if number >= 2 { extra.append(max(0, first - next)) }
    }
    var ratios: [Double] = []
    for index in stride(from: 2, to: count, by: max(1, count / 10)) {
      let fixed = function(trains: trains)
      let x = input(sizes[index])
      _ = try fixed.run(parameters, x)
      var (own, shared) = (Double.infinity, Double.infinity)
      for _ in 0..<7 {
        own = min(own, try least(of: 3) { () throws(KilnError) in try fixed.run(parameters, x) })
        // The first call looks the plan up.
        _ = try f.run(parameters, x)
        shared = min(shared, try least(of: 3) { () throws(KilnError) in try f.run(parameters, x) })
      }
      ratios.append(shared / own)
    }
    return Measurement(
      programs: f.report.entries.count, objectsAtFirst: objects[1], objectsLater: objects[count - 1] - objects[1],
      newSize: extra, warmRatios: ratios)
  }

  private static func function(trains: Bool) -> Compiled<[Tensor<Float>], [[Tensor<Float>]], Tensor<Float>> {
    compile { (parameters: [[Tensor<Float>]], x: Tensor<Float>) -> [Tensor<Float>] in
      func forward(_ p: [[Tensor<Float>]]) -> Tensor<Float> { p.reduce(x) { Transformer.block($1, $0) } }
      if !trains { return [forward(parameters)] }
      return gradient(at: parameters) { (p: [[Tensor<Float>]]) in (forward(p) * forward(p)).mean() }.flatMap { $0 }
    }
  }

  private static func input(_ size: (batch: Int, length: Int)) -> Tensor<Float> {
    Noise.tensor([size.batch, size.length, 256], seed: 99, scale: 1, offset: 0)
  }

  private static func least<Result>(
    of count: Int, _ body: () throws(KilnError) -> Result
  ) throws(KilnError) -> Double {
    var least = Double.infinity
    for _ in 0..<count { least = min(least, try milliseconds(body)) }
    return least
  }

  private static func milliseconds<Result>(_ body: () throws(KilnError) -> Result) throws(KilnError) -> Double {
    let start = Stopwatch.now()
    _ = try body()
    return Double(Stopwatch.now() - start) / 1e6
  }
}
