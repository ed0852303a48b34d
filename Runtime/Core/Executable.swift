package import KilnIR

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
  ///   - donated: the parameters on the device that have no other reference: a result may take their memory, if the
  ///     program was prepared with such a donation.
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
