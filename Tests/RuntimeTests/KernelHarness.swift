import KilnIR
import KilnTesting
import Testing

@testable import KilnCPU
@testable import KilnRuntime

/// Runs compiled kernels on arrays of words, for tests.
struct KernelHarness {
  let compiler: KernelCompiler

  /// A harness for this machine as if its widest vectors had this width; nil where the machine is narrower.
  static func make(_ limit: HostFeatures.VectorClass = .bits512) throws -> KernelHarness? {
    let machine = try CPUMachine(library: LLVMLibrary.shared.get(), limit: limit)
    return machine.features.vectorClass == limit
      ? KernelHarness(compiler: KernelCompiler(machine: machine, cache: nil)) : nil
  }

  static let widest = Result {
    try KernelHarness(compiler: KernelCompiler(machine: CPUMachine.shared.get(), cache: nil))
  }

  /// Runs all phases of `kernel`, in pieces of `unitsPerCall` work units.
  ///
  /// - Parameters:
  ///   - buffers: one column of words for each buffer; those that are written change.
  ///   - guarded: whether a page of canaries around each buffer is checked.
  /// - Returns: the status word.
  @discardableResult
  func run(
    _ kernel: Kernel, _ buffers: inout [[UInt64]], integers: [Int] = [], unitsPerCall: Int = .max
  ) throws -> Int32 {
    let code = try compiler.code(of: [kernel], [(0, integers)])[0]
    let margin = 64
    let memory = zip(kernel.definition.buffers, buffers).map { buffer, words -> UnsafeMutableRawPointer in
      let size = buffer.dtype.byteCount
      let block = UnsafeMutableRawPointer.allocate(byteCount: words.count * size + 2 * margin, alignment: 64)
      block.initializeMemory(as: UInt8.self, repeating: 0xA5, count: words.count * size + 2 * margin)
      for (index, word) in words.enumerated() {
        withUnsafeBytes(of: word.littleEndian) { bytes in
          (block + margin + index * size).copyMemory(from: bytes.baseAddress!, byteCount: size)
        }
      }
      return block
    }
    defer { for block in memory { block.deallocate() } }
    let workspace = UnsafeMutableRawPointer.allocate(byteCount: kernel.workspaceBytes(integers) + 64, alignment: 64)
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: kernel.scratchBytes(integers) + 64, alignment: 64)
    defer {
      workspace.deallocate()
      scratch.deallocate()
    }
    // The site, nothing, and the index of what is out of range.
    var status: [Int32] = [0, 0, 0, 0]
    let pointers: [UnsafeMutableRawPointer?] = memory.map { $0 + margin } + [workspace]
    for (phase, function) in code.phases.enumerated() {
      let units = try #require(kernel.schedule.cpu).workUnits(kernel.definition, phase: phase, integers)
      var begin = 0
      while begin < units {
        let end = unitsPerCall < units - begin ? begin + unitsPerCall : units
        FloatingPointMode.withStandard { function(pointers, code.arguments, begin, end, scratch, &status) }
        begin = end
      }
    }
    for (number, buffer) in kernel.definition.buffers.enumerated() {
      let size = buffer.dtype.byteCount
      let bytes = buffers[number].count * size
      for offset in Array(0..<margin) + Array(margin + bytes..<2 * margin + bytes)
      where memory[number].load(fromByteOffset: offset, as: UInt8.self) != 0xA5 {
        throw Overrun(buffer: number, offset: offset - margin)
      }
      guard buffer.isWritten else { continue }
      for index in buffers[number].indices {
        var word: UInt64 = 0
        withUnsafeMutableBytes(of: &word) {
          $0.baseAddress!.copyMemory(from: memory[number] + margin + index * size, byteCount: size)
        }
        buffers[number][index] = word
      }
    }
    return status[0]
  }

  struct Overrun: Error { let buffer: Int, offset: Int }
}

