import KilnIR
import KilnPasses
import KilnTesting
import Testing

/// vmap equals a loop.
@Suite struct BatchTests {
  /// An instruction of a random program, as a function of its own.
  private struct Sample {
    let label: String
    let op: Op
    let operands: [TensorType]
    /// The functions that the op may name.
    let module: Module

    func program() throws -> Module {
      var builder = FunctionBuilder("main", in: module)
      let parameters = operands.enumerated().map { builder.addParameter("p\($0)", $1) }
      let results = try builder.emit(op, parameters)
      var module = module
      try module.append(builder.finish(results))
      return module
    }

    /// A value for one operand; indices that are checked are in range.
    func value(_ index: Int, _ random: inout SplitMix64) throws -> TensorValue {
      let type = operands[index]
      // The counter of a loop that ends after a few turns.
      if label == "while", index == 0 {
        return try TensorValue([Int32.random(in: 0..<4, using: &random)], shape: .scalar)
      }
      guard let extent = RandomProgram.checkedExtent(of: op, operand: index, operands) else {
        return try random.tensor(type)
      }
      let bits = (0..<type.shape.elementCount).map { _ in
        Scalar(Int64.random(in: 0..<Int64(min(extent, 128)), using: &random)).converted(to: type.dtype).bits
      }
      return try TensorValue(type, bits: bits)
    }
  }

  /// Several instructions of each label, small enough for the reference.
  private static func samples(_ perLabel: Int) throws -> [Sample] {
    var counts: [String: Int] = [:]
    var samples: [Sample] = []
    for seed in UInt64(1)...1500 {
      let program = try RandomProgram(seed: seed)
      for function in program.module.functions {
        for instruction in function.instructions.elements {
          let label = RandomProgram.label(of: instruction.op)
          let operands = instruction.operands.map { function.valueTypes[$0] }
          let types = operands + instruction.results.map { function.valueTypes[$0] }
          guard !operands.isEmpty, types.allSatisfy({ $0.shape.elementCount <= 300 }) else { continue }
          guard counts[label, default: 0] < perLabel else { continue }
          counts[label, default: 0] += 1
          let callees = try program.module.before(function)
          samples.append(Sample(label: label, op: instruction.op, operands: operands, module: callees))
        }
      }
    }
    return samples
  }

  @Test("S5: vmap equals a loop for every op and every combination of mapped operands")
  func everyOp() throws {
    let samples = try Self.samples(5)
    let sources: Set<String> = ["constant", "iota"]
    #expect(Set(RandomProgram.allLabels).subtracting(samples.map(\.label)).subtracting(sources).isEmpty)
    var random = SplitMix64(seed: 5)
    var combinations = 0
    for sample in samples {
      let program = try sample.program()
      let size = [1, 2, 3][combinations % 3]
      var inputs: [[TensorValue]] = []
      for index in sample.operands.indices {
        inputs.append(try (0..<size).map { _ in try sample.value(index, &random) })
      }
      let check = BatchCheck(program, inputs, size: size)
      let operands = min(sample.operands.count, 5)
      for subset in 1..<(1 << operands) {
        let mapped = (0..<operands).filter { subset >> $0 & 1 == 1 }
        let reason = try check.disagreement(mapped: mapped)
        #expect(reason == nil, "\(sample.label): \(reason ?? "")\n\(program)")
        combinations += 1
      }
    }
    print("vmap: \(samples.count) instructions, \(combinations) combinations of mapped operands")
  }

