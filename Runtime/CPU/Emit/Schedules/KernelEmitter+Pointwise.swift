import KilnIR
import KilnRuntime

/// The pointwise schedule: vectors along the last outer axis, `unroll` of them in a turn, then masked ones.
extension KernelEmitter {
  func emitPointwise(lanes: Int, unroll: Int, grain: Int, streaming: Bool) throws(RuntimeError) {
    guard let last = kernel.outer.last else { return try emitScalarPoints() }
    let extent = value(last)
    let axis = kernel.outer.count - 1
    let extents = kernel.outer.dropLast().map(value) + [ceilDivide(extent, grain)]
    let streamed = streaming && isX86 ? streamableStores(lanes) : []
    try unitLoop(extents) { _, coordinates throws(RuntimeError) in
      let from = multiply(coordinates[axis], module.index(grain))
      let to = smaller(add(from, module.index(grain)), extent)
      var outer: [LLVMValue?] = coordinates
      outer[axis] = nil
      let frames = kernel.stages.indices.map { frame(ofStage: $0, coordinates: outer, varying: [axis], lanes: lanes) }
      func turn(_ index: LLVMValue, copies: Int, mask: LLVMValue?, streams: Bool) throws(RuntimeError) {
        for copy in 0..<copies {
          var point = Point(lanes: lanes, coordinates: outer)
          point.coordinates[axis] = index
          point.vectorAxis = axis
          point.displacement = copy * lanes
          point.mask = mask
          for frame in frames {
            var values = BodyValues(frame: frame, point: point)
            emitEffects(&values, streamed: streams ? streamed : [])
          }
        }
      }
      let count = module.binary(.sub, to, from)
      let turnLanes = lanes * unroll
      let whole = module.binary(.sub, count, module.binary(.urem, count, module.index(turnLanes)))
      let middle = add(from, whole)
      if streamed.isEmpty {
        _ = try loop(from: from, to: middle, step: turnLanes) { index, _ throws(RuntimeError) in
          try turn(index, copies: unroll, mask: nil, streams: false)
          return []
        }
      } else {
        // Stores past the caches need aligned vectors; a row that does not begin so is stored as usual.
        let isAligned = areAligned(streamed, frames, from)
        for (limit, streams) in [
          (module.select(isAligned, middle, from), true), (module.select(isAligned, from, middle), false),
        ] {
          _ = try loop(from: from, to: limit, step: turnLanes) { index, _ throws(RuntimeError) in
            try turn(index, copies: unroll, mask: nil, streams: streams)
            return []
          }
        }
      }
      guard turnLanes > 1 else { return }
      _ = try loop(from: middle, to: to, step: lanes) { index, _ throws(RuntimeError) in
        let mask = lanes > 1 ? mask(count: module.binary(.sub, to, index), lanes) : nil
        try turn(index, copies: 1, mask: mask, streams: false)
        return []
      }
    }
    if !streamed.isEmpty { _ = module.intrinsic("llvm.x86.sse.sfence", [], []) }
  }

  /// A kernel without axes.
  private func emitScalarPoints() throws(RuntimeError) {
    try unitLoop([]) { _, _ throws(RuntimeError) in
      for stage in kernel.stages.indices { try emitScalarStage(stage, []) }
    }
  }

  // MARK: - Stores past the caches

  /// The stores whose vectors are consecutive and fill whole cache lines.
  private func streamableStores(_ lanes: Int) -> Set<BufferAccess> {
    var accesses: Set<BufferAccess> = []
    for case .store(_, let access) in kernel.stages.flatMap(\.effects)
    where access.index.strides.last == .constant(1)
      && (lanes * kernel.buffers[access.buffer].dtype.byteCount).isMultiple(of: 64)
    {
      accesses.insert(access)
    }
    return accesses
  }

  private func areAligned(_ accesses: Set<BufferAccess>, _ frames: [StageFrame], _ from: LLVMValue) -> LLVMValue {
    let addresses = frames.flatMap { frame in
      frame.pointers.filter { accesses.contains($0.key) }.map { access, pointer in
        let start = module.offset(pointer, from, of: memoryType(kernel.buffers[access.buffer].dtype))
        return module.cast(.ptrtoint, start, to: module.int64)
      }
    }
    let bits = addresses.reduce(module.index(0)) { module.binary(.or, $0, $1) }
    return module.compare(.eq, module.binary(.and, bits, module.index(63)), module.index(0))
  }
}
