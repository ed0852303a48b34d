import KilnIR

/// The subscripts of `einsum`: the labels of every operand and of the result. Axes under `...` get labels of their own,
/// which no letter is.
struct EinsumSubscripts {
  /// A letter by its ASCII code, or an axis under `...` as the negative distance from the last of them.
  typealias Label = Int

  var operands: [[Label]]
  var result: [Label]
  /// The extent of every label.
  var extents: [Label: Dimension]

  /// Reads `text` (`"bij,bjk->bik"`, `"...ij,jk"`; blanks are ignored) for operands of these types.
  ///
  /// - Throws: `einsum.C1` a character that means nothing, `.C2` another number of operands, `.C3` labels that do not
  ///   fit the axes of an operand, `.C4` two extents for one label, `.C5` a result with a label that no operand has, or
  ///   twice.
  init(_ text: String, _ types: [TensorType]) throws(ConstraintFailure) {
    let (inputs, output) = try Self.split(text)
    guard inputs.count == types.count else {
      throw ConstraintFailure(
        "einsum.C2", "einsum \"\(text)\" names \(inputs.count) operands, found \(types.count) tensors")
    }
    operands = []
    extents = [:]
    for (term, type) in zip(inputs, types) {
      let labels = try Self.labels(term, rank: type.rank, "operand \(type) of einsum \"\(text)\"")
      for (label, extent) in zip(labels, type.shape) {
        if let known = extents[label], Dimension.equality(known, extent) == false {
          throw ConstraintFailure(
            "einsum.C4",
            "einsum \"\(text)\": \(Self.name(label)) has the extents \(known) and \(extent); a label has one extent")
        }
        extents[label] = extents[label] ?? extent
      }
      operands.append(labels)
    }
    let hidden = extents.keys.filter { $0 < 0 }.sorted()
    if let output {
      result = try Self.labels(output, rank: nil, "result of einsum \"\(text)\"", hidden)
      for (place, label) in result.enumerated() where extents[label] == nil || result[..<place].contains(label) {
        let why = extents[label] == nil ? "no operand has it" : "it stands there twice"
        throw ConstraintFailure("einsum.C5", "einsum \"\(text)\": the result names \(Self.name(label)), but \(why)")
      }
    } else {
      // As in NumPy: the labels that occur once, in alphabetical order, after the axes under `...`.
      let all = operands.flatMap { $0 }
      result = hidden + extents.keys.filter { label in label >= 0 && all.count { $0 == label } == 1 }.sorted()
    }
  }

  private static func name(_ label: Label) -> String {
    label < 0 ? "an axis of ..." : "the label \(Character(UnicodeScalar(UInt8(clamping: label))))"
  }

  /// The terms before the arrow, and the one after it.
  private static func split(_ text: String) throws(ConstraintFailure) -> (inputs: [[UInt8]], output: [UInt8]?) {
    var inputs: [[UInt8]] = [[]]
    var output: [UInt8]?
    var bytes = text.utf8.filter { $0 != UInt8(ascii: " ") }[...]
    while let byte = bytes.popFirst() {
      if byte == UInt8(ascii: "-"), bytes.first == UInt8(ascii: ">"), output == nil {
        bytes.removeFirst()
        output = []
      } else if byte == UInt8(ascii: ","), output == nil {
        inputs.append([])
      } else if isLetter(byte) || byte == UInt8(ascii: ".") {
        if output != nil { output?.append(byte) } else { inputs[inputs.count - 1].append(byte) }
      } else {
        let found = Character(UnicodeScalar(byte))
        throw ConstraintFailure(
          "einsum.C1", "einsum subscripts are letters, commas, `...` and one `->`, found \"\(found)\" in \"\(text)\"")
      }
    }
    return (inputs, output)
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  /// The labels of a term. `...` takes the axes of `rank` that the letters leave, in a result all of `hidden`.
  private static func labels(
    _ term: [UInt8], rank: Int?, _ what: String, _ hidden: [Label] = []
  ) throws(ConstraintFailure) -> [Label] {
    let dots = term.indices.filter { term[$0] == UInt8(ascii: ".") }
    let isWhole = dots.count == 3 && dots[2] == dots[0] + 2
    guard dots.isEmpty || isWhole else {
      throw ConstraintFailure("einsum.C1", "the \(what) has dots other than one `...`")
    }
    let letters = term.count - dots.count
    if let rank, isWhole ? letters > rank : letters != rank {
      throw ConstraintFailure(
        "einsum.C3", "the \(what) has \(letters) labels\(isWhole ? " beside `...`" : "") for \(rank) axes")
    }
    var labels: [Label] = []
    for (place, byte) in term.enumerated() {
      if byte != UInt8(ascii: ".") {
        labels.append(Label(byte))
      } else if place == dots[0] {
        labels += rank.map { Array(-($0 - letters)..<0) } ?? hidden
      }
    }
    return labels
  }
}
