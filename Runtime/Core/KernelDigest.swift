package import KilnIR

extension Kernel {
  /// The digest of the kernel's content: equal kernels, and no others, have equal digests.
  package var digest: Digest {
    var encoder = KernelEncoder()
    encoder.encode(self)
    return SHA256.hash(encoder.bytes)
  }
}

/// Writes a kernel as bytes, every case with its number and every list with its length.
private struct KernelEncoder {
  var bytes: [UInt8] = []

  mutating func encode(_ number: Int) {
    // Small numbers take one byte; the first byte says which form follows.
    if (0..<255).contains(number) {
      bytes.append(UInt8(number))
    } else {
      bytes.append(255)
      for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
  }

  mutating func encode(_ text: String) {
    encode(text.utf8.count)
    bytes.append(contentsOf: text.utf8)
  }

  mutating func encode(_ dtype: DType) { encode(Int(dtype.rawValue)) }
  mutating func encode(_ id: BodyID) { encode(id.index) }

  mutating func encode(_ integer: KernelInteger) {
    switch integer {
    case .constant(let value): encode(0, value)
    case .argument(let number): encode(1, number)
    }
  }

  mutating func encode(_ numbers: Int...) { for number in numbers { encode(number) } }

  mutating func encode<Element>(_ list: [Element], _ element: (inout Self, Element) -> Void) {
    encode(list.count)
    for item in list { element(&self, item) }
  }

  mutating func encode(_ index: AffineIndex) {
    encode(index.offset)
    encode(index.strides) { $0.encode($1) }
  }

  mutating func encode(_ kernel: Kernel) {
    encode(kernel.buffers) { encoder, buffer in
      encoder.encode(buffer.dtype)
      encoder.encode(buffer.isWritten ? 1 : 0)
    }
    encode(kernel.scratchRows) { $0.encode($1) }
    encode(kernel.integerCount)
    encode(kernel.outer) { $0.encode($1) }
    encode(kernel.stages) { encoder, stage in
      encoder.encode(stage.inner) { $0.encode($1) }
      encoder.encode(stage.body) { $0.encode($1) }
      encoder.encode(stage.effects) { $0.encode($1) }
    }
    encode(kernel.schedule)
  }

  mutating func encode(_ instruction: BodyInstruction) {
    switch instruction {
    case .constant(let scalar):
      encode(0)
      encode(scalar.dtype)
      encode(Int(bitPattern: UInt(scalar.bits)))
    case .operation(let primitive, let operands, let dtype):
      encode(1)
      encode(primitive.spelling)
      encode(operands) { $0.encode($1) }
      encode(dtype)
    case .index(let index, let dtype):
      encode(2)
      encode(index)
      encode(dtype)
    case .load(let buffer, let index):
      encode(3, buffer)
      encode(index)
    case .gather(let buffer, let index, let data, let bounds):
      encode(4, buffer)
      encode(index)
      encode(data) { $0.encode($1) }
      encode(bounds.rawValue)
    case .loadScratch(let row): encode(5, row)
    case .reduced(let number): encode(6, number)
    }
  }

  private mutating func encode(_ index: DataIndex) {
    encode(index.value)
    encode(index.stride)
    encode(index.extent)
    encode(index.site)
  }

  mutating func encode(_ effect: Effect) {
    switch effect {
    case .store(let buffer, let index, let value):
      encode(0, buffer)
      encode(index)
      encode(value)
    case .storeScratch(let row, let value):
      encode(1, row)
      encode(value)
    case .reduce(let kind, let value):
      encode(2)
      encode(kind.rawValue)
      encode(value)
    case .argReduce(let kind, let value):
      encode(3)
      encode(kind.rawValue)
      encode(value)
    case .dot(let lhs, let rhs):
      encode(4)
      encode(lhs)
      encode(rhs)
    case .scatter(let buffer, let index, let data, let combiner, let bounds, let value):
      encode(5, buffer)
      encode(index)
      encode(data) { $0.encode($1) }
      encode(combiner.rawValue)
      encode(bounds.rawValue)
      encode(value)
    case .scanReduce(let kind, let value, let buffer, let index):
      encode(6, buffer)
      encode(kind.rawValue)
      encode(value)
      encode(index)
    case .argSort(let key, let buffer, let index):
      encode(7, buffer)
      encode(key)
      encode(index)
    }
  }

  mutating func encode(_ schedule: Schedule) {
    switch schedule {
    case .serial: encode(0)
    case .pointwise(let lanes, let unroll, let grain, let streaming): encode(1, lanes, unroll, grain, streaming ? 1 : 0)
    case .rows: encode(2)
    case .turned(let axis, let lanes, let grain): encode(6, axis, lanes, grain)
    case .splitRows: encode(3)
    case .columns(let strip): encode(4, strip)
    case .contraction(let schedule):
      encode(5, schedule.batchAxes, schedule.rowAxes, schedule.tileRows, schedule.tileColumns)
      encode(schedule.packsRight ? 1 : 0, schedule.streamsRight ? 1 : 0, schedule.packsLeft ? 1 : 0)
    }
  }
}
