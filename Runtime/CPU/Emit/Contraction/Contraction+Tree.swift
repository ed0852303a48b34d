import KilnIR
import KilnRuntime

/// Tree16 (Numerics.md R1) of more than 16 block values, as a counter to the base 16: level n holds the running sum of
/// up to 16 sums of level n - 1. Each level is a tile in scratch.
extension KernelEmitter {
  func level(_ c: TiledContraction, _ number: LLVMValue) -> LLVMValue {
    moved(scratch, multiply(number, module.index(c.tileRows * c.tileColumns * c.elementBytes)))
  }

  /// `to` becomes `from`, or `to` + `from`, element by element.
  func combine(_ c: TiledContraction, to: LLVMValue, from: LLVMValue, adds: LLVMValue) throws(RuntimeError) {
    let type = registerType(c.dtype, c.lanes)
    let end = module.index(c.tileRows * c.tileColumns)
    _ = try loop(from: module.index(0), to: end, step: c.lanes) { index, _ in
      let target = module.offset(to, index, of: registerType(c.dtype))
      let new = module.load(type, module.offset(from, index, of: registerType(c.dtype)), alignment: c.elementBytes)
      let old = module.load(type, target, alignment: c.elementBytes)
      let sum = module.binary(c.dtype.isReal ? .fadd : .add, old, new)
      module.store(module.select(adds, sum, new), target, alignment: c.elementBytes)
      return []
    }
  }

  /// A function for the end of block `end` - 1, which is not the first of its group and lies in the spare tile: adds it
  /// to the group's running sum.
  func accumulate(_ c: TiledContraction) throws(RuntimeError) -> LLVMFunction {
    try subfunction("accumulate", []) { () throws(RuntimeError) in
      try combine(
        c, to: scratch, from: level(c, module.index(ContractionSchedule.levels)), adds: module.constant(1, module.int1))
    }
  }

  /// A function for the end of a group: `end` blocks are done, a multiple of 16. Full levels move up by one.
  func carry(_ c: TiledContraction) throws(RuntimeError) -> LLVMFunction {
    try subfunction("carry", []) { () throws(RuntimeError) in
      // The first value is 0 as long as the level below was full.
      _ = try whileBelow(
        module.index(1), carrying: [module.index(0), module.index(0), module.binary(.lshr, end, module.index(4))]
      ) { carried throws(RuntimeError) in
        let (below, count) = (carried[1], carried[2])
        let above = add(below, module.index(1))
        let number = difference(count, module.index(1))
        let isFirst = module.compare(.eq, module.binary(.and, number, module.index(15)), module.index(0))
        let adds = module.binary(.xor, isFirst, module.constant(1, module.int1))
        try combine(c, to: level(c, above), from: level(c, below), adds: adds)
        return [module.binary(.and, count, module.index(15)), above, module.binary(.lshr, count, module.index(4))]
      }
    }
  }

  /// A function for the end of all `end` blocks: what the levels hold is added from the lowest up, each to the right of
  /// the earlier sums above it, and the result goes to level 0.
  func fold(_ c: TiledContraction) throws(RuntimeError) -> LLVMFunction {
    try subfunction("fold", []) { () throws(RuntimeError) in
      let none = module.index(-1)
      let last = try loop(
        from: module.index(0), to: module.index(ContractionSchedule.levels), carrying: [none]
      ) { number, carried throws(RuntimeError) in
        let digit = module.binary(.and, module.binary(.lshr, end, multiply(number, module.index(4))), module.index(15))
        let isEmpty = module.compare(.eq, digit, module.index(0))
        let joins = module.binary(
          .and, module.compare(.ne, digit, module.index(0)), module.compare(.ne, carried[0], none))
        _ = try branch(if: joins) { () throws(RuntimeError) in
          try combine(c, to: level(c, number), from: level(c, carried[0]), adds: module.constant(1, module.int1))
          return []
        }
        return [module.select(isEmpty, carried[0], number)]
      }
      try combine(c, to: scratch, from: level(c, last[0]), adds: module.constant(0, module.int1))
    }
  }
}