  @Test("S5: vmap of random programs equals a loop")
  func randomPrograms() throws {
    for seed in UInt64(1)...UInt64(RandomProgramTests.isDebug ? 80 : 500) {
      var options = RandomProgram.Options()
      options.maximumElementCount = 256
      let program = try RandomProgram(seed: seed, options: options)
      var random = SplitMix64(seed: seed)
      let size = [2, 3, 1, 0][Int(seed % 4)]
      let inputs = try program.inputs.map { input in
        try [input] + (0..<max(size - 1, 0)).map { _ in try random.tensor(input.type) }
      }
      let mapped = inputs.indices.filter { _ in random.next() % 2 == 0 }
      let check = BatchCheck(
        program.module, function: program.entry,
        size == 0 ? inputs.enumerated().map { mapped.contains($0) ? [] : $1 } : inputs,
        size: size)
      let reason = try check.disagreement(mapped: mapped)
      #expect(reason == nil, "seed \(seed): \(reason ?? "")\n\(program.module)")
    }
  }

  @Test("S5: vmap of derivatives, and derivatives of vmap, of random programs equal a loop")
  func derivatives() throws {
    var count = 0
    for seed in UInt64(1)...UInt64(RandomProgramTests.isDebug ? 60 : 300) {
      var options = RandomProgram.Options()
      options.maximumElementCount = 64
      options.instructions = 3...8
      let program = try RandomProgram(seed: seed, options: options)
      let main = try #require(program.module["main"])
      let reals = main.parameters.indices.filter { main.parameters[$0].type.dtype.isReal }
      // Those that cannot be differentiated are tested elsewhere.
      guard !reals.isEmpty, let pull = try? Differentiation.vjp(of: "main", in: program.module, withRespectTo: reals),
        let push = try? Differentiation.jvp(of: "main", in: program.module, withRespectTo: reals)
      else { continue }
      var random = SplitMix64(seed: seed)
      for derived in [pull, push] {
        let parameters = try #require(derived.module[derived.name]).parameters
        var inputs = program.inputs.map { [$0, $0] }
        for parameter in parameters.dropFirst(inputs.count) {
          inputs.append([try random.tensor(parameter.type), try random.tensor(parameter.type)])
        }
        let check = BatchCheck(derived.module, function: derived.name, inputs, size: 2)
        let reason = try check.disagreement(mapped: Array(program.inputs.count..<inputs.count))
        #expect(reason == nil, "seed \(seed): \(reason ?? "")\n\(derived.module)")
      }
      count += 1
    }
    #expect(count > 20)
  }

  @Test("work that no example changes is not repeated")
  func sharedWork() throws {
    let program = try main(
      "%x: f64[3], %w: f64[3,2]", "f64[2], f64[2]",
      """
      %e: f64[3,2] = exp(%w)
      %y: f64[2] = dot(%x, %e) {batch = [], contract = [[0, 0]]}
      %s: f64[2] = reduce(%e) {kind = sum, axes = [0]}
      return %y, %s
      """)
    let batched = try Batching.vmap(of: "main", in: program, size: 4, over: [0])
    let function = try #require(batched.module[batched.name])
    let exponential = try #require(function.instructions.elements.first { $0.op == .map(.exp) })
    #expect(function.valueTypes[exponential.result].shape == [3, 2])
    #expect(function.resultTypes.map(\.shape) == [[4, 2], [4, 2]])
  }

  @Test("bad arguments are labelled")
  func errors() throws {
    let program = try main("%x: f64[3]", "f64[3]", "%y: f64[3] = exp(%x)\nreturn %y")
    func label(_ size: Int, _ indices: [Int], _ name: String = "main") -> String? {
      let error = #expect(throws: KilnError.self) {
        try Batching.vmap(of: name, in: program, size: Dimension(size), over: indices)
      }
      return error?.diagnostics.first?.label
    }
    #expect(label(2, [1]) == "vmap.C1")
    #expect(label(2, [0, 0]) == "vmap.C1")
    #expect(label(-1, [0]) == "vmap.C2")
    #expect(label(2, [0], "other") == "module.C2")
    #expect(label(1 << 60, [0]) == "type.C1")
  }
}

extension Module {
  /// The functions before `function`.
  fileprivate func before(_ function: Function) throws -> Module {
    try Module(Array(functions.prefix { $0.name != function.name }))
  }
}
