import KilnIR

/// Lowers a function, and the functions that its control ops run, to one tree of launches.
///
/// Where a callee's result belongs is known before it is lowered (the buffer in which a loop carries it, a part of a
/// stacked result, the result of a branch), so it is written there at once. A carried result that would be written
/// while the value it replaces is still read goes to a buffer of its own, and is moved at the end of the turn.
struct FunctionLowering {
  let module: Module
  private let device: DeviceDescription
  /// The groups of each function.
  private let fusions: [String: FusionPlan]

  var buffers = EntityTable<BufferID, PlanBuffer>()
  private var constants: [Literal: BufferID] = [:]
  private var kernelNumbers: [KernelDefinition: Int] = [:]
  private var loopCount = 0

  init(_ module: Module, _ fusion: FusionPlan, _ device: DeviceDescription) {
    self.module = module
    fusions = Dictionary(uniqueKeysWithValues: ([fusion] + fusion.callees).map { ($0.function.name, $0) })
    self.device = device
  }

  /// Where a result of a function belongs.
  struct Target {
    var buffer: BufferID
    /// The parameter whose memory the buffer is, or may be, when the function runs.
    var parameter: Int?
    /// Whether it certainly is: then the result must not be written too early.
    var replacesParameter = false
  }

  struct Lowered {
    var nodes: [RegionNode]
    /// The buffer of every result.
    var results: [BufferID]
    /// Which results with a parameter in their target are written only when the parameter is no longer needed.
    var replacing: Set<Int>
  }

  mutating func newBuffer(_ type: TensorType, _ place: PlanBuffer.Place, _ loops: [Int], _ name: String) -> BufferID {
    buffers.append(PlanBuffer(type: type, place: place, loops: loops, name: name))
  }

  mutating func newLoop() -> Int {
    loopCount += 1
    return loopCount - 1
  }

  // MARK: Functions

  /// - Parameters:
  ///   - parameters: a buffer per parameter.
  ///   - targets: where each result belongs; nil: wherever it is.
  ///   - loops: the loops around the function, outermost first.
  mutating func lower(
    _ function: Function, parameters: [BufferID], targets: [Target?], loops: [Int], depth: Int = 0
  ) throws(KilnError) -> Lowered {
    guard let fusion = fusions[function.name] else { preconditionFailure("every function that runs was fused") }
    let resolver = Resolver(function)
    var body = FunctionBody(
      function: function, resolver: resolver, loops: loops, depth: depth, isEntry: depth == 0,
      buffers: Dictionary(uniqueKeysWithValues: parameters.enumerated().map { (ValueID($0), $1) }))
    var items = try self.items(of: fusion, resolver)
    let placed = place(targets, &body, &items)
    let order = LaunchOrder(
      items,
      wishes: placed.compactMap { value, number in
        targets[number]?.parameter.map { LaunchOrder.Wish(number: number, parameter: ValueID($0), result: value) }
      })
    var moves: [RegionNode] = []
    for (value, number) in placed {
      guard let target = targets[number] else { continue }
      if target.replacesParameter && !order.granted.contains(number) {
        let source = buffer(of: value, &body)
        moves.append(move(from: source, to: target.buffer, isMove: false))
      } else {
        body.buffers[value] = target.buffer
      }
    }
    var nodes: [RegionNode] = []
    for item in order.items {
      switch item {
      case .kernel(let draft):
        nodes.append(
          .launch(RegionLaunch(draft: draft, buffers: draft.bindings.map { buffer(of: $0, &body) })))
      case .control(let item): nodes += try lower(item, &body)
      }
    }
    // Moves stand behind everything that reads the values which they replace, so that swapped values arrive.
    return Lowered(
      nodes: nodes + moves.filter { !$0.isEmptyMove },
      results: function.results.map { buffer(of: resolver.bufferRoot($0), &body) }, replacing: order.granted)
  }

  /// - Throws: `lower.C4` for a kernel that needs an element type that the device does not have.
  private mutating func items(of fusion: FusionPlan, _ resolver: Resolver) throws(KilnError) -> [RegionItem] {
    var items: [RegionItem] = []
    for cluster in fusion.clusters {
      if case .control = cluster.kind {
        let id = cluster.members[0]
        let instruction = fusion.function.instructions[id]
        guard case .control(let op) = instruction.op else { continue }
        items.append(
          .control(
            ControlItem(
              op: op, operands: instruction.operands.map { resolver.bufferRoot($0) },
              results: Array(instruction.results),
              location: fusion.function.locations[id])))
      } else {
        for draft in ClusterLowering.lower(cluster, resolver) where !draft.isEmpty {
          if let dtype = device.missingDType(in: draft.kernel) {
            throw KilnError(
              "lower.C4", "\(draft.label) needs \(dtype), which \(device.name) does not have",
              at: cluster.members.first.map { fusion.function.locations[$0] } ?? .unknown)
          }
          items.append(.kernel(finished(draft)))
        }
      }
    }
    return items
  }

