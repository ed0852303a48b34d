import Kiln
import KilnData

extension Example {
  static let kMeans = Example(name: "k-means", summary: "digits fall into ten clusters") { run in
    let points = DigitBatches.pixels(try Dataset.digits.inputs)
    let best = try Clusters(of: points, count: 10, restarts: run.steps == nil ? 10 : 1, turns: run.steps ?? 100)
    return Outcome(
      "sum of squared distances / scikit-learn's", Double(best.inertia) / (try Resource.score("k-means")),
      .atMost(1.01), compiled: best.report, of: best.centers)
  }
}

/// Centers such that points are near to one of them (Lloyd, "Least squares quantization in PCM", 1982).
struct Clusters {
  /// [count, width]
  private(set) var centers: Tensor<Float>
  /// The sum of the squared distances of all points from their centers.
  private(set) var inertia: Float
  let report: CompilationReport

  /// The best of several beginnings, of which each is improved until nothing changes, or for so many turns.
  init(of points: Tensor<Float>, count: Int, restarts: Int, turns: Int) throws {
    let improve = compile { (centers: inout Tensor<Float>, points: Tensor<Float>) in
      let distances = Self.squaredDistances(points, centers)
      let members = distances.argMin(axis: 1).oneHot(count)
      let sizes = maximum(members.sum(axes: [0]), 1).expandingShape(at: 1)
      centers = matmul(members.swappingAxes(0, 1), points) / sizes
      return distances.min(axes: [1]).sum()
    }
    (centers, inertia) = (points[0..<count], .infinity)
    for restart in 0..<restarts {
      var tried = Self.start(points, count, key: RandomKey(seed: UInt64(restart)))
      var last = Float.infinity
      for _ in 0..<turns {
        let sum = try improve.run(updating: &tried, points).item
        if sum == last { break }
        last = sum
      }
      if last < inertia { (centers, inertia) = (tried, last) }
    }
    report = improve.report
  }

  /// Points that are drawn, the farther from those before the likelier (Arthur and Vassilvitskii, "k-means++", 2007).
  private static func start(_ points: Tensor<Float>, _ count: Int, key: RandomKey) -> Tensor<Float> {
    let keys = key.split(count)
    var chosen = [randomCategorical(Tensor<Float>.zeros([points.dimensions[0]]), key: keys[0])]
    for key in keys.dropFirst() {
      let distances = squaredDistances(points, points.gathered(stacked(chosen))).min(axes: [1])
      chosen.append(randomCategorical(log(distances), key: key))
    }
    return points.gathered(stacked(chosen))
  }

  /// [n, width] and [k, width] to [n, k].
  private static func squaredDistances(_ points: Tensor<Float>, _ centers: Tensor<Float>) -> Tensor<Float> {
    let difference = points.expandingShape(at: 1) - centers.expandingShape(at: 0)
    return (difference * difference).sum(axes: [2])
  }
}

extension Example {
  static let principalComponents = Example(
    name: "pca", summary: "the directions in which digits differ most, by power iteration"
  ) { run in
    let points = DigitBatches.pixels(try Dataset.digits.inputs)
    let centered = points - points.mean(axes: [0])
    var covariance = matmul(centered.swappingAxes(0, 1), centered) / Float(points.dimensions[0] - 1)
    let total = (centered * centered).sum().item / Float(points.dimensions[0] - 1)
    // The direction that a matrix stretches most, and how much (Mises and Pollaczek-Geiringer, 1929).
    let turns = run.steps ?? 300
    let strongest = compile { (matrix: Tensor<Float>, start: Tensor<Float>) in
      let direction = fori(0..<turns, start) { _, x in
        let y = matmul(matrix, x)
        return y / y.norm()
      }
      return [direction, (direction * matmul(matrix, direction)).sum()]
    }
    var (directions, explained): ([Tensor<Float>], Float) = ([], 0)
    for key in RandomKey(seed: 1).split(8) {
      let found = try strongest.run(covariance, .randomNormal([64], key: key))
      directions.append(found[0])
      explained += found[1].item
      covariance = covariance - found[1] * outer(found[0], found[0])
    }
    return Outcome(
      "variance of 8 directions / scikit-learn's", Double(explained / total) / (try Resource.score("pca")),
      .atLeast(0.9999), compiled: strongest.report, of: directions)
  }
}
