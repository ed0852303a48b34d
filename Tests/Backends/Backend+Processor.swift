package import KilnCPU
package import KilnIR
package import KilnPasses
package import KilnRuntime

extension Backend {
  /// Pools of 1, 2 and 3 threads: results must not depend on them.
  package static let pools = [1, 2, 3].map { WorkerPool(threadCount: $0) }

  /// Machine code for this processor, on each of `pools`, which must find equal bits.
  package static func processor(
    _ options: CompilationOptions = CompilationOptions(), pools: [WorkerPool] = pools
  ) -> Backend {
    Backend("processor\(options.fuses ? "" : ", not fused")") { module, entry, inputs in
      let compiler = try KernelCompiler.shared.get()
      var results: [[TensorValue]] = []
      for pool in pools {
        let device = compiler.machine.description(threads: pool.threadCount)
        let plan = try ExecutionPlan.compiled(module, entry, for: device, options)
        let found = try CPUExecutable(plan, compiler: compiler, pool: pool).run(inputs)
        if let first = results.first, !zip(first, found).allSatisfy({ $0.isIdentical(to: $1) }) {
          throw KilnError("R6", "\(pool.threadCount) threads give other bits than \(pools[0].threadCount)")
        }
        results.append(found)
      }
      return results[0]
    }
  }

  package static func processor(fuses: Bool) -> Backend { processor(CompilationOptions(fuses: fuses)) }
}

extension CPUExecutable {
  /// Runs the plan on copies of `inputs`.
  package func run(_ inputs: [TensorValue]) throws -> [TensorValue] {
    let arguments = try inputs.map { value in
      let buffer = try HostBuffer(byteCount: value.bytes.count)
      buffer.withBytes { $0.copyBytes(from: value.bytes) }
      return buffer
    }
    let results = try plan.results.map { try HostBuffer(byteCount: $0.type.byteCount) }
    let (sources, targets) = (arguments.map { UnsafeRawPointer($0.pointer) }, results.map(\.pointer))
    try sources.withUnsafeBufferPointer { sources in
      try targets.withUnsafeBufferPointer { targets in try run(inputs: sources, outputs: targets) }
    }
    withExtendedLifetime(arguments) {}
    return try zip(plan.results, results).map { result, buffer in
      try TensorValue(result.type, bytes: buffer.withBytes { Array($0) })
    }
  }
}
