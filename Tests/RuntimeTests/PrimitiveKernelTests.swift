import KilnIR
import Testing

@testable import KilnCPU

/// Every primitive, for every dtype that it takes, against the scalar evaluator.
@Suite("Primitives in kernels")
struct PrimitiveKernelTests {
  /// A primitive with the dtypes of its operands and of its result.
  struct Case: CustomStringConvertible {
    let primitive: Primitive
    let operands: [DType]
    let result: DType
    var description: String { "\(primitive)(\(operands)) -> \(result)" }

    /// Operands for `count` evaluations, within the domain of the primitive.
    func words(_ count: Int, seed: Int) -> [[UInt64]] {
      guard primitive == .scaleByPowerOfTwo else {
        return operands.enumerated().map { $1.words(count, seed: seed + $0) }
      }
      // Any sign and significand at a moderate exponent, with every scale.
      let (least, greatest) = result == .f32 ? (-252, 253) : (-2044, 2045)
      let exponent: UInt64 = result == .f32 ? 127 << 23 : 1023 << 52
      let field: UInt64 = result == .f32 ? 0xff << 23 : 0x7ff << 52
      let step = (greatest - least) / count + 1
      return [
        result.words(count, seed: seed).enumerated().map { $0 % 17 == 0 ? 0 : $1 & ~field | exponent },
        (0..<count).map { Scalar(result, Double(min(least + $0 * step, greatest))).bits },
      ]
    }
  }

  static let cases: [Case] = Primitive.allCases.flatMap { primitive -> [Case] in
    DType.allCases.flatMap { dtype -> [Case] in
      let operands: [DType] =
        switch primitive {
        case .select: [.bool, dtype, dtype]
        default: [DType](repeating: dtype, count: primitive.arity)
        }
      let targets: [DType?] = primitive == .convert || primitive == .bitcast ? DType.allCases : [nil]
      return targets.compactMap { target in
        guard let result = try? primitive.resultDType(operands: operands, target: target) else { return nil }
        return Case(primitive: primitive, operands: operands, result: result)
      }
    }
  }

  private func kernel(_ cases: [Case], lanes: Int) -> Kernel {
    var buffers: [KernelDefinition.Buffer] = []
    var body: [BodyInstruction] = []
    var effects: [Effect] = []
    let index = AffineIndex(offset: .constant(0), strides: [.constant(1)])
    for item in cases {
      let first = body.count
      for dtype in item.operands {
        body.append(.load(BufferAccess(buffers.count, index)))
        buffers.append(KernelDefinition.Buffer(dtype, isWritten: false))
      }
      let operands = item.operands.indices.map { BodyID(first + $0) }
      body.append(.operation(item.primitive, operands: operands, dtype: item.result))
      effects.append(.store(BodyID(body.count - 1), BufferAccess(buffers.count, index)))
      buffers.append(KernelDefinition.Buffer(item.result, isWritten: true))
    }
    return Kernel(
      KernelDefinition(
        buffers: buffers, integerCount: 1, outer: [.argument(0)],
        stages: [KernelDefinition.Stage(inner: [], body: body, effects: effects)]),
      .cpu(.pointwise(lanes: lanes, unroll: 1, grain: 1024, streaming: false)))
  }

  @Test(
    "E1 E4 E6 E7 E8 E9: every primitive and dtype, on every class of vectors",
    arguments: HostFeatures.VectorClass.allCases)
  func primitives(limit: HostFeatures.VectorClass) throws {
    guard let harness = try KernelHarness.make(limit) else { return }
    let count = 333
    let perKernel = 8
    for start in stride(from: 0, to: Self.cases.count, by: perKernel) {
      let group = Array(Self.cases[start..<min(start + perKernel, Self.cases.count)])
      let lanes = [16, 32, 1][start / perKernel % 3]
      var columns: [[UInt64]] = []
      for (number, item) in group.enumerated() {
        columns += item.words(count, seed: (start + number) * 7)
        columns.append([UInt64](repeating: 0, count: count))
      }
      try harness.run(kernel(group, lanes: lanes), &columns, integers: [count])
      var next = columns[...]
      for item in group {
        let inputs = next.prefix(item.operands.count)
        let found = next.dropFirst(inputs.count).first!
        next = next.dropFirst(inputs.count + 1)
        let expected = (0..<count).map { row in
          item.primitive.evaluate(zip(item.operands, inputs).map { Scalar($0, bits: $1[row]) }, dtype: item.result).bits
        }
        if let row = firstDifference(found, expected, item.result) {
          let operands = inputs.map { String($0[row], radix: 16) }
          Issue.record(
            """
            \(item), \(lanes) lanes, \(harness.compiler.machine.features): \(operands) gives \
            \(String(found[row], radix: 16)), expected \(String(expected[row], radix: 16))
            """)
        }
      }
    }
  }
}
