import Kiln
import Testing

/// `resized` against loops. An element is a cell: element i of m looks at place (i + 1/2)·n/m - 1/2 among n.
@Suite("Interpolation against loops")
struct InterpolationLoopTests {
  /// Spatial sizes and those to resize to: divisors, multiples and neither, ones, and axes that stay.
  static let rows: [(from: [Int], to: [Int])] = [
    ([5], [7]), ([7], [5]), ([1], [4]),
    ([3, 4], [6, 8]), ([3, 4], [5, 7]), ([5, 7], [2, 3]), ([4, 6], [2, 3]), ([1, 5], [4, 1]), ([2, 3], [3, 3]),
    ([3, 2], [9, 5]), ([6, 3], [4, 7]), ([4, 4], [4, 4]),
    ([2, 3, 4], [4, 2, 5]), ([3, 1, 2], [2, 3, 2]),
  ]

  /// One row's images, [batch, spatial…, channels], and where its elements look.
  private struct Images {
    let (from, to): ([Int], [Int])
    let x: Tensor<Double>
    let elements: [Double]
    var shape: [Int] { [2] + from + [3] }
    var resultShape: [Int] { [2] + to + [3] }

    init(_ row: (from: [Int], to: [Int]), seed: Int) {
      (from, to) = row
      x = wholeNumbers([2] + row.from + [3], seed: seed)
      elements = x.scalars
    }

    /// The element of the same image and channel as `place` at another spatial place.
    func element(_ place: [Int], _ spatial: [Int]) -> Double {
      elements[number(of: [place[0]] + spatial + [place[place.count - 1]], in: shape)]
    }

    /// The place along `axis` that an element of the result looks at, times 2 m to stay whole.
    func numerator(_ place: [Int], _ axis: Int) -> Int { (2 * place[axis + 1] + 1) * from[axis] - to[axis] }
  }

  @Test("nearest takes the element whose middle is nearest, of two the later", arguments: rows.indices)
  func nearest(_ index: Int) throws {
    let images = Images(Self.rows[index], seed: index)
    let (from, to) = Self.rows[index]
    let expected = places(images.resultShape).map { place in
      let spatial = from.indices.map { axis in
        let distances = (0..<from[axis]).map { abs(2 * to[axis] * $0 - images.numerator(place, axis)) }
        return distances.indices.reduce(0) { distances[$1] <= distances[$0] ? $1 : $0 }
      }
      return images.element(place, spatial)
    }
    let compiled = compile { (x: Tensor<Double>) in x.resized(to: PerAxis(to), by: .nearest) }
    for found in [images.x.resized(to: PerAxis(to), by: .nearest), try compiled.run(images.x)] {
      #expect(found.dimensions == images.resultShape)
      #expect(found.scalars == expected, "\(from) to \(to)")
    }
  }

  @Test("bilinear weighs neighbours by their distances; beyond the outermost it is that one", arguments: rows.indices)
  func bilinear(_ index: Int) throws {
    let images = Images(Self.rows[index], seed: index)
    let (from, to) = Self.rows[index]
    let expected = places(images.resultShape).map { place in
      let looksAt = from.indices.map { axis in
        min(max(Double(images.numerator(place, axis)) / Double(2 * to[axis]), 0), Double(from[axis] - 1))
      }
      return places(from).reduce(0.0) { sum, spatial in
        // An element counts by how near it is, up to a distance of 1.
        let weights = zip(looksAt, spatial).map { max(0, 1 - abs($0 - Double($1))) }
        return sum + weights.reduce(1, *) * images.element(place, spatial)
      }
    }
    let compiled = compile { (x: Tensor<Double>) in x.resized(to: PerAxis(to)) }
    for found in [images.x.resized(to: PerAxis(to), by: .bilinear), try compiled.run(images.x)] {
      #expect(found.dimensions == images.resultShape)
      for (place, (a, b)) in zip(places(images.resultShape), zip(found.scalars, expected)) {
        #expect(abs(a - b) <= 1e-13, "\(from) to \(to) at \(place): \(a), not \(b)")
      }
    }
  }

  @Test("an element that nothing looks at has no part, even if it is infinite")
  func infinity() {
    let x = Tensor<Double>([1, .infinity, 2]).reshaped(to: [1, 3, 1])
    #expect(x.resized(to: 6, by: .nearest).scalars == [1, 1, .infinity, .infinity, 2, 2])
    // 6 of 3: the first and the last lie beyond the outermost elements. 9 of 3: every third lies on an element.
    let (six, nine) = (x.resized(to: 6).scalars, x.resized(to: 9).scalars)
    #expect(six == [1, .infinity, .infinity, .infinity, .infinity, 2])
    #expect(nine == [1, 1, .infinity, .infinity, .infinity, .infinity, .infinity, 2, 2])
  }
}
