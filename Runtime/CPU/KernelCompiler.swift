package import KilnIR
package import KilnRuntime

/// The machine code of one kernel: a function for each phase. The pointers are valid as long as this object lives.
package final class CompiledKernel: Sendable {
  /// Buffers (and the workspace behind them), integers, first and last work unit, the thread's scratch, the status word
  /// and, eight bytes on, the index that it speaks of; `CPUSchedule` says what they mean.
  package typealias Phase =
    @convention(c) (
      UnsafePointer<UnsafeMutableRawPointer?>, UnsafePointer<Int>, Int, Int, UnsafeMutableRawPointer?,
      UnsafeMutablePointer<Int32>
    ) -> Void

  package let phases: [Phase]
  private let object: LoadedObject

  fileprivate init(_ object: LoadedObject, name: String, phaseCount: Int) throws(RuntimeError) {
    self.object = object
    var phases: [Phase] = []
    for phase in 0..<phaseCount {
      guard let address = object.address(of: "\(name)_\(phase)") else {
        throw RuntimeError(.codeGeneration, "the object of \(name) lacks phase \(phase)")
      }
      phases.append(unsafeBitCast(address, to: Phase.self))
    }
    self.phases = phases
  }

  /// Bytes of memory that its code takes.
  package var byteCount: Int { object.byteCount }
}

/// Compiles kernels and keeps what it compiled: in memory by content, on disk by digest. Any thread may call.
///
/// Code that programs use stays; of the rest the least recently used goes where all of it passes the limit.
package final class KernelCompiler: Sendable {
  /// What the compiler did so far.
  package struct Counts: Sendable, Hashable {
    /// Kernels that LLVM compiled.
    package var compiled = 0
    /// Kernels whose object came from the disk.
    package var loaded = 0
  }

  /// The compiler of the process, with the user's object cache; or why it does not exist.
  package static let shared: Result<KernelCompiler, RuntimeError> = CPUMachine.shared.map {
    KernelCompiler(machine: $0, cache: .user)
  }

  package let machine: CPUMachine
  package let cache: ObjectCache?
  private let state: Lock<(kernels: BoundedCache<Digest, CompiledKernel>, counts: Counts)>

  /// - Parameter limit: the most bytes of code that are kept in memory without a program that uses them.
  package init(machine: CPUMachine, cache: ObjectCache?, limit: Int = MemoryLimits.shared.code) {
    self.machine = machine
    self.cache = cache
    state = Lock((BoundedCache(limit: limit), Counts()))
    IdleMemory.add(self)
  }

  deinit { IdleMemory.remove(self) }

  /// Bytes of code in memory, and of how many kernels.
  package var kept: (byteCount: Int, kernelCount: Int) {
    state.withLock { ($0.kernels.byteCount, $0.kernels.count) }
  }

  package var counts: Counts { state.withLock { $0.counts } }

  /// The code of `kernel`.
  ///
  /// - Throws: `RuntimeError` of kind `codeGeneration`, or `unavailable` if LLVM fails its self-test.
  package func compile(_ kernel: Kernel) throws(RuntimeError) -> CompiledKernel {
    let key = key(of: kernel)
    if let known = state.withLock({ $0.kernels.find(key) }) { return known }
    let name = "k\(key)"
    var isFromDisk = true
    var loaded: LoadedObject?
    if let object = cache?.object(for: key) { loaded = try? machine.loader.load(object) }
    if loaded == nil {
      isFromDisk = false
      let object = try KernelEmitter.object(of: kernel, name: name, compiler: machine.compiler())
      cache?.store(object, for: key)
      loaded = try machine.loader.load(object)
    }
    let compiled = try CompiledKernel(loaded!, name: name, phaseCount: kernel.schedule.cpu?.phaseCount ?? 0)
    let (kept, dropped) = state.withLock { state -> (CompiledKernel, [CompiledKernel]) in
      if isFromDisk { state.counts.loaded += 1 } else { state.counts.compiled += 1 }
      // Another thread may have been faster.
      if let known = state.kernels.find(key) { return (known, []) }
      let dropped = state.kernels.insert(compiled, for: key, byteCount: compiled.byteCount) {
        !isKnownUniquelyReferenced(&$0)
      }
      return (compiled, dropped)
    }
    withExtendedLifetime(dropped) {}
    return kept
  }

  /// The code of several kernels, compiled by the threads of `pool`. The error is that of the first kernel that has
  /// one.
  package func compile(_ kernels: [Kernel], on pool: WorkerPool = .shared) throws(RuntimeError) -> [CompiledKernel] {
    let results = Lock([Result<CompiledKernel, RuntimeError>?](repeating: nil, count: kernels.count))
    let guess = 4_000_000
    pool.forEachRange(of: kernels.count, nanoseconds: guess * kernels.count) { range, _ in
      for index in range {
        let result = Result { () throws(RuntimeError) in try compile(kernels[index]) }
        results.withLock { $0[index] = result }
      }
    }
    var compiled: [CompiledKernel] = []
    for result in results.withLock({ $0 }) { compiled.append(try result!.get()) }
    return compiled
  }

  private func key(of kernel: Kernel) -> Digest {
    var hasher = SHA256()
    hasher.update("kiln cpu kernel")
    hasher.update(UInt64(KernelEmitter.version))
    hasher.update(UInt64(machine.library.version))
    hasher.update(machine.features.cpu)
    hasher.update(machine.features.features)
    hasher.update(kernel.description)
    return hasher.finalize()
  }
}

extension KernelCompiler: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    let dropped = state.withLock { $0.kernels.removeAll { !isKnownUniquelyReferenced(&$0) } }
    return dropped.reduce(0) { $0 + $1.byteCount }
  }
}
