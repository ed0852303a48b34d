/// What must hold between sizes that calls bring, where their normal forms do not decide it.
public struct SizeConstraint: Hashable, Sendable {
  public enum Relation: String, CaseIterable, Hashable, Sendable {
    case equal = "=="
    case atLeast = ">="
  }

  public var lhs: Dimension
  public var relation: Relation
  public var rhs: Dimension

  public init(_ lhs: Dimension, _ relation: Relation, _ rhs: Dimension) {
    self.lhs = lhs
    self.relation = relation
    self.rhs = rhs
  }

  /// Whether it holds at every call, at none (false), or that depends (nil).
  public var truth: Bool? {
    switch relation {
    case .equal: Dimension.equality(lhs, rhs)
    case .atLeast: Dimension.isAtLeast(lhs, rhs)
    }
  }

  /// It where the named sizes are `sizes`.
  package func bound(to sizes: [String: Int]) -> SizeConstraint {
    SizeConstraint(lhs.bound(to: sizes), relation, rhs.bound(to: sizes))
  }
}

extension SizeConstraint: CustomStringConvertible {
  /// `n == 2*m`, `n >= 3`.
  public var description: String { "\(lhs) \(relation.rawValue) \(rhs)" }
}

/// A constraint that every call of a function must meet, and the place that needs it. Equality ignores the place.
public struct SizeRequirement: Sendable {
  public var constraint: SizeConstraint
  /// The op's constraint that it stands for, such as `add.C4`.
  public var label: String
  public var location: SourceLocation

  public init(_ constraint: SizeConstraint, _ label: String, at location: SourceLocation = .unknown) {
    self.constraint = constraint
    self.label = label
    self.location = location
  }
}

extension SizeRequirement: Hashable {
  public static func == (a: SizeRequirement, b: SizeRequirement) -> Bool {
    a.constraint == b.constraint && a.label == b.label
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(constraint)
    hasher.combine(label)
  }
}

/// What an inference found about sizes: constraints that hold or not are settled at once, the others are collected.
package struct SizeQuestions: Sendable {
  package private(set) var open: [(constraint: SizeConstraint, failure: ConstraintFailure)] = []

  package init() {}

  /// Throws the labelled failure if the constraint cannot hold; keeps it if that depends on the call.
  package mutating func require(
    _ lhs: Dimension, _ relation: SizeConstraint.Relation, _ rhs: Dimension, _ label: @autoclosure () -> String,
    _ message: @autoclosure () -> String
  ) throws(ConstraintFailure) {
    let constraint = SizeConstraint(lhs, relation, rhs)
    switch constraint.truth {
    case true?: return
    case false?: throw ConstraintFailure(label(), message())
    case nil:
      if !open.contains(where: { $0.constraint == constraint }) {
        open.append((constraint, ConstraintFailure(label(), message())))
      }
    }
  }

  /// Two shapes must be the same.
  package mutating func requireEqual(
    _ a: Shape, _ b: Shape, _ label: @autoclosure () -> String, _ message: @autoclosure () -> String
  ) throws(ConstraintFailure) {
    if a == b { return }
    guard a.rank == b.rank else { throw ConstraintFailure(label(), message()) }
    for (x, y) in zip(a, b) where x != y { try require(x, .equal, y, label(), message()) }
  }

  /// Types must be the same, one by one.
  package mutating func requireEqual(
    _ a: [TensorType], _ b: [TensorType], _ label: @autoclosure () -> String, _ message: @autoclosure () -> String
  ) throws(ConstraintFailure) {
    if a == b { return }
    guard a.map(\.dtype) == b.map(\.dtype) else { throw ConstraintFailure(label(), message()) }
    for (x, y) in zip(a, b) { try requireEqual(x.shape, y.shape, label(), message()) }
  }
}
