/// The text form of fusion plans: a block for the function, and one for each function that control ops run.
///
///     fusion @main {
///       cluster 0 pointwise [4,6] {%0 = fma, %1 = less} -> %1: bool[4,6]
///       cluster 1 reduction[1] [4,6] {%2 = exp, %3 = reduce} -> %3: f32[4]
///       cluster 2 control [] {%4 %5 = scan @body} -> %4: f32[], %5: f32[8]
///     }
///
/// It is read beside the text of the module, whose names values and functions have.
extension FusionPlan: CustomStringConvertible {
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

extension FusionPlan {
  /// Reads the grouping of functions of `module` from its text, as `description` writes it, and verifies it. The first
  /// function is the one that is grouped, the others are its callees.
  /// - Parameter file: the name that diagnostics give the text.
  /// - Throws: the first mistake, with its file, line and column. No text crashes the reader.
  public init(parsing text: String, file: String, in module: Module) throws(KilnError) {
    var reader = TokenReader(text, file: file)
    let start = reader.current
    self = try FusionReader.read(&reader, in: module)
    while reader.current.kind != .end { callees.append(try FusionReader.read(&reader, in: module)) }
    do throws(ConstraintFailure) { try verify() } catch { throw reader.failure(error, start) }
  }
}

/// Reads one `fusion @name {…}`.
private struct FusionReader {
  let function: Function
  let values: [String: ValueID]
  let definitions: EntityTable<ValueID, InstructionID?>

  init(_ function: Function) {
    self.function = function
    values = Dictionary(uniqueKeysWithValues: function.valueTypes.ids.map { (function.name(of: $0), $0) })
    definitions = function.definitions()
  }

  static func read(_ reader: inout TokenReader, in module: Module) throws(KilnError) -> FusionPlan {
    try reader.expect(word: "fusion")
    let token = reader.current
    guard let function = module[try reader.expect(.symbol, "the name of a function, like @main")] else {
      throw reader.failure("fusion.C1", "the module has no function \(token.named)", token)
    }
    guard !function.isSymbolic else {
      throw reader.failure("fusion.C1", "\(token.named) has sizes that calls bring; bind them first", token)
    }
    let group = FusionReader(function)
    var plan = FusionPlan(function: function, clusters: [])
    try reader.expect("{")
    while reader.accept(word: "cluster") {
      let token = reader.current
      guard try reader.integer("a number") == plan.clusters.count else {
        throw reader.failure("parse.C1", "expected number \(plan.clusters.count), found \(token.text)", token)
      }
      plan.clusters.append(try group.readCluster(&reader))
    }
    try reader.expect("}")
    return plan
  }

  private func readCluster(_ reader: inout TokenReader) throws(KilnError) -> FusionPlan.Cluster {
    let kind = try readKind(&reader)
    try reader.expect("[")
    let domain = try reader.list(until: "]") { reader throws(KilnError) in try reader.integer("an extent") }
    try reader.expect("{")
    let members = try reader.list(until: "}") { reader throws(KilnError) in try readMember(&reader) }
    try reader.expect("->")
    let outputs = try reader.list(until: nil) { reader throws(KilnError) in
      let value = try readValue(&reader)
      try reader.expect(":")
      let token = reader.current
      let type = function.valueTypes[value]
      guard try reader.type() == type else {
        throw reader.failure("fusion.C1", "\(function.name(of: value)) of @\(function.name) is \(type)", token)
      }
      return value
    }
    return FusionPlan.Cluster(kind: kind, domain: Shape(domain), members: members, outputs: outputs)
  }

  private func readKind(_ reader: inout TokenReader) throws(KilnError) -> FusionPlan.Cluster.Kind {
    let token = reader.current
    switch try reader.expect(.word, "the kind of a cluster") {
    case "pointwise": return .pointwise
    case "reduction": return .reduction(axes: try reader.integers("an axis"))
    case "contraction": return .contraction
    case "scatter": return .scatter
    case "line":
      try reader.expect("[")
      let axis = try reader.integer("an axis")
      try reader.expect("]")
      return .line(axis: axis)
    case "assembly": return .assembly
    case "control": return .control
    case "copy":
      try reader.expect(word: "of")
      return .copy(try readValue(&reader))
    default: throw reader.failure("parse.C1", "expected the kind of a cluster, found \(token.named)", token)
    }
  }

  /// `%0 %1 = scan @body`: an instruction with its results and what it runs.
  private func readMember(_ reader: inout TokenReader) throws(KilnError) -> InstructionID {
    let token = reader.current
    var results: [ValueID] = []
    repeat { results.append(try readValue(&reader)) } while !reader.accept("=")
    let spelling = try reader.expect(.word, "the name of an op")
    var callees: [String] = []
    while reader.current.kind == .symbol { callees.append(try reader.expect(.symbol, "the name of a function")) }
    guard let id = definitions[results[0]], results == Array(function.instructions[id].results),
      function.instructions[id].op.spelling == spelling, function.instructions[id].op.callees == callees
    else {
      throw reader.failure("fusion.C1", "@\(function.name) has no such instruction that defines \(token.named)", token)
    }
    return id
  }

  private func readValue(_ reader: inout TokenReader) throws(KilnError) -> ValueID {
    let token = reader.current
    guard let value = values["%" + (try reader.expect(.value, "a value, like %0"))] else {
      throw reader.failure("parse.C2", "@\(function.name) has no value \(token.named)", token)
    }
    return value
  }
}
