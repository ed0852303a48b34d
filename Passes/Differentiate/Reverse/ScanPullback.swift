import KilnIR

/// A scan in the forward part of a derivative, with the values that it saves for its pullback.
struct SavedScan {
  let pullback: ScanPullback
  /// The saved values of all turns, stacked.
  let saved: [ValueID]
}

/// The derivative of a scan: a scan in the other direction.
///
/// The body and its pullback are built as one function. What depends on no cotangent runs in the forward scan; of it,
/// the values that the rest reads are saved as further ys, unless they are elements of the xs or captured values, or
/// are made of such, or of what is saved anyway, at no cost to speak of (`ResidualChoice`). The rest is the body of the
/// backward scan, which carries the cotangents of the carried values, and the sums of those of the captured ones. The
/// sums start at zero.
struct ScanPullback {
  /// The scan that also gives the saved values.
  let forward: ControlOp.Scan
  private let scan: ControlOp.Scan
  /// Results of the body by number: those that have a cotangent in some turn.
  private let seeds: [Int]
  /// Parameters of the body that have a gradient, by segment.
  private let carried: [Int]
  private let elements: [Int]
  private let captured: [Int]
  /// Parameters of the body that the backward body reads again, by segment.
  private let elementsRead: [Int]
  private let capturedRead: [Int]
  private let body: String
  private let length: Dimension

  /// Adds the bodies of both scans to the module of `rewriter`.
  /// - Parameters:
  ///   - operands: which operands of the scan are active.
  ///   - results: which of its results may get a cotangent.
  init(
    _ scan: ControlOp.Scan, operands: [Bool], results: [Bool], _ activity: Activity, _ rewriter: inout Rewriter
  ) throws(KilnError) {
    self.scan = scan
    length = scan.length
    let function = try rewriter.body(scan.body)
    let isActive = try activity.stable(scan.body, operands, carried: scan.carried)
    let active = isActive.indices.filter { isActive[$0] && function.parameters[$0].type.dtype.isReal }
    let activeResults = try activity.results(of: scan.body, isActive)
    // A cotangent of a carried value goes round the loop, whether or not one comes from behind it.
    let seeds = results.indices.filter { $0 < scan.carried ? isActive[$0] : activeResults[$0] && results[$0] }
    self.seeds = seeds

    var walk = try ReverseWalk(function, as: "joint", active: active, seeds: seeds, in: rewriter.module)
    try walk.seedWithParameters(results: seeds)
    let gradients = try walk.partialGradients(active)
    let firstElement = scan.carried
    let firstCaptured = function.parameters.count - scan.captured
    carried = active.filter { $0 < firstElement }
    // Of the rest only what the cotangents reach.
    let reached = zip(active, gradients).filter { $1 != nil }.map(\.0)
    elements = reached.filter { $0 >= firstElement && $0 < firstCaptured }
    captured = reached.filter { $0 >= firstCaptured }
    var wanted: [ValueID] = []
    for (index, gradient) in zip(active, gradients) where index < firstElement || gradient != nil {
      wanted.append(try walk.orZero(gradient, index))
    }
    let primal = walk.results
    let joint = walk.rewriter.finish(primal + wanted)
    // `finish` has moved the cotangents to the other parameters, so values are found again by their place.
    let jointPrimal = Array(joint.results.prefix(primal.count))
    let jointWanted = Array(joint.results.dropFirst(primal.count))
    rewriter.extendModule(to: walk.rewriter.module)

    let choice = ResidualChoice(
      joint, primalCount: function.parameters.count, kept: firstElement..<function.parameters.count,
      wanted: jointWanted)
    elementsRead = choice.parameters.filter { $0 < firstCaptured }
    capturedRead = choice.parameters.filter { $0 >= firstCaptured }

    var forward = scan
    forward.body = rewriter.module.unusedName("\(scan.body)_forward")
    self.forward = forward
    let forwardBody = try joint.part(
      named: forward.body, from: function.parameters.indices.map { ValueID($0) },
      results: jointPrimal + choice.saved, in: rewriter.module)
    try rewriter.addFunction(forwardBody)

    body = rewriter.module.unusedName("\(scan.body)_backward")
    try rewriter.addFunction(
      Self.backwardBody(
        joint, body, firstCotangent: function.parameters.count, seeds: seeds, choice, sums: captured,
        wanted: jointWanted, scan, rewriter.module))
  }

