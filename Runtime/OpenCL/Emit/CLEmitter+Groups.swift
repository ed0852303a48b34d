import KilnIR

/// Work groups that share a reduction: the 32 lanes of R2 are work items, block values are added by the first of them.
extension CLEmitter {
  /// Local memory for each reduction, one element a work item.
  func declareLocal(_ reductions: [KernelReduction]) {
    for reduction in reductions {
      out.line("__local \(reduction.dtype.clRegister) m\(reduction.number)[256];")
      if reduction.isArgReduce { out.line("__local int mk\(reduction.number)[256];") }
    }
  }

  private var barrier: String { "barrier(CLK_LOCAL_MEM_FENCE);" }

  func declareAccumulator(_ reduction: KernelReduction) {
    let n = reduction.number
    out.line("\(reduction.dtype.clRegister) a\(n) = \(reduction.neutral.clConstant);")
    if reduction.isArgReduce { out.line("int k\(n) = 0x7fffffff;") }
  }

  func accumulate(_ reductions: [KernelReduction], _ names: [String], element: String) {
    for reduction in reductions {
      let (n, value) = (reduction.number, names[reduction.value.index])
      if reduction.isArgReduce {
        out.line("const \(reduction.dtype.clRegister) x\(n) = \(value);")
        takeBetter(reduction, best: "a\(n)", at: "k\(n)", "x\(n)", at: "(int)\(element)")
      } else {
        out.line("a\(n) = \(combine(reduction, "a\(n)", value));")
      }
    }
  }

  /// Folds the accumulators of work items `at`, `at` + h, … in local memory; `steps` halves what is left.
  func foldLocal(
    _ reductions: [KernelReduction], at place: String, if first: String, from start: String, scale: String
  ) {
    guard !reductions.isEmpty else { return }
    for reduction in reductions {
      out.line("m\(reduction.number)[\(place)] = a\(reduction.number);")
      if reduction.isArgReduce { out.line("mk\(reduction.number)[\(place)] = k\(reduction.number);") }
    }
    out.line(barrier)
    out.open("for (int h = \(start); h > 0; h >>= 1)")
    out.open("if (\(first) < h)")
    for reduction in reductions {
      let n = reduction.number
      if reduction.isArgReduce {
        let other = "\(place) + h * \(scale)"
        takeBetter(
          reduction, best: "m\(n)[\(place)]", at: "mk\(n)[\(place)]", "m\(n)[\(other)]", at: "mk\(n)[\(other)]")
      } else {
        let sum = combine(reduction, "m\(n)[\(place)]", "m\(n)[\(place) + h * \(scale)]")
        out.line("m\(n)[\(place)] = \(sum);")
      }
    }
    out.close()
    out.line(barrier)
    out.close()
  }

  // MARK: - Rows

  func emitRowGroups() {
    declareLocal(kernel.stages.indices.flatMap { kernel.reductions(ofStage: $0) })
    out.line("const int lane = get_local_id(0);")
    out.line("const int team = get_local_id(1);")
    out.line("const int teams = get_local_size(1);")
    out.line("const int id = team * 32 + lane;")
    declareScratchRows(owner: "get_group_id(0)")
    out.open("for (\(index) point = get_group_id(0); point < \(product(kernel.outer)); point += get_num_groups(0))")
    coordinates(outerNames, of: "point", in: kernel.outer)
    for number in kernel.stages.indices {
      if kernel.stages[number].inner.isEmpty {
        out.open("if (id == 0)")
        emitPoint(kernel.stages[number], outerNames, [], element: "0")
        out.close()
      } else {
        emitRowStage(number)
      }
    }
    out.line(barrier)
    out.close()
  }

  private func emitRowStage(_ number: Int) {
    let stage = kernel.stages[number]
    let reductions = kernel.reductions(ofStage: number)
    let blocked = reductions.filter(\.isBlocked)
    let free = reductions.filter { !$0.isBlocked }
    for reduction in reductions { out.line("\(reduction.resultDType.clRegister) r\(reduction.number);") }
    out.open("")
    out.line("const \(index) count = \(product(stage.inner));")
    free.forEach(declareAccumulator)
    blocked.forEach(declareTree)
    out.open("for (\(index) round = 0; round < count; round += \(kernel.block) * teams)")
    out.line("const \(index) begin = round + team * \(kernel.block);")
    out.line("const \(index) end = begin + \(kernel.block) < count ? begin + \(kernel.block) : count;")
    blocked.forEach(declareAccumulator)
    out.open("for (\(index) e = begin + lane; e < end; e += 32)")
    emitElement(stage, outerNames, "e") { names in accumulate(reductions, names, element: "e") }
    out.close()
    if !blocked.isEmpty {
      foldLocal(blocked, at: "id", if: "lane", from: "16", scale: "1")
      out.open("if (id == 0)")
      out.open("for (int t = 0; t < teams && round + t * \(kernel.block) < count; t++)")
      for reduction in blocked { push(reduction, "m\(reduction.number)[t * 32]") }
      out.close()
      out.close()
      out.line(barrier)
    }
    out.close()
    foldLocal(free, at: "id", if: "id", from: "16 * teams", scale: "1")
    if !blocked.isEmpty {
      out.open("if (id == 0)")
      for reduction in blocked { out.line("m\(reduction.number)[0] = \(top(reduction));") }
      out.close()
      out.line(barrier)
    }
    for reduction in reductions {
      let n = reduction.number
      out.line("r\(n) = " + (reduction.isArgReduce ? "count > 0 ? mk\(n)[0] : 0;" : "m\(n)[0];"))
    }
    if !reductions.isEmpty { out.line(barrier) }
    out.close()
  }

