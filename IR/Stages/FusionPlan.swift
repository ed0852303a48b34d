/// Which instructions become one kernel. Views, constants and other free instructions belong to no cluster: whoever
/// reads through them computes them in place.
public struct FusionPlan: Hashable, Sendable {
  public let function: Function
  /// In an order in which they can run.
  public var clusters: [Cluster]
  /// The groups of the functions that control ops run, each function once.
  public var callees: [FusionPlan]

  public init(function: Function, clusters: [Cluster], callees: [FusionPlan] = []) {
    self.function = function
    self.clusters = clusters
    self.callees = callees
  }

  public struct Cluster: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      /// Every member at every point of the domain.
      case pointwise
      /// Reductions over `axes` of the domain in traversal order, with what stands before and after them.
      case reduction(axes: [Int])
      /// One `dot` with pointwise work on its result, after conversions of its operands.
      case contraction
      case scatter
      /// One instruction that makes lines along `axis` out of lines.
      case line(axis: Int)
      /// `pad` and `concatenate`: the result is put together from pieces.
      case assembly
      /// One `cond`, `while` or `scan`; the functions that it runs are grouped on their own.
      case control
      /// A view, a constant or a parameter written out because somebody needs it as a contiguous buffer.
      case copy(ValueID)
    }

    public var kind: Kind
    public var domain: Shape
    /// Ascending.
    public var members: [InstructionID]
    /// The values that get a buffer.
    public var outputs: [ValueID]

    public init(kind: Kind, domain: Shape, members: [InstructionID], outputs: [ValueID]) {
      self.kind = kind
      self.domain = domain
      self.members = members
      self.outputs = outputs
    }
  }
}
