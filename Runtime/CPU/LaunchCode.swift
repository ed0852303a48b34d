package import KilnIR
package import KilnRuntime

/// The machine code of one launch: its phases, and the table that they read beside their buffers.
// @unchecked: nothing changes once it is made.
package final class LaunchCode: @unchecked Sendable {
  package let phases: [CompiledCode.Phase]
  /// The last phase as a chain calls it, by `RowUnits`.
  let rows: CompiledCode.Phase
  /// The launch integers, or the `ContractionCall` that stands in their place.
  package let arguments: UnsafePointer<Int>
  /// What it calls, kept alive.
  let code: [CompiledCode]
  private let call: ContractionCall?
  private let integers: UnsafeMutablePointer<Int>?

  /// - Parameter code: that of the kernel, then of what the contraction shares.
  fileprivate init(_ kernel: Kernel, _ integers: [Int], _ contraction: ContractionLaunch?, _ code: [CompiledCode]) {
    self.code = code
    if let contraction {
      let call = ContractionCall(contraction, integers, bufferCount: kernel.definition.buffers.count, code)
      self.call = call
      self.integers = nil
      phases = ContractionCall.phases
      rows = ContractionCall.rowBlocks
      arguments = UnsafeRawPointer(call.start).assumingMemoryBound(to: Int.self)
    } else {
      let table = UnsafeMutablePointer<Int>.allocate(capacity: max(1, integers.count))
      table.initialize(from: integers, count: integers.count)
      call = nil
      self.integers = table
      phases = code[0].functions.map { unsafeBitCast($0, to: CompiledCode.Phase.self) }
      rows = phases[phases.count - 1]
      arguments = UnsafePointer(table)
    }
  }

  deinit { integers?.deallocate() }
}

extension KernelCompiler {
  /// A launch of one of several kernels.
  package typealias Launch = (kernel: Int, integers: [Int])

  /// The code of launches of `kernels`. What several of them share is compiled once.
  /// - Throws: as `compile`.
  package func code(
    of kernels: [Kernel], _ launches: [Launch], on pool: WorkerPool = .shared
  ) throws(RuntimeError) -> [LaunchCode] {
    var sources = kernels.map { CodeSource.kernel($0) }
    var numbers: [MicroKernel: Int] = [:]
    func number(_ shared: MicroKernel) -> Int {
      if let known = numbers[shared] { return known }
      numbers[shared] = sources.count
      sources.append(.shared(shared))
      return sources.count - 1
    }
    let contractions = launches.map { ContractionLaunch(kernels[$0.kernel], $0.integers, on: machine) }
    let shared = contractions.map { $0?.shared.map(number) ?? [] }
    let code = try compile(sources, on: pool)
    return launches.indices.map { index in
      let launch = launches[index]
      return LaunchCode(
        kernels[launch.kernel], launch.integers, contractions[index],
        [code[launch.kernel]] + shared[index].map { code[$0] })
    }
  }
}

extension ExecutionPlan {
  /// The code that the plan's contractions share, in the order of the launches.
  package func sharedCode(on machine: CPUMachine) -> [MicroKernel] {
    var result: [MicroKernel] = []
    for launch in launches {
      let contraction = ContractionLaunch(kernels[launch.kernel], launch.integers, on: machine)
      for micro in contraction?.shared ?? [] where !result.contains(micro) { result.append(micro) }
    }
    return result
  }
}
