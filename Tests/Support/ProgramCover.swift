public import KilnIR

extension RandomProgram {
  /// What a program covers of the matrix: each of its ops with the element types that it meets, as
  /// `gather clamp f16 i32`.
  public var cells: Set<String> {
    var cells: Set<String> = []
    for function in module.functions {
      for instruction in function.instructions.elements {
        var dtypes: [DType] = []
        for operand in instruction.operands {
          let dtype = function.valueTypes[operand].dtype
          if !dtypes.contains(dtype) { dtypes.append(dtype) }
        }
        for dtype in instruction.results.map({ function.valueTypes[$0].dtype }) where !dtypes.contains(dtype) {
          dtypes.append(dtype)
        }
        cells.insert(([Self.label(of: instruction.op)] + dtypes.map(\.description)).joined(separator: " "))
      }
    }
    return cells
  }

  /// Few programs that together cover what a pool of random programs does, `poolSize` of them for each of `dtypes` and
  /// as many of all together. Ops that the generator learns are in them by themselves.
  public static func covering(_ dtypes: [DType], poolSize: Int, seed: UInt64) throws(ConstraintFailure)
    -> [RandomProgram]
  {
    var pool: [(program: RandomProgram, cells: Set<String>)] = []
    for (number, chosen) in (dtypes.map { [$0, .i32, .bool] } + [dtypes]).enumerated() {
      var options = Options()
      options.dtypes = chosen
      options.instructions = 10...24
      for index in 0..<poolSize {
        let program = try RandomProgram(seed: seed + UInt64(number * poolSize + index), options: options)
        pool.append((program, program.cells))
      }
    }
    var missing = pool.reduce(into: Set<String>()) { $0.formUnion($1.cells) }
    var programs: [RandomProgram] = []
    while !missing.isEmpty {
      let counts = pool.map { $0.cells.intersection(missing).count }
      guard let best = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[best] > 0 else { break }
      programs.append(pool[best].program)
      missing.subtract(pool[best].cells)
    }
    return programs
  }

  /// One program that calls all of `programs`, whose results are theirs: one build of a device's compiler instead of
  /// many.
  public static func joined(_ programs: [RandomProgram]) throws -> RandomProgram {
    var module = Module()
    for (number, program) in programs.enumerated() {
      let text = program.module.description.replacing("@", with: "@p\(number)_")
      for function in try Module(parsing: text, file: "program \(number)").functions { try module.append(function) }
    }
    var builder = FunctionBuilder("main", in: module)
    var results: [ValueID] = []
    for (number, program) in programs.enumerated() {
      let parameters = program.module[program.entry]?.parameters ?? []
      let arguments = parameters.map { builder.addParameter("p\(number)_\($0.name)", $0.type) }
      let call = Op.control(.call(callee: "p\(number)_\(program.entry)", captured: 0))
      results += try builder.emit(call, arguments, at: .unknown)
    }
    let main = builder.finish(results)
    try module.append(main)
    return RandomProgram(module: module, entry: "main", inputs: programs.flatMap(\.inputs))
  }
}
