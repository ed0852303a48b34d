import KilnIR

/// Kernels in two phases: block values first, in the scratch memory, then their trees and the other stages.
extension CLEmitter {
  /// The place of a block value in the scratch memory.
  private func blockValue(_ reduction: KernelReduction, point: String, block: String) -> String {
    let number = reduction.number
    return "((__global \(reduction.dtype.clRegister) *)scratch)["
      + "((\(number) * points + \(point)) * blocks + \(block)) * \(8 / max(reduction.dtype.registerBytes, 1))]"
  }

  private func declareBlocks() {
    let (extent, size) = (value(kernel.stages[0].inner[0]), kernel.block)
    out.line("const ulong points = \(product(kernel.outer));")
    out.line("const ulong blocks = \(extent) == 0 ? 1 : ((ulong)\(extent) + \(size - 1)) / \(size);")
  }

  func emitSplitBlocks(columns: Bool) {
    let reductions = kernel.reductions(ofStage: 0)
    let stage = kernel.stages[0]
    let extent = value(stage.inner[0])
    declareLocal(reductions)
    declareBlocks()
    if columns {
      declareColumn()
      out.line("const \(index) block = get_global_id(2) % blocks;")
      out.line("const \(index) z2 = get_global_id(2) / blocks;")
      gridCoordinates(row: "z2")
      out.line("const ulong point = (ulong)z2 * \(self.columns) + x;")
      out.line("const \(index) first = block * \(kernel.block);")
      out.line("const int length = \(extent) - first < \(kernel.block) ? \(extent) - first : \(kernel.block);")
      let free = reductions.filter { !$0.isBlocked }
      free.forEach(declareAccumulator)
      emitColumnBlock(reductions, length: "length")
      foldLocal(free, at: "id", if: "y", from: "4", scale: "32")
      out.open("if (y == 0 && isIn)")
    } else {
      out.line("const int lane = get_local_id(0);")
      out.line("const int id = (int)get_local_id(1) * 32 + lane;")
      out.line("const \(index) block = get_global_id(1);")
      out.line("const \(index) point = get_global_id(2);")
      coordinates(outerNames, of: "point", in: kernel.outer)
      out.line("const \(index) begin = block * \(kernel.block);")
      out.line("const \(index) end = begin + \(kernel.block) < \(extent) ? begin + \(kernel.block) : \(extent);")
      reductions.forEach(declareAccumulator)
      out.open("for (\(index) e = begin + lane; e < end; e += 32)")
      emitElement(stage, outerNames, "e") { names in accumulate(reductions, names, element: "e") }
      out.close()
      foldLocal(reductions, at: "id", if: "lane", from: "16", scale: "1")
      out.open("if (lane == 0 && block < blocks)")
    }
    for reduction in reductions {
      let place = blockValue(reduction, point: "point", block: "block")
      out.line("\(place) = m\(reduction.number)[\(columns ? "column" : "id")];")
    }
    out.close()
  }

  /// One work item for each block of 512 terms.
  func emitSplitDotBlocks() {
    declareBlocks()
    out.line("const \(index) x = get_global_id(0);")
    out.line("const \(index) block = get_global_id(1) % blocks;")
    out.line("const \(index) y = get_global_id(1) / blocks;")
    out.open("if (x < \(columns) && y < \(rows))")
    gridCoordinates(row: "y")
    let reduction = kernel.reductions(ofStage: 0)[0]
    let extent = value(kernel.stages[0].inner[0])
    declareAccumulator(reduction)
    out.line("const \(index) begin = block * \(kernel.block);")
    out.line("const \(index) end = begin + \(kernel.block) < \(extent) ? begin + \(kernel.block) : \(extent);")
    out.open("for (\(index) e = begin; e < end; e++)")
    emitElement(kernel.stages[0], outerNames, "e") { names in
      guard case .dot(let rhs) = reduction.operation else { return }
      let sum = multiplyAdd(reduction.dtype, names[reduction.value.index], names[rhs.index], "a\(reduction.number)")
      out.line("a\(reduction.number) = \(sum);")
    }
    out.close()
    out.line("\(blockValue(reduction, point: "((ulong)y * \(columns) + x)", block: "block")) = a\(reduction.number);")
    out.close()
  }

  /// Combines the block values of each point and runs the other stages.
  func emitSplitResults() {
    let reductions = kernel.reductions(ofStage: 0)
    declareBlocks()
    out.line("const \(index) x = get_global_id(0);")
    out.line("const \(index) y = get_global_id(1);")
    out.open("if (x < \(columns) && y < \(rows))")
    gridCoordinates(row: "y")
    out.line("const ulong point = (ulong)y * \(columns) + x;")
    for reduction in reductions {
      let (n, type) = (reduction.number, reduction.dtype.clRegister)
      out.line("\(type) r\(n);")
      out.open("")
      let isTree = reduction.block != nil
      isTree ? declareTree(reduction) : declareAccumulator(reduction)
      out.open("for (ulong block = 0; block < blocks; block++)")
      out.line("const \(type) x\(n) = \(blockValue(reduction, point: "point", block: "block"));")
      isTree ? push(reduction, "x\(n)") : out.line("a\(n) = \(combine(reduction, "a\(n)", "x\(n)"));")
      out.close()
      let whole = "\(value(kernel.stages[0].inner[0])) == 0 ? \(reduction.empty.clConstant) : \(top(reduction))"
      out.line("r\(n) = \(isTree ? whole : "a\(n)");")
      out.close()
    }
    for number in kernel.stages.indices.dropFirst() { emitSerialStage(number, outerNames) }
    out.close()
  }
}

extension DType {
  /// Bytes of a register in memory.
  fileprivate var registerBytes: Int { self == .bool ? 4 : byteCount }
}
