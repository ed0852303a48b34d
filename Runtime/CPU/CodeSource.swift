package import KilnIR
import KilnRuntime

/// What becomes one object of machine code.
package enum CodeSource: Hashable, Sendable {
  case kernel(Kernel)
  case shared(MicroKernel)

  /// The text under which its object is cached.
  package var text: String {
    switch self {
    case .kernel(let kernel): kernel.description
    case .shared(let micro): micro.description
    }
  }

  /// What a profiler calls its functions.
  var title: String {
    switch self {
    case .kernel(let kernel):
      var names = [kernel.schedule.description.prefix { $0 != " " }.description]
      for case .operation(let primitive, _, _) in kernel.definition.stages.flatMap(\.body)
      where !names.contains(primitive.rawValue) { names.append(primitive.rawValue) }
      return names.joined(separator: " ")
    case .shared(let micro): return micro.description
    }
  }

  var functionCount: Int {
    switch self {
    case .kernel(let kernel): kernel.functionCount
    case .shared(let micro): micro.functionCount
    }
  }
}

extension Kernel {
  /// Functions that it has of its own: one for each phase; of a contraction the epilogue, and the test whether a tile
  /// needs its sums, if there is one.
  var functionCount: Int {
    guard let schedule = schedule.cpu else { return 0 }
    if case .contraction = schedule { return definition.dotCondition == nil ? 1 : 2 }
    return schedule.phaseCount
  }
}

/// The machine code of a `CodeSource`. Its functions are valid as long as this object lives.
package final class CompiledCode: Sendable {
  /// Buffers (and the workspace behind them), integers, first and last work unit, the thread's scratch, the status word
  /// and, eight bytes on, the index that it speaks of; `CPUSchedule` says what they mean.
  package typealias Phase =
    @convention(c) (
      UnsafePointer<UnsafeMutableRawPointer?>, UnsafePointer<Int>, Int, Int, UnsafeMutableRawPointer?,
      UnsafeMutablePointer<Int32>
    ) -> Void

  /// The addresses of its functions.
  let functions: [UInt]
  private let object: LoadedObject

  init(_ object: LoadedObject, name: String, of source: CodeSource) throws(RuntimeError) {
    self.object = object
    var functions: [UInt] = []
    for number in 0..<source.functionCount {
      let symbol = "\(name)_\(number)"
      guard let address = object.address(of: symbol) else {
        throw RuntimeError(.codeGeneration, "the object of \(name) lacks function \(number)")
      }
      functions.append(address)
      if PerfMap.isWanted {
        PerfMap.add("\(number) \(source.title)", at: address, byteCount: object.byteCount(of: symbol) ?? 0)
      }
    }
    self.functions = functions
  }

  /// Bytes of memory that it takes.
  package var byteCount: Int { object.byteCount }
}