  /// Parameters: the cotangents of the carried values, the sums; cotangents of the ys, saved values, elements; captured
  /// values.
  private static func backwardBody(
    _ joint: Function, _ name: String, firstCotangent: Int, seeds: [Int], _ choice: ResidualChoice, sums: [Int],
    wanted: [ValueID], _ scan: ControlOp.Scan, _ module: Module
  ) throws(KilnError) -> Function {
    var rewriter = Rewriter(name, in: module)
    var values: [ValueID: ValueID] = [:]
    var count = 0
    func parameter(_ type: TensorType) -> ValueID {
      count += 1
      return rewriter.addParameter(Function.Parameter("p\(count - 1)", type))
    }
    // The cotangents are the last parameters of the joint function, in the order of the seeds.
    func cotangent(_ number: Int) {
      let value = ValueID(firstCotangent + number)
      values[value] = parameter(joint.valueTypes[value])
    }
    let carriedSeeds = seeds.indices.filter { seeds[$0] < scan.carried }
    for number in carriedSeeds { cotangent(number) }
    let sumParameters = sums.map { parameter(joint.valueTypes[ValueID($0)]) }
    for number in seeds.indices where seeds[number] >= scan.carried { cotangent(number) }
    for value in choice.saved { values[value] = parameter(joint.valueTypes[value]) }
    for index in choice.parameters { values[ValueID(index)] = parameter(joint.valueTypes[ValueID(index)]) }
    let results = try joint.copy(wanted, known: values, into: &rewriter)
    // `wanted` is in the order of the parameters: carried, elements, captured.
    let (carriedCount, sumCount) = (carriedSeeds.count, sums.count)
    let elementCount = results.count - carriedCount - sumCount
    rewriter.location = .unknown
    var summed: [ValueID] = []
    for (sum, part) in zip(sumParameters, results.suffix(sumCount)) { summed.append(try rewriter.add(sum, part)) }
    let elements = results.dropFirst(carriedCount).prefix(elementCount)
    return rewriter.finish(Array(results.prefix(carriedCount)) + summed + elements)
  }

  /// The cotangents of the operands of the scan.
  func apply(
    to cotangents: [ValueID?], operands: [ValueID], results: [ValueID], saved: [ValueID], _ rewriter: inout Rewriter
  ) throws(KilnError) -> [ValueID?] {
    func orZero(_ number: Int) throws(KilnError) -> ValueID {
      if let cotangent = cotangents[number] { return cotangent }
      return try rewriter.zero(rewriter.type(of: results[number]))
    }
    var arguments: [ValueID] = []
    for number in seeds where number < scan.carried { arguments.append(try orZero(number)) }
    // Operands and parameters of the body stand in the same order.
    for index in captured { arguments.append(try rewriter.zero(rewriter.type(of: operands[index]))) }
    for number in seeds where number >= scan.carried { arguments.append(try orZero(number)) }
    arguments += saved
    arguments += (elementsRead + capturedRead).map { operands[$0] }
    let backward = ControlOp.Scan(
      body: body, carried: carried.count + captured.count, captured: capturedRead.count, length: length,
      isReversed: !scan.isReversed)
    let parts = try rewriter.emit(.control(.scan(backward)), arguments)
    var all = [ValueID?](repeating: nil, count: operands.count)
    for (index, part) in zip(carried + captured + elements, parts) { all[index] = part }
    return all
  }
}
