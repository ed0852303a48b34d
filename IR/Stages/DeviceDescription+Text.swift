extension DeviceDescription {
  /// As a plan's text says it: `"name" {kind = cpu, vectorBytes = 64, …}`.
  var text: String {
    let dtypes = DType.allCases.filter(dtypes.contains).map { Attribute.word($0.description) }
    let attributes: KeyValuePairs<String, Attribute> = [
      "kind": .word(kind.rawValue), "vectorBytes": .integer(vectorBytes), "vectorRegisters": .integer(vectorRegisters),
      "threads": .integer(threads), "level2Bytes": .integer(level2Bytes), "maximumBuffers": .integer(maximumBuffers),
      "dtypes": .list(dtypes),
    ]
    return name.quoted + " {" + attributes.map { "\($0.key) = \($0.value)" }.joined(separator: ", ") + "}"
  }

  init(_ reader: inout TokenReader) throws(KilnError) {
    let name = try reader.expect(.string, "the name of a device, like \"cpu\"")
    let token = reader.current
    let attributes = AttributeReader("device", try reader.attributes())
    do throws(ConstraintFailure) {
      guard let kind = Kind(rawValue: try attributes.word("kind")) else {
        throw attributes.malformed("kind", "cpu or gpu")
      }
      guard case .list(let words) = try attributes.required("dtypes") else {
        throw attributes.malformed("dtypes", "a list of dtypes")
      }
      let dtypes = words.compactMap { DType(spelling: $0.description) }
      guard dtypes.count == words.count else { throw attributes.malformed("dtypes", "a list of dtypes") }
      self.init(
        name: name, kind: kind, vectorBytes: try attributes.integer("vectorBytes"),
        vectorRegisters: try attributes.integer("vectorRegisters"), threads: try attributes.integer("threads"),
        level2Bytes: try attributes.integer("level2Bytes"), maximumBuffers: try attributes.integer("maximumBuffers"),
        dtypes: Set(dtypes))
    } catch { throw reader.failure(error, token) }
  }
}
