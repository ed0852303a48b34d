/// Reads the text of a kernel, as `Kernel.description` writes it. The first mistake ends the reading.
struct KernelParser {
  private var reader: TokenReader
  private var kernel = KernelDefinition(buffers: [], integerCount: 0, outer: [], stages: [])

  static func parse(_ text: String, file: String) throws(KilnError) -> Kernel {
    var reader = TokenReader(text, file: file)
    let kernel = try parse(&reader)
    try reader.expectEnd()
    return kernel
  }

  /// The kernel that begins at the current token.
  static func parse(_ reader: inout TokenReader) throws(KilnError) -> Kernel {
    var parser = KernelParser(reader: reader)
    let kernel = try parser.parseKernel()
    reader = parser.reader
    return kernel
  }

  private init(reader: TokenReader) { self.reader = reader }

  private mutating func parseKernel() throws(KilnError) -> Kernel {
    let start = reader.current
    try reader.expect(word: "kernel")
    try reader.expect("{")
    while reader.accept(word: "buffer") {
      try parseNumber(kernel.buffers.count)
      let isWritten = reader.accept(word: "written")
      kernel.buffers.append(KernelDefinition.Buffer(try reader.dtype(), isWritten: isWritten))
    }
    while reader.accept(word: "scratch") {
      try parseNumber(kernel.scratchRows.count)
      kernel.scratchRows.append(try reader.dtype())
    }
    try reader.expect(word: "integers")
    kernel.integerCount = try reader.integer("the number of launch integers")
    try reader.expect(word: "outer")
    kernel.outer = try parseExtents()
    while reader.accept(word: "stage") { kernel.stages.append(try parseStage()) }
    if reader.accept(word: "contraction") { kernel.contraction = try parseRoles() }
    try reader.expect(word: "schedule")
    let result = Kernel(kernel, try parseSchedule())
    try reader.expect("}")
    let found = KernelVerifier.diagnostics(for: result)
    guard found.isEmpty else {
      throw KilnError(found.map { Diagnostic($0.label, $0.message, at: reader.location(of: start)) })
    }
    return result
  }

  private mutating func parseNumber(_ expected: Int) throws(KilnError) {
    let token = reader.current
    guard try reader.integer("a number") == expected else {
      throw reader.failure("parse.C1", "expected number \(expected), found \(token.text)", token)
    }
    try reader.expect(":")
  }

  private mutating func parseExtents() throws(KilnError) -> [KernelInteger] {
    let token = reader.current
    let attribute = NamedAttribute("extents", try reader.attribute())
    do throws(ConstraintFailure) {
      return try AttributeReader("kernel", [attribute]).kernelIntegers("extents")
    } catch { throw reader.failure(error, token) }
  }

  private mutating func parseStage() throws(KilnError) -> KernelDefinition.Stage {
    var stage = KernelDefinition.Stage(inner: try parseExtents(), body: [], effects: [])
    var values: [String: BodyID] = [:]
    try reader.expect("{")
    while !reader.accept("}") {
      let first = reader.current
      var dtype: DType?
      if first.kind == .value {
        try reader.expect(.value, "a value")
        try reader.expect(":")
        dtype = try reader.dtype()
        try reader.expect("=")
      }
      let token = reader.current
      let spelling = try reader.expect(.word, "the name of a kernel instruction")
      try reader.expect("(")
      let operands = try reader.list(until: ")") { reader throws(KilnError) in
        let token = reader.current
        guard let value = values[try reader.expect(.value, "a value, like %0")] else {
          throw reader.failure("parse.C2", "\(token.named) is not defined above this line", token)
        }
        return value
      }
      let phrase = KernelPhraseReader(
        spelling: spelling, operands: operands, attributes: AttributeReader(spelling, try reader.attributes()))
      do throws(ConstraintFailure) {
        if let dtype {
          guard values.updateValue(BodyID(stage.body.count), forKey: first.text) == nil else {
            throw ConstraintFailure("parse.C3", "%\(first.text) is defined already")
          }
          stage.body.append(try BodyInstruction(phrase, dtype))
        } else {
          stage.effects.append(try Effect(phrase))
        }
      } catch { throw reader.failure(error, token) }
    }
    return stage
  }

  private mutating func parseRoles() throws(KilnError) -> ContractionRoles {
    let token = reader.current
    let attributes = AttributeReader("contraction", try reader.attributes())
    do throws(ConstraintFailure) {
      return ContractionRoles(
        batchAxes: try attributes.integer("batchAxes"), rowAxes: try attributes.integer("rowAxes"))
    } catch { throw reader.failure(error, token) }
  }

  private mutating func parseSchedule() throws(KilnError) -> Schedule {
    guard reader.accept(word: "openCL") else {
      return .cpu(
        try parseNamed("schedule") { spelling, attributes throws(ConstraintFailure) in
          try CPUSchedule(spelling, attributes)
        })
    }
    func parseMapping() throws(KilnError) -> WorkMapping {
      try parseNamed("work mapping") { spelling, attributes throws(ConstraintFailure) in
        try WorkMapping(spelling, attributes)
      }
    }
    var schedule = OpenCLSchedule(try parseMapping())
    while reader.accept(word: "or") { schedule.alternatives.append(try parseMapping()) }
    return .openCL(schedule)
  }

  private mutating func parseNamed<Value>(
    _ kind: String, _ make: (String, AttributeReader) throws(ConstraintFailure) -> Value?
  ) throws(KilnError) -> Value {
    let token = reader.current
    let spelling = try reader.expect(.word, "the name of a \(kind)")
    let attributes = AttributeReader(spelling, try reader.attributes())
    do throws(ConstraintFailure) {
      guard let value = try make(spelling, attributes) else {
        throw ConstraintFailure("parse.C4", "there is no \(kind) '\(spelling)'")
      }
      return value
    } catch { throw reader.failure(error, token) }
  }
}

extension Kernel {
  /// Reads a kernel from its text and verifies its form.
  /// - Parameter file: the name that diagnostics give the text.
  /// - Throws: the first mistake, with its file, line and column. No text crashes the reader.
  public init(parsing text: String, file: String) throws(KilnError) {
    self = try KernelParser.parse(text, file: file)
  }
}
