import KilnIR

/// Contractions in tiles (D1): every output is a chain of fma over blocks of 512 terms, block values go through Tree16.
/// With several inner axes (a convolution) the operands are read where the coordinates of a term lead, and never
/// written out.
extension CLEmitter {
  /// The inner coordinates of the term `term`, declared where they are more than its number.
  private func termCoordinates() -> [String] {
    let inner = kernel.stages[0].inner
    if inner.count == 1 { return ["term"] }
    let names = inner.indices.map { "u\($0)" }
    coordinates(names, of: "term", in: inner)
    return names
  }

  /// The outer coordinates with these in the places of row and column.
  private func place(_ contraction: Contraction, row: String, column: String) -> [String] {
    var names = outerNames
    names[contraction.roles.batchAxes] = row
    names[contraction.roles.columnAxis] = column
    return names
  }

  /// The levels of Tree16 above the blocks.
  private func levels(_ tile: TileShape) -> [Int] { Array(1..<tile.treeLevels + 1) }

  /// Ends a block: accumulators join the levels of Tree16 and start again.
  private func closeBlock(_ names: [String], _ tile: TileShape, zero: String, isLast: String) {
    guard tile.treeLevels > 0 else { return }
    for level in levels(tile) {
      let shift = 4 * (level - 1)
      let isFirst = level == tile.treeLevels ? "(q >> \(shift)) == 0" : "((q >> \(shift)) & 15) == 0"
      // A level takes a value when the one below is full, and at the end.
      if level > 1 {
        out.open("if ((q & \((1 << shift) - 1)) == \((1 << shift) - 1) || \(isLast))")
      } else {
        out.open("")
      }
      out.open("if (\(isFirst))")
      for name in names { out.line("t\(level)\(name) = \(level == 1 ? "c" : "t\(level - 1)")\(name);") }
      out.close()
      out.open("else")
      for name in names {
        out.line("t\(level)\(name) = t\(level)\(name) + \(level == 1 ? "c" : "t\(level - 1)")\(name);")
      }
      out.close()
      out.close()
    }
    for name in names { out.line("c\(name) = \(zero);") }
    out.line("q++;")
  }

  /// The stages after the first for every output of the tile, whose values lie in the array `results`.
  private func epilogue(_ contraction: Contraction, count: Int, row: String, column: String) {
    out.open("for (int o = 0; o < \(count); o++)")
    out.line("const \(index) row = \(row);")
    out.line("const \(index) column = \(column);")
    out.open(
      "if (row < \(value(kernel.outer[contraction.roles.batchAxes])) && column < \(value(kernel.outer[contraction.roles.columnAxis])))"
    )
    out.line("const \(contraction.dtype.clRegister) r0 = results[o];")
    for number in kernel.stages.indices.dropFirst() {
      emitSerialStage(number, place(contraction, row: "row", column: "column"))
    }
    out.close()
    out.close()
  }

  // MARK: - Local memory

