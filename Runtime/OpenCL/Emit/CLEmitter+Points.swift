import KilnIR

/// One work item for each outer point, which runs the stages one after the other: any kernel.
extension CLEmitter {
  var outerNames: [String] { kernel.outer.indices.map { "c\($0)" } }
  /// Points of the last outer axis, and of the others together.
  var columns: String { kernel.outer.last.map(value) ?? "1" }
  var rows: String { product(kernel.outer.dropLast()) }

  /// Declares the outer coordinates of the point in column `x` of a row.
  func gridCoordinates(row: String) {
    guard let last = outerNames.last else { return }
    coordinates(outerNames.dropLast(), of: row, in: kernel.outer.dropLast())
    out.line("const \(index) \(last) = x;")
  }

  /// - Parameter strides: the work items go over the points in strides, since each has scratch rows.
  func emitPoints(strides: Bool) {
    if strides {
      declareScratchRows(owner: "(get_global_id(1) * get_global_size(0) + get_global_id(0))")
      out.open("for (\(index) y = get_global_id(1); y < \(rows); y += get_global_size(1))")
      out.open("for (\(index) x = get_global_id(0); x < \(columns); x += get_global_size(0))")
    } else {
      out.line("const \(index) x = get_global_id(0);")
      out.line("const \(index) y = get_global_id(1);")
      out.open("if (x < \(columns) && y < \(rows))")
    }
    gridCoordinates(row: "y")
    for stage in kernel.stages.indices { emitSerialStage(stage, outerNames) }
    out.close()
    if strides { out.close() }
  }

  /// Declares the scratch rows of a work item or group.
  func declareScratchRows(owner: String) {
    guard !kernel.scratchRows.isEmpty else { return }
    var offset = "(ulong)0"
    for row in kernel.scratchRows.indices {
      let inner = kernel.firstStage(withScratchRow: row)?.inner ?? []
      let bytes = "(ulong)(\(product(inner))) * \(kernel.scratchRows[row].byteCount)"
      out.line("const ulong sb\(row) = (\(bytes) + 63) / 64 * 64;")
      out.line("const ulong so\(row) = \(offset);")
      offset = "so\(row) + sb\(row)"
    }
    out.line("const ulong sbytes = \(offset);")
    for row in kernel.scratchRows.indices {
      out.line("__global uchar *const w\(row) = scratch + \(owner) * sbytes + so\(row);")
    }
  }

  var scratchRowNames: [String] { kernel.scratchRows.indices.map { "w\($0)" } }

  // MARK: - Stages

  /// Emits a stage for one work item; its reduced values are declared as `r0`, `r1`, ….
  func emitSerialStage(_ number: Int, _ outer: [String]) {
    let stage = kernel.stages[number]
    let reductions = kernel.reductions(ofStage: number)
    for reduction in reductions { out.line("\(reduction.resultDType.clRegister) r\(reduction.number);") }
    out.open("")
    if !stage.inner.isEmpty, case .line(let operation, let value, let access)? = stage.effects.first {
      emitLine(operation, stage, outer, value, access)
    } else if stage.inner.isEmpty && reductions.isEmpty {
      emitPoint(stage, outer, [], element: "0")
    } else if reductions.isEmpty {
      emitNest(stage, counter: nil) { inner, element in emitPoint(stage, outer, inner, element: element) }
    } else if stage.inner.count == 1 && (reductions.allSatisfy { !$0.isDot } || reductions.count == 1) {
      emitLaneStage(stage, outer, reductions)
    } else {
      emitCountedStage(stage, outer, reductions)
    }
    out.close()
  }

  /// The body and effects at one point, and then `reduce`.
  func emitPoint(
    _ stage: KernelDefinition.Stage, _ outer: [String], _ inner: [String], element: String,
    _ reduce: ([String]) -> Void = { _ in }
  ) {
    let point = Point(coordinates: outer + inner, element: element, scratchRows: scratchRowNames)
    let names = body(stage, point)
    effects(stage, names, point)
    reduce(names)
  }

  /// Loops over the inner axes; `element` names the number of the point.
  func emitNest(_ stage: KernelDefinition.Stage, counter: String?, _ emit: ([String], String) -> Void) {
    let needsElement =
      counter == nil && stage.inner.count > 1 && !stage.scratchRows.isEmpty
    let element = counter ?? (stage.inner.count == 1 ? "i0" : needsElement ? "count" : "0")
    if needsElement { out.line("\(index) count = 0;") }
    for (axis, extent) in stage.inner.enumerated() {
      out.open("for (\(index) i\(axis) = 0; i\(axis) < \(value(extent)); i\(axis)++)")
    }
    emit(stage.inner.indices.map { "i\($0)" }, element)
    if needsElement { out.line("count++;") }
    for _ in stage.inner { out.close() }
  }