  /// A point of a stage by the number of its element.
  func emitElement(
    _ stage: KernelDefinition.Stage, _ outer: [String], _ element: String, _ reduce: ([String]) -> Void
  ) {
    let inner = stage.inner.count == 1 ? [element] : stage.inner.indices.map { "i\($0)" }
    if stage.inner.count > 1 { coordinates(inner, of: element, in: stage.inner) }
    emitPoint(stage, outer, inner, element: element, reduce)
  }

  // MARK: - Columns

  /// The element loop of a column group for one block: work item y has lanes y, y + 8, y + 16 and y + 24.
  func emitColumnBlock(_ reductions: [KernelReduction], length: String) {
    let stage = kernel.stages[0]
    let blocked = reductions.filter(\.isBlocked)
    for reduction in blocked { out.line("\(reduction.dtype.clRegister) d\(reduction.number)[4];") }
    out.open("for (int j = 0; j < 4; j++)")
    blocked.forEach(declareAccumulator)
    out.open("if (isIn)")
    out.open("for (int i = y + 8 * j; i < \(length); i += 32)")
    out.line("const \(index) e = first + i;")
    emitElement(stage, outerNames, "e") { names in accumulate(reductions, names, element: "e") }
    out.close()
    out.close()
    for reduction in blocked { out.line("d\(reduction.number)[j] = a\(reduction.number);") }
    out.close()
    for reduction in blocked {
      let (n, type) = (reduction.number, reduction.dtype.clRegister)
      out.line("const \(type) da\(n) = \(combine(reduction, "d\(n)[0]", "d\(n)[2]"));")
      out.line("const \(type) db\(n) = \(combine(reduction, "d\(n)[1]", "d\(n)[3]"));")
      out.line("const \(type) a\(n) = \(combine(reduction, "da\(n)", "db\(n)"));")
    }
    foldLocal(blocked, at: "id", if: "y", from: "4", scale: "32")
  }

  func declareColumn() {
    out.line("const int y = get_local_id(1);")
    out.line("const int column = get_local_id(0);")
    out.line("const int id = y * 32 + column;")
    out.line("const \(index) x = get_global_id(0);")
    out.line("const int isIn = x < \(columns);")
  }

  func emitColumnGroups() {
    let reductions = kernel.reductions(ofStage: 0)
    let free = reductions.filter { !$0.isBlocked }
    let blocked = reductions.filter(\.isBlocked)
    declareLocal(reductions)
    declareColumn()
    out.open("for (\(index) z2 = get_global_id(2); z2 < \(rows); z2 += get_global_size(2))")
    gridCoordinates(row: "z2")
    let extent = value(kernel.stages[0].inner[0])
    for reduction in reductions { out.line("\(reduction.resultDType.clRegister) r\(reduction.number);") }
    out.open("")
    free.forEach(declareAccumulator)
    blocked.forEach(declareTree)
    out.open("for (\(index) first = 0; first < \(extent); first += \(kernel.block))")
    out.line("const int length = \(extent) - first < \(kernel.block) ? \(extent) - first : \(kernel.block);")
    emitColumnBlock(reductions, length: "length")
    if !blocked.isEmpty {
      out.open("if (y == 0)")
      for reduction in blocked { push(reduction, "m\(reduction.number)[column]") }
      out.close()
      out.line(barrier)
    }
    out.close()
    foldLocal(free, at: "id", if: "y", from: "4", scale: "32")
    for reduction in reductions {
      let n = reduction.number
      let result =
        reduction.isBlocked
        ? top(reduction) : reduction.isArgReduce ? "\(extent) > 0 ? mk\(n)[column] : 0" : "m\(n)[column]"
      out.line("r\(n) = \(result);")
    }
    out.line(barrier)
    out.close()
    emitRest()
    out.close()
  }

  /// The stages after the first, by the work items that have the results.
  private func emitRest() {
    out.open("if (y == 0 && isIn)")
    for number in kernel.stages.indices.dropFirst() { emitSerialStage(number, outerNames) }
    out.close()
  }
}
