import CAllocationCounter
import Kiln
import KilnBackends
import KilnCPU
import KilnIR
import KilnPasses
import KilnRuntime
import KilnTesting
import Testing

/// How many kernels common programs become, and what a step costs beside them.
@Suite("Plans of common programs")
struct PlanShapeTests {
  private func plan(_ traced: Traced, donations: [ExecutionPlan.Donation] = []) throws -> ExecutionPlan {
    try .compiled(traced.module, traced.name, CompilationOptions(donations: donations))
  }

  private func isContraction(_ plan: ExecutionPlan, _ launch: ExecutionPlan.Launch) -> Bool {
    if case .cpu(.contraction) = plan.kernels[launch.kernel].schedule { true } else { false }
  }

  @Test("softmax is one kernel")
  func softmaxIsOneKernel() throws {
    let plan = try plan(trace(Tensor<Float>.zeros([64, 100])) { softmax($0) })
    #expect(plan.launches.count == 1)
    #expect(plan.kernels[0].schedule == .cpu(.rows))
  }

  @Test("layer norm is one kernel")
  func layerNormIsOneKernel() throws {
    let (x, vector) = (Tensor<Float>.zeros([64, 100]), Tensor<Float>.zeros([100]))
    let plan = try plan(trace(x, vector, vector) { layerNorm($0, scale: $1, offset: $2) })
    #expect(plan.launches.count == 1)
    #expect(plan.kernels[0].schedule == .cpu(.rows))
  }

  @Test("the pointwise parts of a gelu MLP are in its two contractions")
  func geluMLP() throws {
    let (x, w1, b1) = (Tensor<Float>.zeros([32, 64]), Tensor<Float>.zeros([64, 128]), Tensor<Float>.zeros([128]))
    let (w2, b2) = (Tensor<Float>.zeros([128, 64]), Tensor<Float>.zeros([64]))
    let plan = try plan(
      trace(x, w1, b1, w2, b2) { x, w1, b1, w2, b2 in matmul(gelu(matmul(x, w1) + b1), w2) + b2 })
    #expect(plan.launches.count == 2)
    #expect(plan.launches.allSatisfy { isContraction(plan, $0) })
  }

  /// Loss, gradients and update of a network with two layers.
  private static let shapes: [[Int]] = [[20, 16], [16], [16, 10], [10]]

  private static func step(
    _ p: [Tensor<Float>], _ x: Tensor<Float>, _ target: Tensor<Float>
  ) -> (Tensor<Float>, [Tensor<Float>]) {
    let (loss, gradients) = valueAndGradient(at: p) { p in
      let logits = matmul(relu(matmul(x, p[0]) + p[1]), p[2]) + p[3]
      return -(logSoftmax(logits) * target).sum() / 8
    }
    return (loss, zip(p, gradients).map { $0 - $1 * 0.1 })
  }

  @Test("a training step with inout state is one plan that allocates nothing")
  func trainingStep() throws {
    let parameters = Self.shapes.map { Tensor<Float>.full($0, 0.01) }
    let (x, target) = (Tensor<Float>.full([8, 20], 0.5), Tensor<Float>.full([8, 10], 0.1))
    let traced = try trace(parameters, x, target) { p, x, target in
      let (loss, updated) = Self.step(p, x, target)
      return updated + [loss]
    }
    let plan = try plan(traced, donations: (0..<4).map { ExecutionPlan.Donation(parameter: $0, result: $0) })
    #expect(plan.donations.count == 4, "every parameter is updated in place")
    let compiler = try KernelCompiler.shared.get()
    let executable = try CPUExecutable(plan, compiler: compiler, pool: WorkerPool(threadCount: 1))
    let inputs = try plan.parameters.map { try HostBuffer(byteCount: $0.type.byteCount) }
    let loss = try HostBuffer(byteCount: 4)
    for buffer in inputs { buffer.withBytes { for index in $0.indices { $0[index] = 0 } } }
    let addresses = inputs.map { UnsafeRawPointer($0.pointer) }
    let results = inputs.prefix(4).map(\.pointer) + [loss.pointer]
    let counts = try addresses.withUnsafeBufferPointer { inputs in
      try results.withUnsafeBufferPointer { outputs in
        for _ in 0..<10 { try executable.run(inputs: inputs, outputs: outputs) }
        let before = kiln_test_allocation_count()
        for _ in 0..<100 { try executable.run(inputs: inputs, outputs: outputs) }
        return (before, kiln_test_allocation_count())
      }
    }
    withExtendedLifetime((inputs, loss)) {}
    #expect(counts.0 == counts.1)
  }

  @Test("a warm call allocates its results, and nothing else")
  func warmCall() throws {
    let x = Tensor<Float>([1, 2, 3, 4])
    let add = compile { (x: Tensor<Float>) in x + 1 }
    let pair = compile { (x: Tensor<Float>, y: Tensor<Float>) in (x + y, x * y, x - y) }
    func allocations(_ call: () throws -> Void) rethrows -> Int {
      for _ in 0..<10 { try call() }
      let before = kiln_test_allocation_count()
      for _ in 0..<100 { try call() }
      return kiln_test_allocation_count() - before
    }
    #expect(try allocations { _ = try add.run(x) } == (kiln_test_allocation_count() < 0 ? 0 : 100))
    #expect(try allocations { _ = try pair.run(x, x) } == (kiln_test_allocation_count() < 0 ? 0 : 300))
  }

