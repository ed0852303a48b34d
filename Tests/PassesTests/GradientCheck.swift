import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// Compares derivatives with central differences in f64.
struct GradientCheck {
  let module: Module
  let name: String
  /// The values of all parameters; those that are f64 are differentiated.
  let inputs: [TensorValue]

  init(_ module: Module, function name: String = "main", _ inputs: [TensorValue]) {
    self.module = module
    self.name = name
    self.inputs = inputs
  }

  var realParameters: [Int] { inputs.indices.filter { inputs[$0].type.dtype == .f64 } }

  /// Checks the vector-Jacobian product of all results with respect to all f64 parameters.
  func expectFirstDerivative(tolerance: Double = 1e-6, _ comment: Comment? = nil) throws {
    let derived = try Differentiation.vjp(of: name, in: module, withRespectTo: realParameters)
    #expect(Verifier.diagnostics(for: derived.module).isEmpty, comment)
    let results = try module.run(name, inputs)
    var random = SplitMix64(seed: 7)
    var cotangents: [TensorValue] = []
    for result in results where result.type.dtype == .f64 {
      cotangents.append(
        try tensor(
          (0..<result.type.shape.elementCount).map { _ in Double.random(in: 0.5...1.5, using: &random) },
          result.type.shape.dimensions))
    }
    let found = try derived.module.run(derived.name, inputs + cotangents)
    #expect(Array(found.prefix(results.count)) == results, comment)
    let gradients = found.dropFirst(results.count)

    func value(_ inputs: [TensorValue]) throws -> Double {
      let reals = try module.run(name, inputs).filter { $0.type.dtype == .f64 }
      return zip(reals, cotangents).reduce(0) { sum, pair in
        zip(pair.0.doubles, pair.1.doubles).reduce(sum) { $0 + $1.0 * $1.1 }
      }
    }
    for (parameter, gradient) in zip(realParameters, gradients) {
      #expect(gradient.type == inputs[parameter].type, comment)
      let numbers = inputs[parameter].doubles
      for (index, number) in numbers.enumerated() {
        func shifted(_ step: Double) throws -> Double {
          var moved = numbers
          moved[index] = number + step
          var inputs = inputs
          inputs[parameter] = try tensor(moved, inputs[parameter].type.shape.dimensions)
          return try value(inputs)
        }
        // Fourth order, so that the difference has more digits than the tolerance asks for.
        let step = 1e-3 * max(1, abs(number))
        let expected =
          try (8 * (shifted(step) - shifted(-step)) - (shifted(2 * step) - shifted(-2 * step))) / (12 * step)
        let slope = gradient.doubles[index]
        #expect(
          abs(slope - expected) <= tolerance * max(1, abs(expected), abs(slope)),
          "\(comment?.rawValue ?? name): parameter \(parameter)[\(index)] at \(number): derived \(slope), difference \(expected)"
        )
      }
    }
  }

  /// Checks the derivative of a weighted sum of the gradient of the first result, which is a scalar.
  func expectSecondDerivative(_ comment: Comment? = nil) throws {
    let first = try Differentiation.gradient(of: name, in: module, withRespectTo: realParameters)
    let second = GradientCheck(first.module, function: first.name, inputs)
    try second.expectFirstDerivative(tolerance: 1e-4, comment)
  }
}