  func emitTiles(_ tile: TileShape) {
    guard let contraction = Contraction(kernel) else { return }
    let type = contraction.dtype.clRegister
    let items = tile.groupRows * tile.groupColumns
    let (rows, columns) = (
      value(kernel.outer[contraction.roles.batchAxes]), value(kernel.outer[contraction.roles.columnAxis])
    )
    out.line("__local \(type) left[\(tile.terms * (tile.rows + 1))];")
    out.line("__local \(type) right[\(tile.terms * (tile.columns + 1))];")
    out.line("const int tx = get_local_id(0);")
    out.line("const int ty = get_local_id(1);")
    out.line("const int id = ty * \(tile.groupColumns) + tx;")
    out.line("const \(index) row0 = (\(index))get_group_id(1) * \(tile.rows);")
    out.line("const \(index) column0 = (\(index))get_group_id(0) * \(tile.columns);")
    let batchAxes = kernel.outer[..<contraction.roles.batchAxes]
    out.open(
      "for (\(index) batch = get_global_id(2); batch < \(product(Array(batchAxes))); batch += get_global_size(2))")
    coordinates(Array(outerNames[..<contraction.roles.batchAxes]), of: "batch", in: Array(batchAxes))
    let names = (0..<tile.itemRows).flatMap { i in (0..<tile.itemColumns).map { "_\(i)_\($0)" } }
    let zero = Scalar.zero(contraction.dtype).clConstant
    for name in names {
      out.line("\(type) c\(name) = \(zero);" + levels(tile).map { " \(type) t\($0)\(name) = \(zero);" }.joined())
    }
    if tile.treeLevels > 0 { out.line("int q = 0;") }
    out.open("for (\(index) k0 = 0; k0 < \(product(contraction.terms)); k0 += \(tile.terms))")
    fill("left", contraction.left, contraction, size: tile.rows, tile, "row", limit: rows, items, filling: -0.0)
    fill(
      "right", contraction.right, contraction, size: tile.columns, tile, "column", limit: columns, items, filling: 0.0)
    out.line("barrier(CLK_LOCAL_MEM_FENCE);")
    out.line("#pragma unroll")
    out.open("for (int k = 0; k < \(tile.terms); k++)")
    for i in 0..<tile.itemRows {
      out.line("const \(type) a\(i) = left[k * \(tile.rows + 1) + ty + \(i * tile.groupRows)];")
    }
    for j in 0..<tile.itemColumns {
      out.line("const \(type) b\(j)_ = right[k * \(tile.columns + 1) + tx + \(j * tile.groupColumns)];")
    }
    for i in 0..<tile.itemRows {
      for j in 0..<tile.itemColumns { out.line("c_\(i)_\(j) = fma(a\(i), b\(j)_, c_\(i)_\(j));") }
    }
    out.close()
    out.line("barrier(CLK_LOCAL_MEM_FENCE);")
    if tile.treeLevels > 0 {
      let isLast = "k0 + \(tile.terms) >= \(product(contraction.terms))"
      out.open("if (((k0 + \(tile.terms)) & \(kernel.block - 1)) == 0 || \(isLast))")
      closeBlock(names, tile, zero: zero, isLast: isLast)
      out.close()
    }
    out.close()
    out.line("\(type) results[\(names.count)];")
    let top = tile.treeLevels == 0 ? "c" : "t\(tile.treeLevels)"
    for (o, name) in names.enumerated() { out.line("results[\(o)] = \(top)\(name);") }
    out.line("#pragma unroll")
    epilogue(
      contraction, count: names.count, row: "row0 + ty + o / \(tile.itemColumns) * \(tile.groupRows)",
      column: "column0 + tx + o % \(tile.itemColumns) * \(tile.groupColumns)")
    out.close()
  }

  /// Copies a piece of an operand to local memory, neighbours in memory by neighbours among the work items. What lies
  /// outside is filled so that its terms are exact (D1): (-0) · (+0).
  private func fill(
    _ target: String, _ operand: BufferAccess, _ contraction: Contraction, size: Int,
    _ tile: TileShape, _ axis: String, limit: String, _ items: Int, filling: Double
  ) {
    let alongTerms = operand.index.strides.last == .constant(1)
    out.line("#pragma unroll")
    out.open("for (int n = 0; n < \(size * tile.terms / items); n++)")
    out.line("const int e = n * \(items) + id;")
    out.line("const int k = e \(alongTerms ? "% \(tile.terms)" : "/ \(size)");")
    out.line("const int s = e \(alongTerms ? "/ \(tile.terms)" : "% \(size)");")
    out.line("const \(index) term = k0 + k;")
    out.line("const \(index) at = \(axis)0 + s;")
    let names = place(contraction, row: "at", column: "at") + termCoordinates()
    out.line("\(contraction.dtype.clRegister) x = \(contraction.dtype.clReal(filling));")
    out.line(
      "if (term < \(product(contraction.terms)) && at < \(limit)) x = \(load(operand.buffer, affine(operand.index, names)));"
    )
    out.line("\(target)[k * \(size + 1) + s] = x;")
    out.close()
  }