/// Equal words, where all NaNs of a dtype are one (Numerics.md S2).
func same(_ a: UInt64, _ b: UInt64, _ dtype: DType) -> Bool {
  if a == b { return true }
  switch dtype {
  case .f32: return Float(bitPattern: UInt32(a)).isNaN && Float(bitPattern: UInt32(b)).isNaN
  case .f64: return Double(bitPattern: a).isNaN && Double(bitPattern: b).isNaN
  case .f16: return a & 0x7fff > 0x7c00 && b & 0x7fff > 0x7c00
  case .bf16: return a & 0x7fff > 0x7f80 && b & 0x7fff > 0x7f80
  case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64: return false
  }
}

/// The first index where two columns differ.
func firstDifference(_ a: [UInt64], _ b: [UInt64], _ dtype: DType) -> Int? {
  a.indices.first { !same(a[$0], b[$0], dtype) } ?? (a.count == b.count ? nil : min(a.count, b.count))
}

extension DType {
  /// Words that are hard for the arithmetic of this dtype, then random ones.
  func words(_ count: Int, seed: Int) -> [UInt64] {
    var random = SplitMix64(seed: UInt64(seed))
    let hard: [UInt64] =
      switch self {
      case .bool: [0, 1]
      case .f32:
        [
          0, 0x8000_0000, 1, 0x8000_0001, 0x007f_ffff, 0x0080_0000, 0x3f80_0000, 0xbf80_0000, 0x7f80_0000, 0xff80_0000,
          0x7fc0_0000, 0x7f7f_ffff, 0xff7f_ffff, 0x4f00_0000, 0xcf00_0000, 0x4f80_0000, 0x5f00_0000, 0x5f80_0000,
          0xdf00_0000, 0x3f00_0000, 0x3fc0_0000, 0x4b00_0000, 0x4b7f_ffff, 0x477f_e000, 0x477f_f000, 0x3380_0000,
          0x3300_0000,
        ]
      case .f64:
        [
          0, 1 << 63, 1, 1 << 63 | 1, 0x000f_ffff_ffff_ffff, 0x0010_0000_0000_0000, 0x3ff0_0000_0000_0000,
          0xbff0_0000_0000_0000, 0x7ff0_0000_0000_0000, 0xfff0_0000_0000_0000, 0x7ff8_0000_0000_0000,
          0x7fef_ffff_ffff_ffff, 0x43e0_0000_0000_0000, 0xc3e0_0000_0000_0000, 0x43f0_0000_0000_0000,
          0x41e0_0000_0000_0000, 0x36a0_0000_0000_0000, 0x3690_0000_0000_0000, 0x3690_0000_0000_0001,
          0x47ef_ffff_f000_0000, 0x40ef_fdff_ffff_ffff, 0x40ef_fe00_0000_0000, 0x3ff0_0020_0000_0001,
          0x3ff0_1000_0000_0001,
        ]
      case .f16: [0, 0x8000, 1, 0x3ff, 0x400, 0x3c00, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0xbc00]
      case .bf16: [0, 0x8000, 1, 0x7f, 0x80, 0x3f80, 0x7f7f, 0x7f80, 0xff80, 0x7fc0, 0xbf80]
      case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64:
        [
          0, 1, 2, 3, 7, bitMask, bitMask - 1, bitMask >> 1, (bitMask >> 1) + 1, UInt64(bitWidth), UInt64(bitWidth - 1),
          (1 << 53 + 1) & bitMask, (1 << 24 + 1) & bitMask, 2049 & bitMask,
          0x4040_0000_0000_0001 & bitMask, 0xbfbf_ffff_ffff_ffff & bitMask, 0x8080_0000_0000_0001 & bitMask,
        ]
      }
    return (0..<count).map { index in
      if index < 2 * hard.count || random.next() % 4 == 0 { return hard[Int(random.next() % UInt64(hard.count))] }
      return random.next() & bitMask
    }
  }

  /// Ordinary numbers: reals of both signs around 1, small integers.
  func numbers(_ count: Int, seed: Int) -> [UInt64] {
    var random = SplitMix64(seed: UInt64(seed))
    return (0..<count).map { _ in
      let value = Double(Int64(bitPattern: random.next()) >> 11) * 0x1p-50
      switch self {
      case .f32: return UInt64(Float(value).bitPattern)
      case .f64: return value.bitPattern
      case .bool: return random.next() & 1
      case .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16: return random.next() & 63
      }
    }
  }
}
