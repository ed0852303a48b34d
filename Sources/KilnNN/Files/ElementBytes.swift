import Kiln

// What a file's elements go through on their way into a model: exact conversions, and another order of axes. Both run
// on bytes, because a program for each shape of a model would cost more than the whole file.

extension AnyTensor {
  /// Whether every number of `dtype` is one of `other`: f16 and bf16 in f32 and f64, f32 in f64, a type in itself.
  static func isExact(_ dtype: DType, as other: DType) -> Bool {
    switch (dtype, other) {
    case (.f16, .f32), (.f16, .f64), (.bf16, .f32), (.bf16, .f64), (.f32, .f64): true
    default: dtype == other
    }
  }

  /// The same numbers with elements of `other`, to which the conversion is exact.
  func widened(to other: DType) -> AnyTensor {
    if dtype == other { return self }
    let numbers: [Float] = bytes.withUnsafeBytes { bytes in
      switch dtype {
      case .f16: bytes.bindMemory(to: Float16.self).map(Float.init)
      case .bf16: bytes.bindMemory(to: UInt16.self).map { Float(bitPattern: UInt32($0) << 16) }
      default: Array(bytes.bindMemory(to: Float.self))
      }
    }
    return other == .f64
      ? numbers.map(Double.init).withUnsafeBytes { AnyTensor(.f64, dimensions, bytes: $0) }
      : numbers.withUnsafeBytes { AnyTensor(.f32, dimensions, bytes: $0) }
  }

  /// The tensor whose axis i is axis `axes[i]` of this one.
  func permuted(_ axes: [Int]) -> AnyTensor {
    if axes == Array(axes.indices) { return self }
    let (old, size) = (dimensions, dtype.byteCount)
    var strides = old
    var step = size
    for axis in old.indices.reversed() {
      strides[axis] = step
      step *= old[axis]
    }
    let (new, steps) = (axes.map { old[$0] }, axes.map { strides[$0] })
    let source = bytes
    var result = [UInt8](repeating: 0, count: source.count)
    var (index, place) = (axes.map { _ in 0 }, 0)
    for target in stride(from: 0, to: result.count, by: size) {
      for byte in 0..<size { result[target + byte] = source[place + byte] }
      for axis in new.indices.reversed() {
        index[axis] += 1
        place += steps[axis]
        if index[axis] < new[axis] { break }
        place -= steps[axis] * new[axis]
        index[axis] = 0
      }
    }
    return result.withUnsafeBytes { AnyTensor(dtype, new, bytes: $0) }
  }
}
