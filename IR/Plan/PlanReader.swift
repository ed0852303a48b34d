/// Reads the text of a plan, as `ExecutionPlan.description` writes it. The first mistake ends the reading.
///
/// Labels: those of `TokenReader`, `KernelParser`, `MemoryPlan` and `PlanVerifier`, and `plan.version` for a plan of
/// another version of the numerics contract, whose bits this Kiln does not compute.
struct PlanReader {
  /// Lowering nests no deeper (`lower.C2`).
  private static let maximumDepth = 256

  private var reader: TokenReader
  private var plan: ExecutionPlan

  static func read(_ text: String, file: String) throws(KilnError) -> ExecutionPlan {
    let reader = TokenReader(text, file: file)
    let start = reader.location(of: reader.current)
    var parser = try PlanReader(reader)
    try parser.readPlan()
    let found = PlanVerifier.diagnostics(for: parser.plan)
    guard found.isEmpty else { throw KilnError(found.map { Diagnostic($0.label, $0.message, at: start) }) }
    return parser.plan
  }

  /// Reads the head, up to the device.
  private init(_ reader: TokenReader) throws(KilnError) {
    var reader = reader
    try reader.expect(word: "plan")
    let name = try reader.name(.symbol, "the name of the function, like @main")
    try reader.expect("{")
    try reader.expect(word: "numerics")
    let token = reader.current
    let version = try reader.integer("a version")
    guard version == NumericsVersion.current else {
      throw reader.failure(
        ConstraintFailure(
          "plan.version",
          "the plan is of version \(version) of the numerics contract, this Kiln computes version "
            + "\(NumericsVersion.current); lower the program again"), token)
    }
    try reader.expect(word: "device")
    plan = ExecutionPlan(
      name: name, device: try DeviceDescription(&reader), parameters: [], results: [], constants: [], kernels: [],
      slots: [], steps: [], memory: .empty, donations: [])
    self.reader = reader
  }

  private mutating func readPlan() throws(KilnError) {
    while reader.accept(word: "parameter") { try readParameter() }
    while reader.accept(word: "constant") { try readConstant() }
    while reader.accept(word: "slot") { try readSlot() }
    while reader.current.kind == .number { try readStep(depth: 0) }
    while reader.accept(word: "chain") { try readChain() }
    while reader.accept(word: "donation") { try readDonation() }
    while reader.accept(word: "result") {
      try reader.number(plan.results.count)
      let type = try reader.staticType()
      try reader.expect("=")
      plan.results.append(ExecutionPlan.Result(type, try readSource()))
    }
    try reader.expect("}")
    if reader.isAt(word: "memory") { plan.memory = try MemoryPlan(&reader) }
    while reader.accept(word: "k\(plan.kernels.count)") {
      try reader.expect(":")
      plan.kernels.append(try KernelParser.parse(&reader))
    }
    try reader.expectEnd()
  }
}

extension ExecutionPlan {
  /// Reads a plan from its text and verifies it: what comes back can run.
  /// - Parameter file: the name that diagnostics give the text.
  /// - Throws: the first mistake in the text, with its file, line and column, or what `PlanVerifier` finds, at the
  ///   beginning of the plan; `plan.version` for a plan of another version of the numerics contract. No text crashes
  ///   the reader.
  public init(parsing text: String, file: String) throws(KilnError) { self = try PlanReader.read(text, file: file) }

  /// Whether `text` begins as a plan does, and not as a module.
  public static func begins(_ text: String) -> Bool { TokenReader(text, file: "").isAt(word: "plan") }
}

// MARK: - Buffers

extension PlanReader {
  private mutating func readParameter() throws(KilnError) {
    try reader.number(plan.parameters.count)
    let isHidden = reader.accept(word: "hidden")
    let name = try reader.name(.value, "a parameter, like %x: f32[2]")
    try reader.expect(":")
    plan.parameters.append(Function.Parameter(name, try reader.staticType(), isHidden: isHidden))
  }

  private mutating func readConstant() throws(KilnError) {
    try reader.number(plan.constants.count)
    let type = try reader.staticType()
    try reader.expect("=")
    let token = reader.current
    let value = AttributeReader("constant", [NamedAttribute("value", try reader.attribute())])
    do throws(ConstraintFailure) {
      if case .constant(let literal) = try SourceOp.make("constant", value, [type]) { plan.constants.append(literal) }
    } catch { throw reader.failure(error, token) }
  }

  private mutating func readSlot() throws(KilnError) {
    try reader.number(plan.slots.count)
    let type = try reader.staticType()
    try reader.expect("=")
    let place: ExecutionPlan.Slot.Place
    let token = reader.current
    switch try reader.expect(.word, "the place of a slot") {
    case "parameter": place = .parameter(try reader.integer("a parameter"))
    case "result": place = .result(try reader.integer("a result"))
    case "constant": place = .constant(try reader.integer("a constant"))
    case "arena":
      try reader.expect(symbols: "+")
      place = .arena(try reader.integer("an offset in the arena"))
    case "block":
      try reader.expect(symbols: "+")
      place = .block(try reader.integer("an offset in a block"))
    case "element":
      try reader.expect(words: "of", "slot")
      let slot = try reader.integer("a slot")
      try reader.expect(words: "by", "step")
      place = .element(of: slot, step: try reader.integer("a step"))
    default:
      throw reader.failure(
        "parse.C1", "expected parameter, result, constant, arena, block or element, found \(token.named)", token)
    }
    plan.slots.append(ExecutionPlan.Slot(type, place, name: reader.comment))
  }

