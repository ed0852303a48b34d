import KilnIR

/// Effects that make a line of results out of a line of values: scans (R4) and sorts.
extension CLEmitter {
  /// A line by one work item, element after element.
  func emitLine(
    _ operation: LineOperation, _ stage: KernelDefinition.Stage, _ outer: [String], _ value: BodyID,
    _ access: BufferAccess
  ) {
    switch operation {
    case .scanReduce(let kind): emitScan(stage, outer, kind, value, access)
    case .argSort: preconditionFailure("a schedule that was checked leaves sorts to groups")
    }
  }

  private func emitScan(
    _ stage: KernelDefinition.Stage, _ outer: [String], _ kind: ReductionKind, _ value: BodyID, _ access: BufferAccess
  ) {
    let dtype = kernel.dtype(of: value, in: stage.body)
    // Only its way of combining is of interest.
    let fold = KernelReduction(number: 0, operation: .reduce(kind), value: value, dtype: dtype)
    let type = dtype.clRegister
    out.line("\(index) count = 0;")
    out.line("\(type) running = \(fold.neutral.clConstant);")
    if fold.isBlocked { out.line("\(type) before = \(fold.neutral.clConstant);") }
    emitNest(stage, counter: "count") { inner, element in
      let point = Point(coordinates: outer + inner, element: element, scratchRows: scratchRowNames)
      let names = body(stage, point)
      out.line("running = \(combine(fold, "running", names[value.index]));")
      out.line("const \(type) result = \(fold.isBlocked ? combine(fold, "before", "running") : "running");")
      let place = "b\(access.buffer)[\(affine(access.index, point.coordinates))]"
      out.line("\(place) = (\(dtype.clMemory))result;")
      out.line("count++;")
      guard fold.isBlocked else { return }
      out.open("if ((count & \(KernelDefinition.reductionBlock - 1)) == 0)")
      out.line("before = result;")
      out.line("running = \(fold.neutral.clConstant);")
      out.close()
    }
  }

  /// A work group sorts a line by a bitonic network. Keys with their numbers are a total order, so a network that is
  /// not stable gives the stable result; the places beyond the line have the greatest keys and numbers.
  func emitSortGroups() {
    let stage = kernel.stages[0]
    guard case .line(.argSort(let first), let key, let access) = stage.effects[0], let dtype = kernel.sortKey else {
      return
    }
    let (type, bytes) = (dtype.clRegister, dtype.byteCount)
    let barrier = "barrier(CLK_GLOBAL_MEM_FENCE);"
    out.line("const uint lane = get_local_id(0);")
    out.line("const uint lanes = get_local_size(0);")
    out.line("const uint length = \(product(stage.inner));")
    out.line("uint padded = 1;")
    out.line("while (padded < length) padded <<= 1;")
    out.line("const ulong bytes = ((ulong)padded * \(bytes + 4) + 15) / 16 * 16;")
    out.line("__global uchar *const line = scratch + get_group_id(0) * bytes;")
    out.line("__global \(type) *const keys = (__global \(type) *)line;")
    out.line("__global int *const numbers = (__global int *)(line + (ulong)padded * \(bytes));")
    out.open("for (\(index) point = get_group_id(0); point < \(product(kernel.outer)); point += get_num_groups(0))")
    coordinates(outerNames, of: "point", in: kernel.outer)
    out.open("for (uint e = lane; e < padded; e += lanes)")
    out.line("keys[e] = \(Scalar(dtype, bits: dtype.bitMask).clConstant);")
    out.line("numbers[e] = e;")
    out.open("if (e < length)")
    let inner = innerNames(stage, element: "e")
    let names = body(stage, Point(coordinates: outerNames + inner))
    out.line("keys[e] = \(names[key.index]);")
    out.close()
    out.close()
    out.line(barrier)
    out.open("for (uint width = 2; width <= padded; width <<= 1)")
    out.open("for (uint step = width >> 1; step > 0; step >>= 1)")
    out.open("for (uint t = lane; t < padded / 2; t += lanes)")
    out.line("const uint i = 2 * t - (t & (step - 1));")
    out.line("const uint j = i + step;")
    out.line("const \(type) a = keys[i];")
    out.line("const \(type) b = keys[j];")
    out.line("const int x = numbers[i];")
    out.line("const int y = numbers[j];")
    out.line("const int isGreater = a > b || (a == b && x > y);")
    out.line("if (isGreater == ((i & width) == 0)) { keys[i] = b; keys[j] = a; numbers[i] = y; numbers[j] = x; }")
    out.close()
    out.line(barrier)
    out.close()
    out.close()
    let results = first.map { "min(length, \($0)u)" } ?? "length"
    out.open("for (uint e = lane; e < \(results); e += lanes)")
    let places = innerNames(stage, element: "e")
    out.line("b\(access.buffer)[\(affine(access.index, outerNames + places))] = numbers[e];")
    out.close()
    out.line(barrier)
    out.close()
  }

  /// Declares the inner coordinates of an element where there are several.
  private func innerNames(_ stage: KernelDefinition.Stage, element: String) -> [String] {
    guard stage.inner.count > 1 else { return [element] }
    let names = stage.inner.indices.map { "i\($0)" }
    coordinates(names, of: element, in: stage.inner)
    return names
  }
}
