import KilnIR

extension RandomProgram {
  /// A smaller program of which `fails` still holds: fewer results, instructions and parameters.
  ///
  /// An instruction goes away by becoming a parameter with the value that the reference computes for it, or by giving
  /// way to an operand of its type.
  public func shrunk(while fails: (RandomProgram) -> Bool) -> RandomProgram {
    var program = self
    var isShrinking = true
    while isShrinking {
      isShrinking = false
      for candidate in program.smallerPrograms() where fails(candidate) {
        program = candidate
        isShrinking = true
        break
      }
    }
    return program
  }

  /// Programs with one thing less, those that lose most first.
  private func smallerPrograms() -> [RandomProgram] {
    guard let main = module[entry], let values = try? allValues(of: main) else { return [] }
    var programs: [RandomProgram] = []
    if main.results.count > 1 {
      programs += main.results.compactMap { rebuilt(main, results: [$0], cut: [], values: values, renamed: [:]) }
    }
    for instruction in main.instructions.elements.reversed() {
      let results = Array(instruction.results)
      if case .source = instruction.op { continue }
      let isResult = results.contains { main.results.contains($0) }
      if !isResult, let program = rebuilt(main, results: main.results, cut: Set(results), values: values, renamed: [:])
      {
        programs.append(program)
      }
      for operand in instruction.operands where results.count == 1 {
        guard main.valueTypes[operand] == main.valueTypes[results[0]] else { continue }
        let renamed = [results[0]: operand]
        if let program = rebuilt(main, results: main.results, cut: [], values: values, renamed: renamed) {
          programs.append(program)
        }
      }
    }
    return programs.filter { $0.size < size }
  }

  /// What shrinking makes smaller.
  private var size: (Int, Int, Int) {
    guard let main = module[entry] else { return (0, 0, 0) }
    return (main.instructions.count, main.results.count, main.parameters.count + module.functions.count)
  }

  /// The value of every parameter and instruction.
  private func allValues(of main: Function) throws(KilnError) -> [TensorValue] {
    let everything = Function(
      name: "everything", parameters: main.parameters, instructions: main.instructions,
      results: Array(main.valueTypes.ids), requirements: main.requirements, valueTypes: main.valueTypes,
      locations: main.locations)
    var module = module
    do { try module.append(everything) } catch { throw KilnError(error) }
    return try ReferenceInterpreter.run(module, function: "everything", inputs: inputs)
  }

  /// The live part of `main`, where the values of `cut` are parameters and those of `renamed` are others.
  private func rebuilt(
    _ main: Function, results: [ValueID], cut: Set<ValueID>, values: [TensorValue], renamed: [ValueID: ValueID]
  ) -> RandomProgram? {
    func source(_ value: ValueID) -> ValueID {
      var value = value
      while let other = renamed[value] { value = other }
      return value
    }
    var live = Set(results.map(source))
    for instruction in main.instructions.elements.reversed() {
      let isLive = instruction.results.contains { live.contains($0) && !cut.contains($0) }
      if isLive { live.formUnion(instruction.operands.map(source)) }
    }

    let instructions = main.instructions.elements.filter { instruction in
      instruction.results.contains { live.contains($0) && !cut.contains($0) }
    }
    guard var module = try? Module(callees(of: instructions)) else { return nil }

    var builder = FunctionBuilder(entry, in: module)
    var map: [ValueID: ValueID] = [:]
    var inputs: [TensorValue] = []
    for index in main.valueTypes.ids.indices {
      let value = ValueID(index)
      guard live.contains(value), main.isParameter(value) || cut.contains(value) else { continue }
      let isHidden = main.isParameter(value) && main.parameters[index].isHidden
      map[value] = builder.addParameter("p\(inputs.count)", main.valueTypes[value], isHidden: isHidden)
      inputs.append(values[index])
    }
    for instruction in instructions {
      let operands = instruction.operands.compactMap { map[source($0)] }
      guard let results = try? builder.emit(instruction.op, operands) else { return nil }
      for (old, new) in zip(instruction.results, results) { map[old] = new }
    }
    guard (try? module.append(builder.finish(results.compactMap { map[source($0)] }))) != nil else { return nil }
    return RandomProgram(module: module, entry: entry, inputs: inputs)
  }

  /// The functions that instructions call, directly or not, in their order.
  private func callees(of instructions: [Instruction]) -> [Function] {
    func names(_ instructions: [Instruction]) -> [String] {
      instructions.flatMap(\.op.callees)
    }
    var needed = Set(names(instructions))
    var callees: [Function] = []
    for function in module.functions.reversed() where needed.contains(function.name) {
      needed.formUnion(names(function.instructions.elements))
      callees.insert(function, at: 0)
    }
    return callees
  }
}