  /// The value that is to be written to each target, with the number of the result. A parameter, and a value that an
  /// earlier target has taken, are copied.
  private mutating func place(
    _ targets: [Target?], _ body: inout FunctionBody, _ items: inout [RegionItem]
  ) -> [(value: ValueID, number: Int)] {
    var placed: [(value: ValueID, number: Int)] = []
    var taken: Set<ValueID> = []
    for (number, target) in targets.enumerated() {
      guard let target else { continue }
      let function = body.function
      let root = body.resolver.bufferRoot(function.results[number])
      if function.isParameter(root) && target.replacesParameter && target.parameter == root.index { continue }
      if function.isParameter(root) || !taken.insert(root).inserted {
        let copy = body.addCopy(of: root)
        let draft = copyDraft(function.valueTypes[root], from: root, to: copy)
        if !draft.isEmpty { items.append(.kernel(draft)) }
        placed.append((copy, number))
      } else {
        placed.append((root, number))
      }
    }
    return placed
  }

  // MARK: Buffers

  private mutating func finished(_ draft: KernelDraft) -> KernelDraft {
    var draft = draft
    draft.finish()
    draft.number = kernelNumbers[draft.kernel] ?? kernelNumbers.count
    kernelNumbers[draft.kernel] = draft.number
    return draft
  }

  private mutating func copyDraft(_ type: TensorType, from source: ValueID, to target: ValueID) -> KernelDraft {
    let element = AffineIndex(offset: .constant(0), strides: [.constant(1)])
    let draft = KernelDraft(
      kernel: KernelDefinition(
        buffers: [.init(type.dtype, isWritten: false), .init(type.dtype, isWritten: true)], integerCount: 0,
        outer: [KernelInteger(type.shape.size)],
        stages: [
          .init(
            inner: [], body: [.load(BufferAccess(0, element))],
            effects: [.store(BodyID(0), BufferAccess(1, element))])
        ]), bindings: [.value(source), .value(target)], sites: [], label: "copy")
    return draft.isEmpty ? draft : finished(draft)
  }

  /// A copy between buffers.
  mutating func move(from source: BufferID, to target: BufferID, isMove: Bool) -> RegionNode {
    let draft = copyDraft(buffers[source].type, from: ValueID(0), to: ValueID(1))
    return .launch(RegionLaunch(draft: draft, buffers: [source, target], isMove: isMove))
  }

  mutating func buffer(of value: ValueID, _ body: inout FunctionBody) -> BufferID {
    if let known = body.buffers[value] { return known }
    let buffer = newBuffer(body.type(of: value), .local, body.loops, body.name(of: value))
    body.buffers[value] = buffer
    return buffer
  }

  private mutating func buffer(of binding: BufferBinding, _ body: inout FunctionBody) -> BufferID {
    switch binding {
    case .value(let value): return buffer(of: value, &body)
    case .constant(let literal):
      if let known = constants[literal] { return known }
      let buffer = newBuffer(literal.type, .constant(literal), [], "constant")
      constants[literal] = buffer
      return buffer
    }
  }
}

/// A function that is being lowered.
struct FunctionBody {
  let function: Function
  let resolver: Resolver
  let loops: [Int]
  let depth: Int
  let isEntry: Bool
  var buffers: [ValueID: BufferID]
  /// What was copied. Copies have numbers behind those of the function's values.
  private var copies: [ValueID] = []

  init(
    function: Function, resolver: Resolver, loops: [Int], depth: Int, isEntry: Bool, buffers: [ValueID: BufferID]
  ) {
    self.function = function
    self.resolver = resolver
    self.loops = loops
    self.depth = depth
    self.isEntry = isEntry
    self.buffers = buffers
  }

  mutating func addCopy(of value: ValueID) -> ValueID {
    copies.append(value)
    return ValueID(function.valueTypes.count + copies.count - 1)
  }

  /// The value that a copy was made of; nil for other values.
  private func source(of value: ValueID) -> ValueID? {
    value.index < function.valueTypes.count ? nil : copies[value.index - function.valueTypes.count]
  }

  func type(of value: ValueID) -> TensorType { function.valueTypes[source(of: value) ?? value] }

  /// As in the text of the module, behind the function's name where it is not the entry: `%2`, `@body %x`.
  func name(of value: ValueID) -> String {
    let name = source(of: value).map { "copy of " + function.name(of: $0) } ?? function.name(of: value)
    return isEntry ? name : "@\(function.name) \(name)"
  }
}

extension RegionNode {
  /// Whether there is nothing to copy.
  var isEmptyMove: Bool {
    if case .launch(let launch) = self { launch.draft.isEmpty } else { false }
  }
}
