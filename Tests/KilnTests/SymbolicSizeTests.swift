import Kiln
import KilnIR
import Testing

/// The library for sizes that calls bring: each composition is traced once for each axis of its argument, and serves
/// other sizes of that axis with the bits of the eager call.
@Suite("Symbolic sizes of the library")
struct SymbolicSizeTests {
  typealias T = Tensor<Double>
  typealias Case = CompositionGradientTests.Case

  static let cases: [Case] =
    CompositionGradientTests.statistics + CompositionGradientTests.normalisations + CompositionGradientTests.products
    + CompositionGradientTests.ordered + CompositionGradientTests.convolutions + CompositionGradientTests.pools
    + CompositionGradientTests.images + CompositionGradientTests.rearrangements

  /// The compositions that ask for the number of an axis, and why. Derivatives ask for no more but those of products.
  static let pinning: [String: Set<Int>] = [
    // The regions and the places are tables that are written out.
    "adaptiveMaxPool": [1, 2], "adaptiveAveragePool": [1, 2], "resized, nearest": [1, 2],
    "resized, nearest, to a multiple": [1, 2], "resized, bilinear, larger": [1, 2],
    "resized, bilinear, smaller": [1, 2],
    // The scale is a number that depends on the width of a head.
    "attention by the queries, masked": [1], "attention of two heads to itself": [2],
    "attention, causal and masked": [1],
  ]
  /// The rules of products are programs of as many steps as their length needs.
  static let pinningGradients: [String: Set<Int>] = [
    "product": [1], "cumulativeProduct": [1], "cumulativeProduct, reverse": [0],
  ]
  /// A filter longer than the image has no positions, which its derivative refuses: the call is traced alone.
  static let longFilters: Set<String> = [
    "conv1d by the filter, dilated", "conv2d in groups by the filter", "conv3d by the filter",
  ]
  /// Its axis of extent 1 broadcasts, which a size that calls bring does not.
  static let broadcasting = "matmul, stacks that broadcast"

  @Test("every composition serves other sizes of every axis", arguments: cases)
  func values(_ test: Case) {
    expect(test, Self.pinning) { AnyTensor(test.function($0)) }
  }

  @Test("and so does its gradient", arguments: cases)
  func gradients(_ test: Case) {
    expect(test, Self.pinning.merging(Self.pinningGradients) { a, _ in a }) { x in
      AnyTensor(
        gradient(at: x) { x in
          let y = test.function(x)
          return (y * y).sum()
        })
    }
  }

  private func expect(_ test: Case, _ pinning: [String: Set<Int>], _ f: @Sendable (T) -> AnyTensor) {
    let shape = test.point.dimensions
    withDevice(.reference) {
      for axis in shape.indices where test.name != Self.broadcasting || axis != 1 {
        let size = shape[axis]
        let outcome = SymbolicOutcome(f, at: shape, axis: axis, sizes: [0, 1, size + 1, 2 * size]) { spread($0) }
        switch outcome {
        case .serves: #expect(pinning[test.name]?.contains(axis) != true, "axis \(axis) is served")
        case .pins: #expect(pinning[test.name]?.contains(axis) == true, "axis \(axis) is pinned")
        // Sizes of 0 and 1 have rules of their own: such a call is traced alone.
        case .refuses(let sizes):
          #expect(sizes.allSatisfy { $0 <= 1 } || Self.longFilters.contains(test.name), "axis \(axis): \(outcome)")
        case .differs, .fails: Issue.record("axis \(axis): \(outcome)")
        }
      }
    }
  }

  @Test("vmap serves batches of other sizes", arguments: batches)
  func vmaps(_ test: CompositionBatchTests.Case) {
    let outcome = withDevice(.reference) {
      SymbolicOutcome(
        { x in AnyTensor(try vmap(test.function).run(x)) }, at: [3] + test.shape, axis: 0, sizes: [1, 2, 5]
      ) { CompositionBatchTests.numbers($0, scale: 2) }
    }
    #expect(outcome == .serves, "\(test.name)")
  }

  static let batches: [CompositionBatchTests.Case] =
    CompositionBatchTests.normalisations + CompositionBatchTests.products + CompositionBatchTests.windows
    + CompositionBatchTests.ordered + CompositionBatchTests.control + CompositionBatchTests.conditional
}
