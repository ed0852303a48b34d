import KilnIR
import KilnPasses
import KilnRuntime

/// A module to be run, compared without the numbers in it: modules that differ in their constants only are one form.
struct ModuleForm: Hashable {
  let module: Module
  let function: String
  let device: ObjectIdentifier

  static func == (a: ModuleForm, b: ModuleForm) -> Bool {
    a.device == b.device && a.function == b.function && a.module.functions.count == b.module.functions.count
      && zip(a.module.functions, b.module.functions).allSatisfy { $0.hasForm(of: $1) }
  }

  func hash(into hasher: inout Hasher) {
    hasher.combine(device)
    for function in module.functions { function.hashForm(into: &hasher) }
  }
}

extension Function {
  fileprivate func hasForm(of other: Function) -> Bool {
    name == other.name && parameters == other.parameters && instructions.count == other.instructions.count
      && results == other.results && valueTypes == other.valueTypes
      && zip(instructions.elements, other.instructions.elements).allSatisfy { $0.hasForm(of: $1) }
  }

  fileprivate func hashForm(into hasher: inout Hasher) {
    hasher.combine(parameters.count)
    for instruction in instructions.elements {
      if case .source(.constant(let literal)) = instruction.op {
        hasher.combine(literal.type)
      } else {
        hasher.combine(instruction.op)
        hasher.combine(instruction.operands)
      }
    }
    hasher.combine(results)
  }
}

extension Instruction {
  fileprivate func hasForm(of other: Instruction) -> Bool {
    guard case .source(.constant(let a)) = op, case .source(.constant(let b)) = other.op else { return self == other }
    return a.type == b.type && (a.splat == nil) == (b.splat == nil)
  }
}

/// The executables of one form. A number that differs from one run to the next becomes an operand; one that stays the
/// same stays in the code, where it may make things simpler. Bits are the same either way.
final class ProgramFamily: Sendable {
  /// An executable for all modules of the form that have these numbers where `lifted` does not say otherwise.
  struct Member: Sendable {
    let literals: [Literal]
    /// The constants that are operands, by number, in ascending order.
    let lifted: [Int]
    let executable: any Executable

    func accepts(_ literals: [Literal]) -> Bool {
      var next = lifted.startIndex
      for index in literals.indices {
        if next < lifted.endIndex, lifted[next] == index {
          next += 1
        } else if literals[index] != self.literals[index] {
          return false
        }
      }
      return true
    }

    /// The operands for the numbers of a module that it accepts.
    func numbers(_ literals: [Literal]) throws(KilnError) -> [TensorCore] {
      var cores: [TensorCore] = []
      for index in lifted { cores.append(try .operand(literals[index])) }
      return cores
    }
  }

  /// Of each family the newest few are kept: each takes over all that the ones before it did.
  private static let limit = 3
  /// Newest first.
  private let members = Lock<[Member]>([])

  func member(for literals: [Literal]) -> Member? {
    members.withLock { $0.first { $0.accepts(literals) } }
  }

  /// The constants that a new member for `literals` has as operands.
  func lifted(for literals: [Literal]) -> [Int] {
    guard let newest = members.withLock({ $0.first }) else { return [] }
    let lifted = Set(newest.lifted)
    return literals.indices.filter { lifted.contains($0) || literals[$0] != newest.literals[$0] }
  }

  /// Adds a member. Returns about how many bytes all take.
  func add(_ member: Member) -> Int {
    let (members, dropped) = members.withLock { members -> ([Member], [Member]) in
      members.insert(member, at: 0)
      let dropped = Array(members.dropFirst(Self.limit))
      members.removeLast(dropped.count)
      return (members, dropped)
    }
    withExtendedLifetime(dropped) {}
    return members.reduce(0) { $0 + $1.executable.byteCount }
  }
}

extension TensorCore {
  /// A constant as the operand that takes its place.
  static func operand(_ literal: Literal) throws(KilnError) -> TensorCore {
    let type = ConstantLifting.operandType(of: literal)
    let core = try allocate(.of(type))
    if let splat = literal.splat {
      Literal(splat: splat).store(to: core.pointer)
    } else {
      literal.store(to: core.pointer)
    }
    return core
  }
}
