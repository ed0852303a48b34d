/// A kernel: what it computes, and how it runs on one kind of device.
public struct Kernel: Hashable, Sendable {
  public var definition: KernelDefinition
  public var schedule: Schedule

  public init(_ definition: KernelDefinition, _ schedule: Schedule) {
    self.definition = definition
    self.schedule = schedule
  }
}

extension Kernel {
  /// Bytes shared by all phases and threads of one launch.
  public func workspaceBytes(_ integers: [Int]) -> Int { schedule.cpu?.workspaceBytes(definition, integers) ?? 0 }

  /// Bytes of scratch for each thread.
  public func scratchBytes(_ integers: [Int]) -> Int { schedule.cpu?.scratchBytes(definition, integers) ?? 0 }
}

/// How a kernel runs, for one kind of device; never a change of bits.
public enum Schedule: Hashable, Sendable {
  case cpu(CPUSchedule)
  case openCL(OpenCLSchedule)

  /// Who runs the kernels of a device.
  public enum Kind: String, Hashable, Sendable { case cpu, openCL }

  public var kind: Kind {
    switch self {
    case .cpu: .cpu
    case .openCL: .openCL
    }
  }

  public var cpu: CPUSchedule? { if case .cpu(let schedule) = self { schedule } else { nil } }
  public var openCL: OpenCLSchedule? { if case .openCL(let schedule) = self { schedule } else { nil } }

  /// - Throws: `kernel.C6` if the schedule does not fit the kernel.
  func check(_ kernel: KernelDefinition) throws(ConstraintFailure) {
    switch self {
    case .cpu(let schedule): try schedule.check(kernel)
    case .openCL(let schedule): try schedule.check(kernel)
    }
  }

  /// - Throws: `kernel.C6` if the schedule of a launch does not fit.
  func check(_ integers: [Int]) throws(ConstraintFailure) {
    if case .cpu(.contraction(let schedule)) = self { try schedule.check(integers) }
  }
}

extension Schedule: CustomStringConvertible {
  public var description: String {
    switch self {
    case .cpu(let schedule): schedule.description
    case .openCL(let schedule): "openCL \(schedule)"
    }
  }
}

/// `a` / `b`, rounded up; `a` is at least 0, and no `b` is too large.
package func ceilDivide(_ a: Int, _ b: Int) -> Int { a > 0 ? (a - 1) / b + 1 : 0 }
