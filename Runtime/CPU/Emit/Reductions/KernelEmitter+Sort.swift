import KilnIR
import KilnRuntime

/// Sorting a line by unsigned keys: by insertion if it is short, else by radix, a byte of the key at a time. Both are
/// stable, so there is one result.
extension KernelEmitter {
  /// Up to here insertion is faster than histograms.
  private static let longestInsertion = 64

  /// A line with its numbers, in one of its two places.
  struct Line {
    var keys: LLVMValue
    var numbers: LLVMValue
  }

  /// Stores the number of the i-th key in ascending order at element i, of all or of the `first` ones.
  func emitSort(
    _ dtype: DType, _ count: LLVMValue, first: Int?, elementBytes: Int, key: (LLVMValue) -> LLVMValue,
    store: (LLVMValue, LLVMValue) -> Void
  ) throws(RuntimeError) {
    let type = memoryType(dtype)
    let padded = module.binary(.and, add(count, module.index(15)), module.index(~15))
    func part(_ bytesBefore: Int) -> LLVMValue {
      module.offset(scratch, multiply(padded, module.index(bytesBefore)), of: module.int8)
    }
    let (near, far) = (Line(keys: part(0), numbers: part(16)), Line(keys: part(8), numbers: part(20)))
    let histogram = part(elementBytes)
    _ = try loop(from: module.index(0), to: count) { element, _ in
      module.store(key(element), module.offset(near.keys, element, of: type), alignment: dtype.byteCount)
      let number = module.cast(.trunc, element, to: module.int32)
      module.store(number, module.offset(near.numbers, element, of: module.int32), alignment: 4)
      return []
    }
    let isShort = module.compare(.sle, count, module.index(Self.longestInsertion))
    _ = try branch(if: isShort) { () throws(RuntimeError) in
      try insert(near, count, type, dtype)
      return []
    }
    let isLong = module.binary(.xor, isShort, module.constant(1, module.int1))
    let sorted = try branch(if: isLong, otherwise: [near.numbers]) { () throws(RuntimeError) in
      [try distribute(near, far, histogram, count, type, dtype)]
    }
    let end = first.map { smaller(count, module.index($0)) } ?? count
    _ = try loop(from: module.index(0), to: end) { element, _ in
      store(module.load(module.int32, module.offset(sorted[0], element, of: module.int32), alignment: 4), element)
      return []
    }
  }

  func load(_ line: LLVMValue, _ element: LLVMValue, _ type: LLVMType, _ dtype: DType) -> LLVMValue {
    module.load(type, module.offset(line, element, of: type), alignment: dtype.byteCount)
  }

  /// Each key goes left past the greater ones.
  private func insert(_ line: Line, _ count: LLVMValue, _ type: LLVMType, _ dtype: DType) throws(RuntimeError) {
    _ = try loop(from: module.index(1), to: count) { element, _ in
      let key = load(line.keys, element, type, dtype)
      insert(key, load(line.numbers, element, module.int32, .i32), at: element, line, type, dtype)
      return []
    }
  }

  /// Puts a key into the sorted ones before element `end`, which it overwrites, past those that are greater.
  func insert(
    _ key: LLVMValue, _ number: LLVMValue, at end: LLVMValue, _ line: Line, _ type: LLVMType, _ dtype: DType
  ) {
    let entry = module.currentBlock
    let (test, look) = (module.block("test", in: function), module.block("look", in: function))
    let (shift, done) = (module.block("shift", in: function), module.block("done", in: function))
    module.branch(to: test)
    module.position(at: test)
    let place = module.phi(module.int64)
    module.addIncoming(end, from: entry, to: place)
    module.branch(if: module.compare(.sgt, place, module.index(0)), to: look, else: done)
    module.position(at: look)
    let left = add(place, module.index(-1))
    let other = load(line.keys, left, type, dtype)
    module.branch(if: module.compare(.ugt, other, key), to: shift, else: done)
    module.position(at: shift)
    module.store(other, module.offset(line.keys, place, of: type), alignment: dtype.byteCount)
    let moved = load(line.numbers, left, module.int32, .i32)
    module.store(moved, module.offset(line.numbers, place, of: module.int32), alignment: 4)
    module.branch(to: test)
    module.addIncoming(left, from: shift, to: place)
    module.position(at: done)
    module.store(key, module.offset(line.keys, place, of: type), alignment: dtype.byteCount)
    module.store(number, module.offset(line.numbers, place, of: module.int32), alignment: 4)
  }

  /// Radix sort from the least byte up. A byte in which all keys agree takes no pass. Gives where the numbers end.
  private func distribute(
    _ near: Line, _ far: Line, _ histogram: LLVMValue, _ count: LLVMValue, _ type: LLVMType, _ dtype: DType
  ) throws(RuntimeError) -> LLVMValue {
    let bytes = dtype.byteCount
    func slot(_ byte: LLVMValue, _ digit: LLVMValue) -> LLVMValue {
      module.offset(histogram, add(multiply(byte, module.index(256)), digit), of: module.int64)
    }
    func digit(_ key: LLVMValue, _ byte: LLVMValue) -> LLVMValue {
      let wide = bytes == 8 ? key : module.cast(.zext, key, to: module.int64)
      let shifted = module.binary(.lshr, wide, multiply(byte, module.index(8)))
      return module.binary(.and, shifted, module.index(255))
    }
    func increment(_ place: LLVMValue) -> LLVMValue {
      let old = module.load(module.int64, place, alignment: 8)
      module.store(add(old, module.index(1)), place, alignment: 8)
      return old
    }
    _ = try loop(from: module.index(0), to: module.index(256 * bytes)) { place, _ in
      module.store(module.index(0), module.offset(histogram, place, of: module.int64), alignment: 8)
      return []
    }
    _ = try loop(from: module.index(0), to: count) { element, _ in
      let key = load(near.keys, element, type, dtype)
      for byte in 0..<bytes { _ = increment(slot(module.index(byte), digit(key, module.index(byte)))) }
      return []
    }
    let lines = [near.keys, near.numbers, far.keys, far.numbers]
    let ends = try loop(from: module.index(0), to: module.index(bytes), carrying: lines) {
      byte, lines throws(RuntimeError) in
      let first = digit(load(lines[0], module.index(0), type, dtype), byte)
      let same = module.load(module.int64, slot(byte, first), alignment: 8)
      return try branch(if: module.compare(.ne, same, count), otherwise: lines) { () throws(RuntimeError) in
        _ = try loop(from: module.index(0), to: module.index(256), carrying: [module.index(0)]) { digit, sum in
          let place = slot(byte, digit)
          let keys = module.load(module.int64, place, alignment: 8)
          module.store(sum[0], place, alignment: 8)
          return [add(sum[0], keys)]
        }
        _ = try loop(from: module.index(0), to: count) { element, _ in
          let key = load(lines[0], element, type, dtype)
          let number = load(lines[1], element, module.int32, .i32)
          let target = increment(slot(byte, digit(key, byte)))
          module.store(key, module.offset(lines[2], target, of: type), alignment: dtype.byteCount)
          module.store(number, module.offset(lines[3], target, of: module.int32), alignment: 4)
          return []
        }
        return [lines[2], lines[3], lines[0], lines[1]]
      }
    }
    return ends[1]
  }
}
