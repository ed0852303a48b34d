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

/// What a back end is told beside the program.
package struct ExecutionOptions: Sendable {
  /// What the compiler is told.
  package var compilation: CompilationOptions
  /// What the hidden parameters stand for when the program is made: a dump keeps it. No part of what is compiled.
  package var captures: [Trace.Capture]
  /// What the other parameters are in the call for which the program is made; empty where nobody says. For a dump, too.
  package var arguments: [TensorCore]

  /// Whether the program is a single operation that runs at once: its code serves all shapes, and a dump keeps it apart.
  package var isEager: Bool { !compilation.specializes }

  package init(
    numerics: Numerics = .strict, donations: [ExecutionPlan.Donation] = [], isEager: Bool = false,
    captures: [Trace.Capture] = [], arguments: [TensorCore] = []
  ) {
    compilation = CompilationOptions(
      specializes: !isEager, allowsLibrary: numerics == .fast, donations: donations)
    self.captures = captures
    self.arguments = arguments
  }
}

/// A back end: makes programs ready to run.
package protocol Executor: AnyObject, Sendable {
  /// The memory of its device, if programs do not run on the host's.
  var memory: (any DeviceMemory)? { get }
  /// The function named `function`, ready to run.
  /// - Throws: what the back end has to say about the program or the machine.
  func prepare(
    _ module: Module, function: String, options: ExecutionOptions
  ) throws(KilnError) -> any Executable
}

extension Executor {
  package var memory: (any DeviceMemory)? { nil }
}

/// A program that is ready to run. Many threads may run it at once.
package protocol Executable: AnyObject, Sendable {
  /// The program as one of a device with memory of its own, if it is one.
  var onDevice: (any DeviceExecutable)? { get }
  /// About how many bytes it keeps between calls.
  var byteCount: Int { get }
  /// Runs the program once.
  /// - Parameters:
  ///   - inputs: The first element of each parameter, hidden ones included, in order.
  ///   - outputs: The first element of each result, in order. None overlaps another, or an input but by a donation.
  /// - Throws: what the run found, such as an index out of range.
  func run(
    inputs: UnsafeBufferPointer<UnsafeRawPointer>, outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) throws(KilnError)
}

extension Executable {
  package var onDevice: (any DeviceExecutable)? { nil }
  /// An interpreter keeps the program and nothing else.
  package var byteCount: Int { 4096 }
}

/// A program that runs on a device with memory of its own, where its results stay.
package protocol DeviceExecutable: Executable {
  /// Runs the program once.
  /// - Parameters:
  ///   - inputs: one operand per parameter, hidden ones included, in order.
  ///   - donated: the parameters on the device that nobody else holds: a result may take their memory, if the program was
  ///     prepared with such a donation.
  ///   - hasBegun: becomes true before the first write to a donated storage.
  /// - Returns: the elements of each result. One that is a parameter, or took its memory, is the parameter's storage.
  /// - Throws: what the run found, such as an index out of range; what the device has to say.
  func run(
    _ inputs: [DeviceOperand], donating donated: Set<Int>, hasBegun: inout Bool
  ) throws(KilnError) -> [any DeviceStorage]
}

extension DeviceExecutable {
  package var onDevice: (any DeviceExecutable)? { self }
}
