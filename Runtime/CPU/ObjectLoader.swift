import CLLVM
import Glibc
package import KilnRuntime

/// Machine code in memory. It stays as long as this object lives; whoever holds a pointer into it holds this too.
// @unchecked: immutable; the tracker is used once, in deinit, and LLVM's session has its own lock.
package final class LoadedObject: @unchecked Sendable {
  private let loader: ObjectLoader
  private let tracker: OpaquePointer
  private let addresses: [String: UInt]

  fileprivate init(loader: ObjectLoader, tracker: OpaquePointer, addresses: [String: UInt]) {
    self.loader = loader
    self.tracker = tracker
    self.addresses = addresses
  }

  deinit { loader.remove(tracker) }

  /// The address of a function that the object defines.
  package func address(of symbol: String) -> UInt? { addresses[symbol] }
}

/// Loads objects into the process by LLVM's ORC. Any thread may call.
// @unchecked: the two references are written once; ORC is safe to call from several threads.
package final class ObjectLoader: @unchecked Sendable {
  private let library: LLVMLibrary
  private let jit: OpaquePointer
  private let dylib: OpaquePointer
  private struct WeakObject { weak var object: LoadedObject? }
  private let loaded = Lock([String: WeakObject]())

  package init(library: LLVMLibrary) throws(RuntimeError) {
    self.library = library
    let api = library.api
    var jit: OpaquePointer?
    try library.check(api.OrcCreateLLJIT(&jit, nil), "the loader could not be made")
    self.jit = jit!
    dylib = api.OrcLLJITGetMainJITDylib(self.jit)
    var symbols = Self.memoryFunctions.map { name, address in
      let exportedAndCallable: UInt8 = 1 | 4
      return KilnLLVMSymbol(
        name: api.OrcLLJITMangleAndIntern(self.jit, name), address: UInt64(address), genericFlags: exportedAndCallable,
        targetFlags: 0)
    }
    try library.check(
      api.OrcJITDylibDefine(dylib, api.OrcAbsoluteSymbols(&symbols, symbols.count)), "the loader could not be made")
  }

  /// Loads `object` and looks up everything that it defines.
  ///
  /// Two loaded objects may not define the same name: kernels are named by the digest of their content. Where two threads
  /// load equal objects at once, the second gets what the first loaded.
  ///
  /// - Parameter name: what the object is known by, its functions' common name.
  package func load(_ object: [UInt8], as name: String) throws(RuntimeError) -> LoadedObject {
    try loaded.withLock { loaded throws(RuntimeError) in
      if let known = loaded[name]?.object { return known }
      let fresh = try add(object, name)
      loaded[name] = WeakObject(object: fresh)
      return fresh
    }
  }

  private func add(_ object: [UInt8], _ name: String) throws(RuntimeError) -> LoadedObject {
    let api = library.api
    let names = try ObjectSymbols(object).defined
    let tracker = api.OrcJITDylibCreateResourceTracker(dylib)
    let buffer = object.withUnsafeBytes { bytes in
      api.CreateMemoryBufferWithMemoryRangeCopy(bytes.baseAddress!, bytes.count, name)
    }
    do throws(RuntimeError) {
      try library.check(api.OrcLLJITAddObjectFileWithRT(jit, tracker, buffer), "an object could not be loaded")
      var addresses: [String: UInt] = [:]
      for name in names {
        var address: UInt64 = 0
        try library.check(api.OrcLLJITLookup(jit, &address, name), "an object could not be loaded")
        addresses[name] = UInt(address)
      }
      return LoadedObject(loader: self, tracker: tracker, addresses: addresses)
    } catch {
      remove(tracker)
      throw error
    }
  }

  fileprivate func remove(_ tracker: OpaquePointer) {
    if let error = library.api.OrcResourceTrackerRemove(tracker) {
      library.api.DisposeErrorMessage(library.api.GetErrorMessage(error))
    }
    library.api.OrcReleaseResourceTracker(tracker)
  }

  private static var memoryFunctions: [(String, UInt)] {
    typealias Copy = @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, Int) -> UnsafeMutableRawPointer?
    typealias Fill = @convention(c) (UnsafeMutableRawPointer, Int32, Int) -> UnsafeMutableRawPointer?
    let copy: Copy = memcpy
    let move: Copy = memmove
    let fill: Fill = memset
    return [
      ("memcpy", unsafeBitCast(copy, to: UInt.self)), ("memmove", unsafeBitCast(move, to: UInt.self)),
      ("memset", unsafeBitCast(fill, to: UInt.self)),
    ]
  }
}
