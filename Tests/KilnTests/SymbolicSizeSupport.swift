import Kiln
import KilnIR
import Testing

/// A closure of one tensor, recorded for sizes that calls bring.
struct SymbolicProgram<Scalar: TensorElement> {
  let traced: Traced
  /// The sizes that the closure asked for as numbers.
  let pins: Set<String>
  private let names: [String?]

  /// - Parameters:
  ///   - example: the tensor of the call at which the closure is traced.
  ///   - names: for each axis the name of its size, or nil for an axis of one size.
  init(
    at example: Tensor<Scalar>, _ names: [String?], _ f: (Tensor<Scalar>) throws -> AnyTensor
  ) throws {
    self.names = names
    let pins = SizePins(Self.sizes(example, names), location: { .unknown })
    let extents = zip(names, example.shape).map { name, extent in name.map { Dimension(named: $0) } ?? extent }
    // The parameter of `trace` has the type of its argument, so the one that is meant is added by hand.
    func recorded(_: Tensor<Float>) throws -> [AnyTensor] {
      guard let trace = Trace.current else { return [] }
      return [try f(Tensor(core: trace.addInput("x", TensorType(Scalar.dtype, Shape(extents)))))]
    }
    traced = try SizePins.$current.withValue(pins) { try trace(Tensor<Float>(0), of: recorded) }
    self.pins = Set(pins.pins.keys)
  }

  /// The result at `x`, of the program bound to its sizes.
  func callAsFunction(_ x: Tensor<Scalar>) throws -> AnyTensor {
    let module = try traced.module.bound(to: Self.sizes(x, names))
    let captured = traced.capturedTensors.map(\.tensor)
    return try module.run(traced.name, [AnyTensor(Tensor<Float>(0)), AnyTensor(x)] + captured)[0]
  }

  private static func sizes(_ x: Tensor<Scalar>, _ names: [String?]) -> [String: Int] {
    var sizes: [String: Int] = [:]
    for (name, size) in zip(names, x.dimensions) { if let name { sizes[name] = size } }
    return sizes
  }
}

/// What a program for many sizes does that was traced at one.
enum SymbolicOutcome: Equatable {
  /// It gives the eager results, bit for bit, wherever there are some.
  case serves
  /// The closure asked for the number.
  case pins
  /// It refuses a size at which the closure has a result.
  case refuses(at: [Int])
  case differs(at: [Int], String)
  case fails(String)

  /// - Parameters:
  ///   - shape: the shape at which `f` is traced.
  ///   - axis: the axis whose size calls bring.
  ///   - sizes: others that it is tried at.
  init<Scalar: TensorElement>(
    _ f: @Sendable (Tensor<Scalar>) throws -> AnyTensor, at shape: [Int], axis: Int, sizes: [Int],
    _ example: ([Int]) -> Tensor<Scalar>
  ) {
    do {
      var names = [String?](repeating: nil, count: shape.count)
      names[axis] = "n"
      let program = try SymbolicProgram(at: example(shape), names, f)
      let findings = Verifier.diagnostics(for: program.traced.module)
      if !findings.isEmpty { throw KilnError(findings) }
      var refused: [Int] = []
      for size in [shape[axis]] + (program.pins.isEmpty ? sizes : []) {
        var other = shape
        other[axis] = size
        let x = example(other)
        let expected = try? withDiagnostics { try f(x) }
        let found: AnyTensor
        do {
          found = try program(x)
        } catch {
          if size == shape[axis] { throw error }
          if expected != nil { refused.append(size) }
          continue
        }
        guard let expected else { continue }
        guard found.type == expected.type, Self.bits(found) == Self.bits(expected) else {
          self = .differs(at: other, "\(found.type) \(found) for \(expected.type) \(expected)")
          return
        }
      }
      self = !program.pins.isEmpty ? .pins : refused.isEmpty ? .serves : .refuses(at: refused)
    } catch {
      self = .fails("\(error)")
    }
  }

  private static func bits(_ tensor: AnyTensor) -> [UInt64] {
    if let x = Tensor<Double>(tensor) { return x.scalars.map(\.bitPattern) }
    if let x = Tensor<Float>(tensor) { return x.scalars.map { UInt64($0.bitPattern) } }
    if let x = Tensor<Int32>(tensor) { return x.scalars.map { UInt64(bitPattern: Int64($0)) } }
    if let x = Tensor<Bool>(tensor) { return x.scalars.map { $0 ? 1 : 0 } }
    return []
  }
}