  /// One inner axis: blocks of 1024 elements in 32 lanes (R2), or of 512 terms (D1). The loop over lanes has a constant
  /// length and independent iterations, which is what a compiler for vectors wants.
  private func emitLaneStage(_ stage: KernelDefinition.Stage, _ outer: [String], _ reductions: [KernelReduction]) {
    let isDot = reductions[0].isDot
    let block = reductions.compactMap(\.block).first ?? KernelDefinition.reductionBlock
    for reduction in reductions {
      if reduction.block != nil { declareTree(reduction) }
      reduction.isArgReduce || isDot ? declareAccumulator(reduction) : declareLanes(reduction)
    }
    let extent = value(stage.inner[0])
    out.open("for (\(index) first = 0; first < \(extent); first += \(block))")
    out.line("const int length = \(extent) - first < \(block) ? \(extent) - first : \(block);")
    if isDot {
      out.open("for (int i = 0; i < length; i++)")
      out.line("const \(index) i0 = first + i;")
      emitLanePoint(stage, outer, reductions)
      out.close()
    } else {
      out.line("int start = 0;")
      if stage.body.count <= 48 {
        out.open("for (; start + 32 <= length; start += 32)")
        out.open("for (int l = 0; l < 32; l++)")
        out.line("const \(index) i0 = first + start + l;")
        emitLanePoint(stage, outer, reductions)
        out.close()
        out.close()
      }
      out.open("for (; start < length; start += 32)")
      out.line("const int lanes = length - start < 32 ? length - start : 32;")
      out.open("for (int l = 0; l < lanes; l++)")
      out.line("const \(index) i0 = first + start + l;")
      emitLanePoint(stage, outer, reductions)
      out.close()
      out.close()
    }
    for reduction in reductions where reduction.block != nil { closeBlock(reduction) }
    out.close()
    for reduction in reductions { finish(reduction, extent: extent) }
  }

  private func emitLanePoint(_ stage: KernelDefinition.Stage, _ outer: [String], _ reductions: [KernelReduction]) {
    emitPoint(stage, outer, ["i0"], element: "i0") { names in
      for reduction in reductions {
        let (n, value) = (reduction.number, names[reduction.value.index])
        switch reduction.operation {
        case .reduce: out.line("l\(n)[l] = \(combine(reduction, "l\(n)[l]", value));")
        case .dot(let rhs): out.line("a\(n) = \(multiplyAdd(reduction.dtype, value, names[rhs.index], "a\(n)"));")
        case .argReduce:
          out.line("const \(reduction.dtype.clRegister) x\(n) = \(value);")
          takeBetter(reduction, best: "a\(n)", at: "k\(n)", "x\(n)", at: "(int)i0")
        }
      }
    }
  }

  private func declareLanes(_ reduction: KernelReduction) {
    out.line("\(reduction.dtype.clRegister) l\(reduction.number)[32];")
    clearLanes(reduction)
  }

  private func clearLanes(_ reduction: KernelReduction) {
    out.line("for (int l = 0; l < 32; l++) l\(reduction.number)[l] = \(reduction.neutral.clConstant);")
  }

  /// Lane l takes lane l + h for h = 16, 8, 4, 2, 1; missing lanes hold the neutral value.
  private func foldLanes(_ reduction: KernelReduction) {
    let lanes = "l\(reduction.number)"
    out.open("for (int h = 16; h > 0; h >>= 1)")
    out.line("for (int l = 0; l < h; l++) \(lanes)[l] = \(combine(reduction, "\(lanes)[l]", "\(lanes)[l + h]"));")
    out.close()
  }

  private func finish(_ reduction: KernelReduction, extent: String) {
    let n = reduction.number
    if reduction.block != nil {
      out.line("r\(n) = \(top(reduction));")
    } else if reduction.isArgReduce {
      out.line("r\(n) = \(extent) > 0 ? k\(n) : 0;")
    } else {
      foldLanes(reduction)
      out.line("r\(n) = l\(n)[0];")
    }
  }

  /// Several inner axes, or reductions of both kinds: elements are counted.
  private func emitCountedStage(_ stage: KernelDefinition.Stage, _ outer: [String], _ reductions: [KernelReduction]) {
    out.line("\(index) count = 0;")
    for reduction in reductions {
      if reduction.block != nil { declareTree(reduction) }
      reduction.isBlocked ? declareLanes(reduction) : declareAccumulator(reduction)
    }
    emitNest(stage, counter: "count") { inner, element in
      emitPoint(stage, outer, inner, element: element) { names in
        for reduction in reductions {
          let (n, value) = (reduction.number, names[reduction.value.index])
          switch reduction.operation {
          case .reduce where reduction.isBlocked:
            out.line("l\(n)[count & 31] = \(combine(reduction, "l\(n)[count & 31]", value));")
          case .reduce: out.line("a\(n) = \(combine(reduction, "a\(n)", value));")
          case .dot(let rhs):
            out.line("a\(n) = \(multiplyAdd(reduction.dtype, value, names[rhs.index], "a\(n)"));")
          case .argReduce:
            out.line("const \(reduction.dtype.clRegister) x\(n) = \(value);")
            takeBetter(reduction, best: "a\(n)", at: "k\(n)", "x\(n)", at: "(int)count")
          }
          if let block = reduction.block { closeBlock(reduction, when: "(count & \(block - 1)) == \(block - 1)") }
        }
        out.line("count++;")
      }
    }
    for reduction in reductions {
      let n = reduction.number
      if let block = reduction.block {
        closeBlock(reduction, when: "(count & \(block - 1)) != 0")
        out.line("r\(n) = \(top(reduction));")
      } else {
        out.line("r\(n) = \(reduction.isArgReduce ? "count > 0 ? k\(n) : 0" : "a\(n)");")
      }
    }
  }

  private func closeBlock(_ reduction: KernelReduction, when condition: String) {
    out.open("if (\(condition))")
    closeBlock(reduction)
    out.close()
  }

  private func closeBlock(_ reduction: KernelReduction) {
    if reduction.isDot {
      push(reduction, "a\(reduction.number)")
      out.line("a\(reduction.number) = \(reduction.neutral.clConstant);")
    } else {
      foldLanes(reduction)
      push(reduction, "l\(reduction.number)[0]")
      clearLanes(reduction)
    }
  }
}
