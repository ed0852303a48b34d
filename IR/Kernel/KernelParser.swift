/// Reads the text of a kernel, as `Kernel.description` writes it. The first mistake ends the reading.
struct KernelParser {
  private var reader: TokenReader
  private var kernel = Kernel(buffers: [], integerCount: 0, outer: [], stages: [], schedule: .serial)

  static func parse(_ text: String, file: String) throws(KilnError) -> Kernel {
    var reader = TokenReader(text, file: file)
    let kernel = try parse(&reader)
    try reader.expectEnd()
    return kernel
  }

  /// The kernel that begins at the current token.
  static func parse(_ reader: inout TokenReader) throws(KilnError) -> Kernel {
    var parser = KernelParser(reader: reader)
    try parser.parseKernel()
    reader = parser.reader
    return parser.kernel
  }

  private init(reader: TokenReader) { self.reader = reader }

  private mutating func parseKernel() throws(KilnError) {
    let start = reader.current
    try reader.expect(word: "kernel")
    try reader.expect("{")
    while reader.accept(word: "buffer") {
      try parseNumber(kernel.buffers.count)
      let isWritten = reader.accept(word: "written")
      kernel.buffers.append(Kernel.Buffer(try reader.dtype(), isWritten: isWritten))
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
    try reader.expect(word: "schedule")
    kernel.schedule = try parseSchedule()
    try reader.expect("}")
    let found = KernelVerifier.diagnostics(for: kernel)
    guard found.isEmpty else {
      throw KilnError(found.map { Diagnostic($0.label, $0.message, at: reader.location(of: start)) })
    }
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

  private mutating func parseStage() throws(KilnError) -> Kernel.Stage {
    var stage = Kernel.Stage(inner: try parseExtents(), body: [], effects: [])
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
      let attributes = AttributeReader(spelling, try reader.attributes())
      do throws(ConstraintFailure) {
        if let dtype {
          guard values.updateValue(BodyID(stage.body.count), forKey: first.text) == nil else {
            throw ConstraintFailure("parse.C3", "%\(first.text) is defined already")
          }
          stage.body.append(try .make(spelling, operands, dtype, attributes))
        } else {
          stage.effects.append(try .make(spelling, operands, attributes))
        }
      } catch { throw reader.failure(error, token) }
    }
    return stage
  }

  private mutating func parseSchedule() throws(KilnError) -> Schedule {
    let token = reader.current
    let spelling = try reader.expect(.word, "the name of a schedule")
    let attributes = AttributeReader(spelling, try reader.attributes())
    do throws(ConstraintFailure) { return try .make(spelling, attributes) } catch { throw reader.failure(error, token) }
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

// MARK: - Making

extension BodyInstruction {
  fileprivate static func make(
    _ spelling: String, _ operands: [BodyID], _ dtype: DType, _ reader: AttributeReader
  ) throws(ConstraintFailure) -> BodyInstruction {
    switch spelling {
    case "constant":
      guard case .number(let text) = try reader.required("value"), let scalar = Scalar(dtype, text: text) else {
        throw reader.malformed("value", "of type \(dtype)")
      }
      return .constant(scalar)
    case "index": return .index(try reader.affine("at"), dtype: dtype)
    case "load": return .load(buffer: try reader.integer("buffer"), try reader.affine("at"))
    case "gather":
      return .gather(
        buffer: try reader.integer("buffer"), try reader.affine("at"), try reader.dataIndices(operands[...]),
        bounds: try reader.word("bounds", IndexBounds.self))
    case "loadScratch": return .loadScratch(row: try reader.integer("row"))
    case "reduced": return .reduced(try reader.integer("number"))
    default:
      guard let primitive = Primitive(rawValue: spelling) else {
        throw ConstraintFailure("parse.C4", "there is no kernel instruction '\(spelling)'")
      }
      return .operation(primitive, operands: operands, dtype: dtype)
    }
  }
}

extension Effect {
  fileprivate static func make(
    _ spelling: String, _ operands: [BodyID], _ reader: AttributeReader
  ) throws(ConstraintFailure) -> Effect {
    switch spelling {
    case "store":
      try reader.requireOperandCount(1, operands)
      return .store(buffer: try reader.integer("buffer"), try reader.affine("at"), value: operands[0])
    case "storeScratch":
      try reader.requireOperandCount(1, operands)
      return .storeScratch(row: try reader.integer("row"), value: operands[0])
    case "reduce":
      try reader.requireOperandCount(1, operands)
      return .reduce(try reader.word("kind", ReductionKind.self), value: operands[0])
    case "argReduce":
      try reader.requireOperandCount(1, operands)
      return .argReduce(try reader.word("kind", ArgReductionKind.self), value: operands[0])
    case "dot":
      try reader.requireOperandCount(2, operands)
      return .dot(lhs: operands[0], rhs: operands[1])
    case "scatter":
      guard let value = operands.last else {
        throw ConstraintFailure("kernel.C1", "scatter takes indices and a value, found no operands")
      }
      return .scatter(
        buffer: try reader.integer("buffer"), try reader.affine("at"), try reader.dataIndices(operands.dropLast()),
        try reader.word("combiner", ScatterCombiner.self), bounds: try reader.word("bounds", IndexBounds.self),
        value: value)
    case "scanReduce":
      try reader.requireOperandCount(1, operands)
      return .scanReduce(
        try reader.word("kind", ReductionKind.self), value: operands[0], buffer: try reader.integer("buffer"),
        try reader.affine("at"))
    case "argSort":
      try reader.requireOperandCount(1, operands)
      return .argSort(key: operands[0], buffer: try reader.integer("buffer"), try reader.affine("at"))
    default: throw ConstraintFailure("parse.C4", "there is no kernel effect '\(spelling)'")
    }
  }
}

extension Schedule {
  fileprivate static func make(_ spelling: String, _ reader: AttributeReader) throws(ConstraintFailure) -> Schedule {
    switch spelling {
    case "serial": return .serial
    case "rows": return .rows
    case "splitRows": return .splitRows
    case "turned":
      return .turned(
        axis: try reader.integer("axis"), lanes: try reader.integer("lanes"), grain: try reader.integer("grain"))
    case "columns": return .columns(strip: try reader.integer("strip"))
    case "pointwise":
      return .pointwise(
        lanes: try reader.integer("lanes"), unroll: try reader.integer("unroll"), grain: try reader.integer("grain"),
        streaming: try reader.truth("streaming"))
    case "contraction":
      return .contraction(
        ContractionSchedule(
          batchAxes: try reader.integer("batchAxes"), rowAxes: try reader.integer("rowAxes"),
          tileRows: try reader.integer("tileRows"), tileColumns: try reader.integer("tileColumns"),
          packsRight: try reader.truth("packsRight"), streamsRight: try reader.truth("streamsRight"),
          packsLeft: try reader.truth("packsLeft")))
    default: throw ConstraintFailure("parse.C4", "there is no schedule '\(spelling)'")
    }
  }
}

extension AttributeReader {
  fileprivate func requireOperandCount(_ count: Int, _ operands: [BodyID]) throws(ConstraintFailure) {
    try require(
      operands.count == count, "kernel.C1", "\(spelling) takes \(count) operands, found \(operands.count)")
  }

  fileprivate func kernelIntegers(_ name: String) throws(ConstraintFailure) -> [KernelInteger] {
    try kernelIntegers(try required(name), name)
  }

  fileprivate func affine(_ name: String) throws(ConstraintFailure) -> AffineIndex {
    guard case .list(let parts) = try required(name), parts.count == 2 else {
      throw malformed(name, "[offset, [strides]]")
    }
    return AffineIndex(offset: try kernelInteger(parts[0], name), strides: try kernelIntegers(parts[1], name))
  }

  private func kernelIntegers(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> [KernelInteger] {
    guard case .list(let elements) = attribute else { throw malformed(name, "a list of integers") }
    var integers: [KernelInteger] = []
    for element in elements { integers.append(try kernelInteger(element, name)) }
    return integers
  }

  private func kernelInteger(_ attribute: Attribute, _ name: String) throws(ConstraintFailure) -> KernelInteger {
    switch attribute {
    case .number(let text):
      if let value = Int(text) { return .constant(value) }
    case .word(let text):
      if text.first == "n", let index = Int(text.dropFirst()), index >= 0 { return .argument(index) }
    case .symbol, .list: break
    }
    throw malformed(name, "integers, or launch integers like n0")
  }

  /// The indices that are data: a stride, an extent and a site for each of the operands.
  fileprivate func dataIndices(_ values: ArraySlice<BodyID>) throws(ConstraintFailure) -> [DataIndex] {
    let (strides, extents) = (try kernelIntegers("strides"), try kernelIntegers("extents"))
    let sites = try integers("sites")
    try require(
      strides.count == values.count && extents.count == values.count && sites.count == values.count, "kernel.C1",
      "\(spelling) has \(values.count) indices, found \(strides.count) strides, \(extents.count) extents and "
        + "\(sites.count) sites")
    guard sites.allSatisfy({ Int32(exactly: $0) != nil }) else { throw malformed("sites", "32-bit integers") }
    return values.indices.enumerated().map { number, index in
      DataIndex(values[index], stride: strides[number], extent: extents[number], site: sites[number])
    }
  }

  fileprivate func word<Word: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ type: Word.Type
  ) throws(ConstraintFailure) -> Word {
    guard let value = Word(rawValue: try word(name)) else {
      throw malformed(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return value
  }
}
