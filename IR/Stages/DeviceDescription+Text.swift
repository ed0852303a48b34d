extension DeviceDescription {
  /// As a plan's text says it: `"name" {kind = cpu, vectorBytes = 64, …}`. `workGroups` has the size of a group, the
  /// bytes of its memory and the work items that fill the device.
  var text: String {
    let dtypes = DType.allCases.filter(dtypes.contains).map { Attribute.word($0.description) }
    let attributes: KeyValuePairs<String, Attribute> = [
      "kind": .word(kind.rawValue), "vectorBytes": .integer(vectorBytes), "vectorRegisters": .integer(vectorRegisters),
      "threads": .integer(threads), "level2Bytes": .integer(level2Bytes), "maximumBuffers": .integer(maximumBuffers),
      "dtypes": .list(dtypes),
    ]
    let groups = workGroups.map { [$0.maximumWorkGroupSize, $0.localMemoryBytes, $0.fullWorkItems] }
    let words =
      attributes.map { "\($0.key) = \($0.value)" } + (groups.map { ["workGroups = \(Attribute.integers($0))"] } ?? [])
    return name.quoted + " {" + words.joined(separator: ", ") + "}"
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
      guard attributes["workGroups"] != nil else { return }
      let groups = try attributes.integers("workGroups")
      guard groups.count == 3, groups.allSatisfy({ $0 > 0 }) else {
        throw attributes.malformed("workGroups", "three positive integers")
      }
      workGroups = WorkGroupLimits(
        isProcessor: kind == .cpu, maximumWorkGroupSize: groups[0], localMemoryBytes: groups[1],
        fullWorkItems: groups[2])
    } catch { throw reader.failure(error, token) }
  }
}
