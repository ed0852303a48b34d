package import KilnRuntime

/// Compiles kernels and what they share, and keeps what it compiled: in memory by value, on disk by digest. Any thread
/// may call.
///
/// Code that programs use stays; of the rest the least recently used goes where all of it passes the limit.
package final class KernelCompiler: Sendable {
  /// What the compiler did so far.
  package struct Counts: Sendable, Hashable {
    /// Kernels that LLVM compiled.
    package var compiled = 0
    /// Kernels whose object came from the disk.
    package var loaded = 0
    /// The same of micro kernels.
    package var sharedCompiled = 0
    package var sharedLoaded = 0
  }

  /// The compiler of the process, with the user's object cache; or why it does not exist.
  package static let shared: Result<KernelCompiler, RuntimeError> = CPUMachine.shared.map {
    KernelCompiler(machine: $0, cache: .user)
  }

  package let machine: CPUMachine
  package let cache: ObjectCache?
  private let state: Lock<(code: BoundedCache<CodeSource, CompiledCode>, counts: Counts)>

  /// - Parameter limit: the most bytes of code that are kept in memory without a program that uses them.
  package init(machine: CPUMachine, cache: ObjectCache?, limit: Int = MemoryLimits.shared.code) {
    self.machine = machine
    self.cache = cache
    state = Lock((BoundedCache(limit: limit), Counts()))
    IdleMemory.add(self)
  }

  deinit { IdleMemory.remove(self) }

  /// Bytes of code in memory, and in how many objects.
  package var kept: (byteCount: Int, objectCount: Int) { state.withLock { ($0.code.byteCount, $0.code.count) } }

  package var counts: Counts { state.withLock { $0.counts } }

  /// The code of several sources, equal ones included; what is not known is compiled by the threads of `pool`.
  ///
  /// - Throws: the error of the first source that has one: `RuntimeError` of kind `codeGeneration`, or `unavailable` if
  ///   LLVM fails its self-test.
  package func compile(_ sources: [CodeSource], on pool: WorkerPool = .shared) throws(RuntimeError) -> [CompiledCode] {
    let found = state.withLock { state in sources.map { state.code.find($0) } }
    let missing = found.indices.filter { found[$0] == nil }
    if missing.isEmpty { return found.map { $0! } }
    let results = Lock(found.map { $0.map { Result<CompiledCode, RuntimeError>.success($0) } })
    let guess = 4_000_000
    pool.forEachRange(of: missing.count, nanoseconds: guess * missing.count) { range, _ in
      for number in missing[range] {
        let result = Result { () throws(RuntimeError) in try make(sources[number]) }
        results.withLock { $0[number] = result }
      }
    }
    var compiled: [CompiledCode] = []
    for result in results.withLock({ $0 }) { compiled.append(try result!.get()) }
    return compiled
  }

  /// The code of `source`, from the disk or from LLVM, known from now on.
  private func make(_ source: CodeSource) throws(RuntimeError) -> CompiledCode {
    let key = key(of: source)
    let name = "k\(key)"
    var isFromDisk = true
    var loaded: LoadedObject?
    if let object = cache?.object(for: key) { loaded = try? machine.loader.load(object) }
    if loaded == nil {
      isFromDisk = false
      let object = try KernelEmitter.object(of: source, name: name, compiler: machine.compiler())
      cache?.store(object, for: key)
      loaded = try machine.loader.load(object)
    }
    let compiled = try CompiledCode(loaded!, name: name, of: source)
    let (kept, dropped) = state.withLock { state -> (CompiledCode, [CompiledCode]) in
      state.counts.add(source, isFromDisk: isFromDisk)
      // Another thread may have been faster.
      if let known = state.code.find(source) { return (known, []) }
      let dropped = state.code.insert(compiled, for: source, byteCount: compiled.byteCount) {
        !isKnownUniquelyReferenced(&$0)
      }
      return (compiled, dropped)
    }
    withExtendedLifetime(dropped) {}
    return kept
  }

  private func key(of source: CodeSource) -> Digest {
    var hasher = SHA256()
    hasher.update("kiln cpu kernel")
    hasher.update(UInt64(KernelEmitter.version))
    hasher.update(UInt64(machine.library.version))
    hasher.update(machine.features.cpu)
    hasher.update(machine.features.features)
    hasher.update(source.text)
    return hasher.finalize()
  }
}

extension KernelCompiler.Counts {
  fileprivate mutating func add(_ source: CodeSource, isFromDisk: Bool) {
    switch source {
    case .kernel: if isFromDisk { loaded += 1 } else { compiled += 1 }
    case .shared: if isFromDisk { sharedLoaded += 1 } else { sharedCompiled += 1 }
    }
  }
}

extension KernelCompiler: IdleMemoryHolder {
  package func releaseIdleMemory() -> Int {
    let dropped = state.withLock { $0.code.removeAll { !isKnownUniquelyReferenced(&$0) } }
    return dropped.reduce(0) { $0 + $1.byteCount }
  }
}