  // MARK: - Registers alone

  func emitRegisterTiles(_ tile: TileShape) {
    guard let contraction = Contraction(kernel) else { return }
    let type = contraction.dtype.clRegister
    let vector = "\(type)\(tile.itemColumns)"
    let (rows, columns) = (
      value(kernel.outer[contraction.roles.batchAxes]), value(kernel.outer[contraction.roles.columnAxis])
    )
    let batchAxes = Array(kernel.outer[..<contraction.roles.batchAxes])
    coordinates(Array(outerNames[..<contraction.roles.batchAxes]), of: "get_global_id(2)", in: batchAxes)
    out.line("const \(index) row0 = (\(index))get_global_id(1) * \(tile.itemRows);")
    out.line("const \(index) column0 = (\(index))get_global_id(0) * \(tile.itemColumns);")
    out.line("\(type) results[\(tile.itemRows * tile.itemColumns)];")
    out.open("if (row0 + \(tile.itemRows) <= \(rows) && column0 + \(tile.itemColumns) <= \(columns))")
    let names = (0..<tile.itemRows).map { "_\($0)" }
    let zero = "(\(vector))(\(Scalar.zero(contraction.dtype).clConstant))"
    for name in names {
      out.line("\(vector) c\(name) = \(zero);" + levels(tile).map { " \(vector) t\($0)\(name) = \(zero);" }.joined())
    }
    if tile.treeLevels > 0 { out.line("int q = 0;") }
    let (count, block) = (product(contraction.terms), kernel.block)
    out.open("for (\(index) k0 = 0; k0 < \(count); k0 += \(block))")
    out.line("const \(index) end = k0 + \(block) < \(count) ? k0 + \(block) : \(count);")
    out.open("for (\(index) term = k0; term < end; term++)")
    let terms = termCoordinates()
    let right = affine(contraction.right.index, place(contraction, row: "row0", column: "column0") + terms)
    out.line("const \(vector) right = vload\(tile.itemColumns)(0, b\(contraction.right.buffer) + (\(right)));")
    for (i, name) in names.enumerated() {
      out.line("const \(index) at\(i) = row0 + \(i);")
      let left = affine(contraction.left.index, place(contraction, row: "at\(i)", column: "column0") + terms)
      out.line("const \(vector) left\(i) = (\(vector))(\(load(contraction.left.buffer, left)));")
      out.line("c\(name) = fma(left\(i), right, c\(name));")
    }
    out.close()
    closeBlock(names, tile, zero: zero, isLast: "end == \(product(contraction.terms))")
    out.close()
    let top = tile.treeLevels == 0 ? "c" : "t\(tile.treeLevels)"
    for (i, name) in names.enumerated() {
      out.line("vstore\(tile.itemColumns)(\(top)\(name), \(i), results);")
    }
    out.close()
    out.open("else")
    emitTileEdge(contraction, tile, rows, columns)
    out.close()
    epilogue(
      contraction, count: tile.itemRows * tile.itemColumns, row: "row0 + o / \(tile.itemColumns)",
      column: "column0 + o % \(tile.itemColumns)")
  }

  /// Outputs of a tile that reaches over the edge, one by one.
  private func emitTileEdge(_ contraction: Contraction, _ tile: TileShape, _ rows: String, _ columns: String) {
    let reduction = kernel.reductions(ofStage: 0)[0]
    out.open("for (int o = 0; o < \(tile.itemRows * tile.itemColumns); o++)")
    out.line("const \(index) row = row0 + o / \(tile.itemColumns);")
    out.line("const \(index) column = column0 + o % \(tile.itemColumns);")
    out.open("if (row < \(rows) && column < \(columns))")
    emitSerialStage(0, place(contraction, row: "row", column: "column"))
    out.line("results[o] = r\(reduction.number);")
    out.close()
    out.close()
  }
}
