package import KilnIR

/// The operation of a program that made the first NaN, or the input that had one.
package enum NaNOrigin: Sendable {
  /// An input, by its name in the program: `arg1`.
  case input(name: String, type: TensorType)
  /// An operation whose operands had no NaN; each is described: `f32[4] between -1.0 and 2.0`.
  case operation(op: String, result: TensorType, operands: [String], location: SourceLocation)
}

extension Traced {
  /// Where the first NaN comes from when the program runs on `inputs`; nil if it makes none.
  ///
  /// The interpreter runs every op in the order of the program, those of loops and branches included. A NaN in a value
  /// that is not used counts, too: its derivative is one where the value is selected away.
  /// - Throws: what the run finds.
  package func originOfNaN(_ inputs: [AnyTensor]) throws(KilnError) -> NaNOrigin? {
    var values: [TensorValue] = []
    for (parameter, tensor) in zip(function.parameters, inputs + capturedTensors.map(\.tensor)) {
      let value: TensorValue
      do throws(ConstraintFailure) { value = try TensorValue(tensor.type, bytes: tensor.bytes) } catch {
        throw KilnError(error, at: CallSite.here()).resolved()
      }
      if value.hasNaN { return .input(name: parameter.name, type: tensor.type) }
      values.append(value)
    }
    var origin: NaNOrigin?
    _ = try ReferenceInterpreter.run(module, function: name, inputs: values) { op, operands, results, location in
      guard let result = results.first(where: \.hasNaN), !operands.contains(where: \.hasNaN) else { return true }
      origin = .operation(
        op: op.spelling, result: result.type, operands: operands.map(\.range), location: location.resolved())
      return false
    }
    return origin
  }
}

extension TensorValue {
  /// The elements of a real tensor as numbers; nil for others.
  private var numbers: [Double]? {
    let widen: ((UInt64) -> Double)? =
      switch type.dtype {
      case .f64: { Double(bitPattern: $0) }
      case .f32: { Double(Float(bitPattern: UInt32($0))) }
      case .bf16: { Double(Float(bitPattern: UInt32($0) << 16)) }
      case .f16: { Double(Float16(bitPattern: UInt16($0))) }
      default: nil
      }
    return widen.map { bits.map($0) }
  }

  fileprivate var hasNaN: Bool { numbers?.contains(where: \.isNaN) ?? false }

  /// The type, and the least and the greatest of the elements.
  fileprivate var range: String {
    guard let numbers, let least = numbers.min(), let greatest = numbers.max() else { return "\(type)" }
    return least == greatest ? "\(type) of \(least)" : "\(type) between \(least) and \(greatest)"
  }
}
