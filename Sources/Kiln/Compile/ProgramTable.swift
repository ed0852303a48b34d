import KilnIR
import KilnRuntime
import Synchronization

/// The programs of one compiled function. Each thread finds the one that it ran last without a lock; making one takes a
/// lock of this function's own.
final class ProgramTable: Sendable {
  private struct Programs: Sendable {
    /// Those for the sizes of one call.
    var fixed: [CompiledProgram] = []
    /// Those for all sizes.
    var sized: [SizedProgram] = []
    /// Both, in the order in which they were made.
    var entries: [@Sendable () -> CompilationReport.Entry] = []
    /// Arguments whose sizes got names in vain, what was traced would serve one call only, with the lines that pin
    /// them.
    var refused: [[TensorType]: [String: SourceLocation]] = [:]
  }

  let options: CompileOptions
  let location: SourceLocation
  private let programs = Lock(Programs())
  private let compiling = Lock(())
  /// Those of calls that have ended, each with the program that it ran.
  private let frames = ThreadShelf { CallFrame($0).destroy() }
  private let inPlace = Atomic<Int>(0)

  init(_ options: CompileOptions, _ location: SourceLocation) {
    self.options = options
    self.location = location
  }

  /// The frame that a call of this thread left, or one of another thread. Nil if all are in use, or if the call must
  /// not run at once.
  func takeFrame(_ ambient: Ambient?) -> CallFrame? {
    if let ambient, ambient.trace != nil || ambient.tapes != nil { return nil }
    return options.checksEveryTrace ? nil : frames.take(.current).map { CallFrame($0) }
  }

  func giveBack(_ frame: CallFrame) {
    frame.reset()
    frames.put(frame.address, .current)
  }

  /// The program for these arguments, if there is one.
  func program(for signature: Signature) -> CompiledProgram? {
    let (fixed, sized) = programs.withLock { ($0.fixed, $0.sized) }
    if let program = fixed.first(where: { $0.matches(signature) }) { return program }
    return sized.lazy.compactMap { $0.accepts(signature) ? $0.plan(for: signature) : nil }.first
  }

  /// The program for these arguments, which is made if it does not exist yet. One thread makes programs at a time.
  func program<Output>(for signature: Signature, by maker: ProgramMaker<Output>) throws(KilnError) -> CompiledProgram {
    if let known = program(for: signature) { return known }
    let result = compiling.withLock { _ in
      Result { () throws(KilnError) in
        if let known = program(for: signature) { return known }
        return try make(signature, by: maker)
      }
    }
    return try result.get()
  }

  /// Makes a plan of a program for all sizes that is there, a program for all sizes, or one for these sizes.
  private func make<Output>(
    _ signature: Signature, by maker: ProgramMaker<Output>
  ) throws(KilnError) -> CompiledProgram {
    let known = programs.withLock { $0 }
    for sized in known.sized where sized.accepts(signature) {
      do throws(KilnError) {
        return try sized.makePlan(for: signature)
      } catch {
        // Only a declaration is a promise: these sizes may be right without what the others have in common.
        if sized.isDeclared { throw error.called(at: signature.location, of: location) }
      }
    }
    try checkLimit(signature)
    let types = try namedTypes(signature, known)
    var pins = types.flatMap { known.refused[$0] }
    // The same names again would be the same program.
    if let types, pins == nil, !known.sized.contains(where: { $0.types == types }) {
      let traced = try maker.sizedProgram(signature, types, isDeclared: options.sizes != nil)
      pins = traced.pins
      if let sized = traced.program {
        do throws(KilnError) {
          let plan = try sized.makePlan(for: signature)
          programs.withLock { programs in
            programs.sized.append(sized)
            programs.entries.append { sized.reported }
          }
          return plan
        } catch {
          if sized.isDeclared { throw error.called(at: signature.location, of: location) }
        }
      }
    }
    let program = try maker.fixedProgram(signature, pins: pins ?? [:])
    programs.withLock { programs in
      programs.fixed.append(program)
      programs.entries.append { program.entry }
      if let types, let pins { programs.refused[types] = pins }
    }
    return program
  }

  /// The types of the arguments with names for sizes: as declared, or where they differ from those of the program that
  /// is most like them.
  private func namedTypes(_ signature: Signature, _ known: Programs) throws(KilnError) -> [TensorType]? {
    if let declared = options.sizes {
      do throws(KilnError) {
        return try declared.types(of: signature)
      } catch {
        throw error.located(at: signature.location).resolved(else: location)
      }
    }
    let candidates =
      known.sized.compactMap { SizeNames.types(signature, differingFrom: $0.signature, $0.types) }
      + known.fixed.compactMap { SizeNames.types(signature, differingFrom: $0.signature, $0.signature.types) }
    return candidates.min { SizeNames.count($0) < SizeNames.count($1) }
  }

  /// - Throws: `compile.C6`.
  func checkThreads() throws(KilnError) {
    guard let threads = options.threads, !(1...256).contains(threads) else { return }
    throw KilnError(
      "compile.C6", "`CompileOptions(threads:)` takes a number from 1 to 256, or nil for all threads; found \(threads)",
      at: location
    ).resolved()
  }

  private func checkLimit(_ signature: Signature) throws(KilnError) {
    let count = programs.withLock { $0.entries.count }
    guard count >= options.limit else { return }
    let found =
      count == 0 ? "this function may have no program" : "this function has \(count) programs already, its limit"
    throw KilnError(
      Diagnostic(
        "compile.limit", "\(found), and these arguments need \(count == 0 ? "one" : "another one")",
        at: signature.location,
        notes: reasons(signature).map(\.description) + [
          "the function was made at \(location.resolved()) with `CompileOptions(limit: \(options.limit))`; a greater one "
            + "raises the limit"
        ])
    ).resolved()
  }

  /// The differences from the earlier program that is most like these arguments.
  func reasons(_ signature: Signature) -> [CompilationReport.Reason] {
    let known = programs.withLock { $0.fixed.map(\.signature) + $0.sized.map(\.signature) }
    return known.reversed().map { $0.differences(from: signature) }.min { $0.count < $1.count } ?? []
  }

  func countInPlace(_ count: Int) { inPlace.add(count, ordering: .relaxed) }

  var report: CompilationReport {
    let known = programs.withLock { $0 }
    var fresh = CompilationReport.FreshBuffers()
    for program in known.fixed { program.freshBuffers.add(to: &fresh) }
    for sized in known.sized { sized.freshBuffers.add(to: &fresh) }
    return CompilationReport(
      entries: known.entries.map { $0() }, inPlaceCount: inPlace.load(ordering: .relaxed), freshBuffers: fresh)
  }
}

extension KilnError {
  /// The error of a call: at its line, or with a note that has it where the diagnostic speaks of another one.
  fileprivate func called(at call: SourceLocation, of closure: SourceLocation) -> KilnError {
    KilnError(
      diagnostics.map { diagnostic in
        var result = diagnostic
        if diagnostic.location == .unknown {
          result.location = call
        } else {
          result.notes.append("in the call at \(call.resolved())")
        }
        return result
      }, cause: cause
    ).resolved(else: closure)
  }
}