  private mutating func readSource() throws(KilnError) -> ExecutionPlan.Result.Source {
    let token = reader.current
    switch try reader.expect(.word, "where the result comes from") {
    case "written": return .written
    case "parameter": return .parameter(try reader.integer("a parameter"))
    case "result": return .result(try reader.integer("a result"))
    default: throw reader.failure("parse.C1", "expected written, parameter or result, found \(token.named)", token)
    }
  }

  private mutating func readChain() throws(KilnError) {
    try reader.expect(word: "steps")
    let token = reader.current
    let first = try reader.integer("the first step")
    try reader.expect(symbols: "...")
    let last = try reader.integer("the last step")
    guard first >= 0, first <= last, last < plan.steps.count else {
      throw reader.failure("parse.C1", "expected steps of the plan that ascend", token)
    }
    try reader.expect(":")
    let batches = try reader.integer("how many batches")
    try reader.expect(words: "batches", "of")
    let rows = try reader.integer("how many rows")
    try reader.expect(word: "rows")
    try reader.expect(",")
    let rowsAtOnce = try reader.integer("how many rows")
    try reader.expect(words: "at", "once")
    plan.chains.append(LaunchChain(steps: first..<last + 1, batches: batches, rows: rows, rowsAtOnce: rowsAtOnce))
  }

  private mutating func readDonation() throws(KilnError) {
    try reader.expect(word: "parameter")
    let parameter = try reader.integer("a parameter")
    try reader.expect("->")
    try reader.expect(word: "result")
    let donation = ExecutionPlan.Donation(parameter: parameter, result: try reader.integer("a result"))
    if reader.accept(word: "refused") {
      plan.refusedDonations.append(donation)
    } else {
      plan.donations.append(donation)
    }
  }
}

// MARK: - Steps

extension PlanReader {
  private mutating func readStep(depth: Int) throws(KilnError) {
    let token = reader.current
    guard depth <= Self.maximumDepth else {
      throw reader.failure("parse.C7", "regions are nested at most \(Self.maximumDepth) deep", token)
    }
    let number = plan.steps.count
    try reader.number(number)
    let kind = reader.current
    switch try reader.expect(.word, "launch, loop, branch or repeat") {
    case "launch": plan.steps.append(.launch(try readLaunch()))
    case "loop":
      try reader.expect(words: "while", "slot")
      let predicate = try reader.integer("a slot")
      // Holds the number; its regions follow.
      plan.steps.append(.branch([], selector: predicate))
      try reader.expect("{")
      try reader.expect(word: "condition")
      let condition = try readRegion(depth: depth)
      try reader.expect(word: "body")
      plan.steps[number] = .loop(condition: condition, body: try readRegion(depth: depth), predicate: predicate)
      try reader.expect("}")
    case "branch":
      try reader.expect(words: "on", "slot")
      let selector = try reader.integer("a slot")
      plan.steps.append(.branch([], selector: selector))
      try reader.expect("{")
      var regions: [Range<Int>] = []
      while reader.accept(word: "region") {
        let token = reader.current
        guard try reader.integer("a number") == regions.count else {
          throw reader.failure("parse.C1", "expected number \(regions.count), found \(token.text)", token)
        }
        regions.append(try readRegion(depth: depth))
      }
      plan.steps[number] = .branch(regions, selector: selector)
      try reader.expect("}")
    case "repeat":
      let count = try reader.integer("how many times")
      try reader.expect(word: "times")
      let isReversed = reader.accept(",")
      if isReversed { try reader.expect(words: "the", "last", "part", "first") }
      plan.steps.append(.branch([], selector: 0))
      plan.steps[number] = .repeat(count: count, isReversed: isReversed, body: try readRegion(depth: depth))
    default:
      throw reader.failure("parse.C1", "expected launch, loop, branch or repeat, found \(kind.named)", kind)
    }
  }

  /// `{ steps }`
  private mutating func readRegion(depth: Int) throws(KilnError) -> Range<Int> {
    let first = plan.steps.count
    try reader.expect("{")
    while !reader.accept("}") { try readStep(depth: depth + 1) }
    return first..<plan.steps.count
  }

  private mutating func readLaunch() throws(KilnError) -> ExecutionPlan.Launch {
    let token = reader.current
    let kernel = try reader.expect(.word, "a kernel, like k0")
    guard kernel.first == "k", let number = Int(kernel.dropFirst()) else {
      throw reader.failure("parse.C1", "expected a kernel, like k0, found \(token.named)", token)
    }
    try reader.expect(word: "slots")
    let slots = try reader.integers("a slot")
    try reader.expect(word: "integers")
    var launch = ExecutionPlan.Launch(
      kernel: number, slots: slots, integers: try reader.integers("a launch integer"), workspace: nil, sites: [],
      label: "")
    if reader.accept(word: "workspace") { launch.workspace = try reader.integer("an offset in the arena") }
    if reader.accept(word: "by") {
      try reader.expect(word: "library")
      launch.usesLibrary = true
    }
    launch.label = reader.comment
    while reader.accept(word: "site") {
      try reader.number(launch.sites.count + 1)
      launch.sites.append(try readSite())
    }
    return launch
  }

  private mutating func readSite() throws(KilnError) -> ExecutionPlan.Site {
    let spelling = try reader.expect(.word, "the name of an op")
    try reader.expect(word: "axis")
    let axis = try reader.integer("an axis")
    try reader.expect(word: "of")
    let extent = try reader.integer("an extent")
    var location = SourceLocation.unknown
    if reader.accept(word: "at") {
      let file = try reader.expect(.string, "the name of a file")
      try reader.expect(":")
      let line = try reader.integer("a line")
      location = .position(file: file, line: line, column: reader.accept(":") ? try reader.integer("a column") : 0)
    }
    return ExecutionPlan.Site(spelling: spelling, axis: axis, extent: extent, location: location)
  }
}
