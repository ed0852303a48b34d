package import KilnIR
package import KilnPasses
package import KilnRuntime

/// How strictly the numbers follow section 5 of the Spec.
public enum Numerics: Hashable, Sendable {
  /// The result is the interpreted result, bit for bit.
  case strict
  /// Contraction, library matmul and looser functions are allowed, each within the bound that Spec.md states.
  case fast
}

/// What a back end gets beside the program.
package struct ExecutionOptions: Sendable {
  /// Options of the compiler.
  package var compilation: CompilationOptions
  /// What the hidden parameters stand for when the program is made: a dump keeps it. No part of what is compiled.
  package var captures: [Trace.Capture]
  /// What the other parameters are in the call for which the program is made; empty if they are not known. For a dump,
  /// too.
  package var arguments: [TensorCore]

  /// The most threads that a run may use; nil: all.
  package var threads: Int?
  /// Whether the program is a single operation that runs at once: a dump keeps it apart.
  package var isEager: Bool

  package init(
    numerics: Numerics = .strict, donations: [ExecutionPlan.Donation] = [], isEager: Bool = false,
    captures: [Trace.Capture] = [], arguments: [TensorCore] = [], threads: Int? = nil
  ) {
    compilation = CompilationOptions(allowsLibrary: numerics == .fast, donations: donations)
    self.threads = threads
    self.isEager = isEager
    self.captures = captures
    self.arguments = arguments
  }
}

/// A program with open sizes, ready to run at any of them.
package protocol SizedExecutable: Sendable {
  /// The program at these sizes, which meet what it requires.
  /// - Parameter arguments: as in `ExecutionOptions`.
  /// - Throws: what the back end has to say about the program or the machine.
  func executable(at sizes: [String: Int], _ arguments: [TensorCore]) throws(KilnError) -> any Executable
}

/// A back end: makes programs ready to run.
package protocol Executor: AnyObject, Sendable {
  /// The memory of its device, if programs do not run on the host's.
  var memory: (any DeviceMemory)? { get }
  /// A plan, ready to run.
  /// - Throws: `plan.device` where it was lowered for another kind of device; what the back end has to say about the
  ///   machine.
  func prepare(_ plan: ExecutionPlan) throws(KilnError) -> any Executable
  /// The function named `function`, ready to run.
  /// - Throws: what the back end has to say about the program or the machine.
  func prepare(
    _ module: Module, function: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable
  /// The function named `function`, whose sizes are open, ready to run at any of them. Nothing is done to the module
  /// before it is fused.
  func sized(_ module: Module, function: String, options: ExecutionOptions) -> any SizedExecutable
}

extension Executor {
  package var memory: (any DeviceMemory)? { nil }
}
