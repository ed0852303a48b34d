/// Functions that call each other by name. A function calls only functions that stand before it, so there is no
/// recursion.
public struct Module: Sendable {
  public private(set) var functions: [Function]
  private var indexByName: [String: Int]

  public init() {
    functions = []
    indexByName = [:]
  }

  /// - Throws: `module.C1` when two functions have one name.
  public init(_ functions: [Function]) throws(ConstraintFailure) {
    self.init()
    for function in functions { try append(function) }
  }

  public subscript(name: String) -> Function? { indexByName[name].map { functions[$0] } }

  public mutating func append(_ function: Function) throws(ConstraintFailure) {
    try require(indexByName[function.name] == nil, "module.C1", "a function named @\(function.name) exists already")
    indexByName[function.name] = functions.count
    functions.append(function)
  }

  /// A name like `base` that no function has yet and that is not `reserved`.
  public func unusedName(_ base: String, avoiding reserved: [String] = []) -> String {
    func isTaken(_ name: String) -> Bool { indexByName[name] != nil || reserved.contains(name) }
    if !isTaken(base) { return base }
    var suffix = 1
    while isTaken("\(base)_\(suffix)") { suffix += 1 }
    return "\(base)_\(suffix)"
  }

  /// `entry` and the functions that it runs, those first.
  package func functions(reachedFrom entry: String) -> [Function] {
    var needed: Set<String> = [entry]
    var found: [Function] = []
    for function in functions.reversed() where needed.contains(function.name) {
      found.append(function)
      for instruction in function.instructions.elements { needed.formUnion(instruction.op.callees) }
    }
    return found.reversed()
  }

  /// The module of `entry` and the functions that it runs. What others require of sizes with the same names is no
  /// matter of theirs.
  package func reduced(to entry: String) -> Module {
    let reached = functions(reachedFrom: entry)
    var result = Module()
    result.functions = reached
    result.indexByName = Dictionary(uniqueKeysWithValues: reached.enumerated().map { ($1.name, $0) })
    return result
  }
}

extension Module: Hashable {
  public static func == (a: Module, b: Module) -> Bool { a.functions == b.functions }
  public func hash(into hasher: inout Hasher) { hasher.combine(functions) }
}
