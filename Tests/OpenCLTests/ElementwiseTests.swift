import KilnIR
import KilnOpenCL
import KilnTesting
import Testing

@Suite("OpenCL: elementwise", .enabled(if: OpenCLHarness.runs), .serialized)
struct ElementwiseTests {
  /// One program for each dtype: every scalar function defined on it, and the conversions to all dtypes.
  @Test(
    "S1 B4 E1 E3 E4 E6 E7 E8 E9: every function and conversion gives the reference's bits", arguments: DType.allCases)
  func allFunctions(dtype: DType) throws {
    if dtype == .f64, try !OpenCLHarness.device.get().properties.hasDouble { return }
    let count = 1501
    var builder = FunctionBuilder("all_\(dtype)")
    let type = TensorType(dtype, [count])
    let parameters = (0..<3).map { builder.addParameter("x\($0)", type) }
    let condition = builder.addParameter("p", TensorType(.bool, [count]))
    var (results, names) = ([ValueID](), [String]())
    for function in ScalarFunction.allCases {
      let operands =
        function == .select
        ? [condition, parameters[0], parameters[1]] : Array(parameters.prefix(function.arity))
      guard let result = try? builder.emitOne(.map(function), operands) else { continue }
      results.append(result)
      names.append("\(function.spelling)")
    }
    for target in DType.allCases {
      if target == .f64, try !OpenCLHarness.device.get().properties.hasDouble { continue }
      results.append(try builder.emitOne(.type(.convert(target)), [parameters[0]]))
      names.append("convert to \(target)")
      if let cast = try? builder.emitOne(.type(.bitcast(target)), [parameters[0]]) {
        results.append(cast)
        names.append("bitcast to \(target)")
      }
    }
    let inputs =
      try (0..<3).map { try hardValues(type, seed: UInt64(dtype.rawValue) * 8 + UInt64($0)) }
      + [hardValues(TensorType(.bool, [count]), seed: 99)]
    // The others compute in these: their driver's code need not be good.
    let optimises = [.f32, .f64, .i32].contains(dtype)
    try OpenCLHarness.expectReferenceBits(
      builder.finish(results), inputs, names: names, kinds: [.cpu], optimises: optimises)
  }

  /// What the driver's compiler computes itself: PoCL's fails on its own roundings of a NaN.
  @Test("S1 B4: every primitive and conversion of a constant gives the reference's bits", arguments: [DType.f32, .f64])
  func constants(dtype: DType) throws {
    if dtype == .f64, try !OpenCLHarness.device.get().properties.hasDouble { return }
    var builder = FunctionBuilder("constants")
    var (results, names) = ([ValueID](), [String]())
    for value in [.nan, -.infinity, 0x1p80, 2.5, -0.5] {
      let constant = try builder.emitOne(.source(.constant(Literal(splat: Scalar(dtype, value), shape: [3]))), [])
      for function in ScalarFunction.allCases
      where function.arity == 1 && (try? function.resultDType([dtype])) != nil
        && function.program(for: [dtype]).operationCount <= 1
      {
        results.append(try builder.emitOne(.map(function), [constant]))
        names.append("\(function)(\(value))")
      }
      for target in [DType.bf16, .i8, .u64] {
        results.append(try builder.emitOne(.type(.convert(target)), [constant]))
        names.append("convert \(value) to \(target)")
      }
    }
    try OpenCLHarness.expectReferenceBits(builder.finish(results), [], names: names, kinds: [.cpu])
  }
}