  @Test("runs of a short plan do not call on the workers, those of a long one do, and bits are the same")
  func shortPlans() throws {
    let compiler = try KernelCompiler.shared.get()
    let pool = WorkerPool(threadCount: 2, leastWork: 50_000)
    func runs(_ size: Int, _ sharing: RunSharing = RunSharing()) throws -> (loops: Int, bytes: [UInt8]) {
      let x = Tensor<Float>.zeros([size, size])
      let plan = try plan(trace(x) { x in matmul(x, x) + x })
      let executable = try CPUExecutable(plan, compiler: compiler, pool: pool, sharing: sharing)
      let values = (0..<size * size).flatMap { Array(Float($0 % 7).bitPattern.littleEndianBytes) }
      let input = try TensorValue(TensorType(.f32, Shape([size, size])), bytes: values)
      let before = pool.sharedLoopCount
      let results = try (0..<20).map { _ in try executable.run([input])[0].bytes }
      return (pool.sharedLoopCount - before, results[19])
    }
    let long = try runs(256)
    #expect(long.loops > 0)
    #expect(try runs(64).loops == 0)
    let alone = try runs(256, RunSharing(threads: 1))
    #expect(alone.loops == 0 && alone.bytes == long.bytes)
  }

  @Test(
    "a result that goes over an operand's memory does not hide it from the other results", arguments: [true, false])
  func inPlaceWithTwoResults(contracts: Bool) throws {
    let source = """
      func @f(%x: f32[8,40], %y: f32[40,40]) -> (f32[40], f32[40]) {
        %m: f32[8] = reduce(%x) {kind = max, axes = [1]}
        %mb: f32[8,40] = broadcast(%m) {axes = [0]}
        %c: f32[8,40] = subtract(%x, %mb)
        %d: f32[8,40] = \(contracts ? "dot(%x, %y) {batch = [], contract = [[1, 0]]}" : "reverse(%c) {axes = [0]}")
        %a: f32[8,40] = add(%d, %c)
        %b: f32[8,40] = multiply(%a, %c)
        %s: f32[40] = reduce(%a) {kind = sum, axes = [0]}
        %t: f32[40] = reduce(%b) {kind = sum, axes = [0]}
        return %s, %t
      }
      """
    let module = try Module(parsing: source, file: "in-place.kiln")
    var random = SplitMix64(seed: 7)
    let inputs = try module.functions[0].parameters.map { parameter in
      try TensorValue(
        parameter.type,
        bytes: (0..<parameter.type.shape.elementCount).flatMap { _ in
          withUnsafeBytes(of: Float.random(in: -1...1, using: &random)) { Array($0) }
        })
    }
    let program = RandomProgram(module: module, entry: "f", inputs: inputs)
    #expect(program.disagreement(on: .processor()) == nil)
  }

  @Test("D4: only .fast leaves a plain product to the library, and its step says so")
  func libraryProducts() throws {
    let (a, b) = (Tensor<Float>.full([70, 90], 0.5), Tensor<Float>.full([90, 65], 0.25))
    let traced = try trace(a, b) { matmul($0, $1) }
    let strict = try plan(traced)
    let fast = try ExecutionPlan.compiled(traced.module, traced.name, CompilationOptions(allowsLibrary: true))
    #expect(strict.launches.map(\.usesLibrary) == [false] && !strict.description.contains("by library"))
    #expect(fast.launches.map(\.usesLibrary) == [true] && fast.description.contains("by library"))
    let product = compile(options: CompileOptions(numerics: .fast)) { (a: Tensor<Float>, b: Tensor<Float>) in
      matmul(a, b)
    }
    #expect(product(a, b).isClose(to: Tensor<Float>.full([70, 65], 90 * 0.125)))
  }

  @Test("a call of a compiled function allocates its results and nothing else")
  func callAllocatesResults() throws {
    let f = compile { (x: Tensor<Float>) in x + 1 }
    let x = Tensor<Float>.zeros([64])
    for _ in 0..<10 { _ = f(x) }
    let before = kiln_test_allocation_count()
    for _ in 0..<100 { _ = f(x) }
    let perCall = Double(kiln_test_allocation_count() - before) / 100
    #expect(perCall <= 3, "\(perCall) allocations per call: the tensor, its memory's owner, and no more")
  }

  @Test("one object serves an operation in every shape of its rank")
  func operationsShareCode() throws {
    func kernels(_ traced: Traced) throws -> [Kernel] { try plan(traced).kernels }
    let shapes = [[3000], [17, 65], [2, 3, 40]].map { Tensor<Float>.zeros($0) }
    #expect(try Set(shapes.map { x in try kernels(trace(x) { $0 * $0 }) }).count == 1)
    let matrices = [[30, 100], [64, 65], [1000, 7]].map { Tensor<Float>.zeros($0) }
    #expect(try Set(matrices.map { x in try kernels(trace(x) { $0.sum(axes: [1]) }) }).count == 1)
    // Axes shorter than a vector are turned another way.
    let tall = [[30, 100], [64, 65], [1000, 70]].map { Tensor<Float>.zeros($0) }
    #expect(try Set(tall.map { x in try kernels(trace(x) { $0.transposed(1, 0) }) }).count == 1)
    let products = [(100, 200, 320), (114, 240, 352), (3, 7, 5), (1000, 30, 2)].map { m, k, n in
      (Tensor<Float>.zeros([m, k]), Tensor<Float>.zeros([k, n]))
    }
    #expect(try Set(products.map { a, b in try kernels(trace(a, b) { matmul($0, $1) }) }).count == 1)
  }

  @Test("the first call of an unseen operation on a small tensor is interpreted")
  func firstEagerCall() {
    let x = Tensor<Float>.full([100], 0.5)
    let clock = ContinuousClock()
    let best = (0..<3).map { n in clock.measure { _ = erf(x[n..<100]).scalars } }.min()
    // Well below a compilation; 1 ms on a quiet machine.
    #expect(best.map { $0 < .milliseconds(20) } == true)
  }
}

extension UInt32 {
  fileprivate var littleEndianBytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: self >> (8 * $0)) } }
}
