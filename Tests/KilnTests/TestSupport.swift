import Kiln
import KilnIR
import Testing

/// Compares the gradient of a weighted sum of `f` with central differences in f64.
func expectGradient(
  _ name: String, at x: Tensor<Double>, tolerance: Double = 1e-6,
  _ f: @escaping @Sendable (Tensor<Double>) -> Tensor<Double>
) {
  let weights = f(x).scalars.indices.map { 0.7 + 0.6 * Double(($0 * 37) % 11) / 11 }
  let shape = f(x).dimensions
  let total: @Sendable (Tensor<Double>) -> Tensor<Double> = { x in (f(x) * Tensor(weights, shape: shape)).sum() }
  let slopes = gradient(of: total)(x).scalars
  let numbers = x.scalars
  for (index, number) in numbers.enumerated() {
    func shifted(_ step: Double) -> Double {
      var moved = numbers
      moved[index] = number + step
      return total(Tensor(moved, shape: x.dimensions)).item
    }
    let step = 1e-3 * max(1, abs(number))
    let expected = (8 * (shifted(step) - shifted(-step)) - (shifted(2 * step) - shifted(-2 * step))) / (12 * step)
    #expect(
      abs(slopes[index] - expected) <= tolerance * max(1, abs(expected)),
      "\(name)[\(index)] at \(number): derived \(slopes[index]), difference \(expected)")
  }
}

/// Numbers that repeat nothing, between -scale and scale.
func spread(_ shape: [Int], scale: Double = 1, from first: Int = 1) -> Tensor<Double> {
  let count = shape.reduce(1, *)
  let numbers = (first..<first + count).map { i in
    let turn = Double(i) * 0.6180339887498949
    return scale * (2 * (turn - turn.rounded(.down)) - 1)
  }
  return Tensor(numbers, shape: shape)
}

/// The labels of the diagnostics of eager operations.
func labels(_ body: () -> Void) -> [String] {
  do {
    try withDiagnostics(body)
    return []
  } catch {
    return (error as? KilnError)?.diagnostics.map(\.label) ?? ["\(error)"]
  }
}
