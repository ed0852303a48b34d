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

  /// The compositions that ask for a number, with the axis of which.
  static let pinning: Set<String> = []

  @Test("every composition serves other sizes of every axis", arguments: cases)
  func values(_ test: Case) {
    expect(test, Self.pinning, test.name) { AnyTensor(test.function($0)) }
  }

  @Test("and so does its gradient", arguments: cases)
  func gradients(_ test: Case) {
    expect(test, Self.pinning, "gradient of \(test.name)") { x in
      AnyTensor(
        gradient(at: x) { x in
          let y = test.function(x)
          return (y * y).sum()
        })
    }
  }

  private func expect(_ test: Case, _ pinning: Set<String>, _ name: String, _ f: @Sendable (T) -> AnyTensor) {
    let shape = test.point.dimensions
    withDevice(.reference) {
      for axis in shape.indices {
        let size = shape[axis]
        let outcome = SymbolicOutcome(f, at: shape, axis: axis, sizes: [1, size + 1, 2 * size, 0]) {
          spread($0)
        }
        let expected: SymbolicOutcome = pinning.contains("\(test.name), axis \(axis)") ? .pins : .serves
        #expect(outcome == expected, "\(name), axis \(axis)")
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
