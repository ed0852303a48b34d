/// Which instructions become one kernel. Views, constants and other free instructions belong to no cluster: whoever reads
/// through them computes them in place.
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
      /// One `dot` with pointwise work on its result.
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

extension FusionPlan: CustomStringConvertible {
  /// Values have the names of the function's text.
  public var description: String {
    var lines = ["fusion @\(function.name) {"]
    for (number, cluster) in clusters.enumerated() {
      let members = cluster.members.map { member in
        let instruction = function.instructions[member]
        let results = instruction.results.map { function.name(of: $0) }.joined(separator: " ")
        let callees = instruction.op.callees.map { " @" + $0 }.joined()
        return (results.isEmpty ? "" : results + " = ") + instruction.op.spelling + callees
      }.joined(separator: ", ")
      let outputs = cluster.outputs.map { "\(function.name(of: $0)): \(function.valueTypes[$0])" }
        .joined(separator: ", ")
      let kind =
        if case .copy(let value) = cluster.kind { "copy of \(function.name(of: value))" } else { "\(cluster.kind)" }
      lines.append("  cluster \(number) \(kind) \(cluster.domain) {\(members)} -> \(outputs)")
    }
    return ([(lines + ["}"]).joined(separator: "\n")] + callees.map(\.description)).joined(separator: "\n\n")
  }
}

extension FusionPlan.Cluster.Kind: CustomStringConvertible {
  public var description: String {
    switch self {
    case .pointwise: "pointwise"
    case .reduction(let axes): "reduction\(axes)"
    case .contraction: "contraction"
    case .scatter: "scatter"
    case .line(let axis): "line[\(axis)]"
    case .assembly: "assembly"
    case .control: "control"
    case .copy: "copy"
    }
  }
}
