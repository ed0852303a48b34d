extension ScalarProgram {
  /// The value of the program on `arguments`, which have the dtypes of the parameters.
  public func evaluate(_ arguments: [Scalar]) -> Scalar {
    precondition(arguments.map(\.dtype) == parameters, "arguments fit the parameters")
    return Scalar(resultDType, bits: evaluate(columns: arguments.map { [$0.bits] }, count: 1)[0])
  }

  /// The program on `count` elements.
  ///
  /// - Parameter columns: for each parameter its `count` values as zero-extended words.
  /// - Returns: `count` words of `resultDType`.
  public func evaluate(columns: [[UInt64]], count: Int) -> [UInt64] {
    precondition(
      columns.count == parameters.count && columns.allSatisfy { $0.count >= count }, "one column a parameter")
    let lengths = columns.map(\.count)
    let joined = columns.flatMap { $0 }
    return [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let result = buffer.baseAddress, count > 0 else { return }
      joined.withUnsafeBufferPointer { joined in
        var inputs: [UnsafePointer<UInt64>] = []
        var offset = 0
        for length in lengths {
          inputs.append(joined.baseAddress! + offset)
          offset += length
        }
        evaluate(inputs, count: count, into: result)
      }
      initialized = count
    }
  }

  /// Instruction by instruction over blocks of elements, so that the work per element is the arithmetic.
  func evaluate(_ inputs: [UnsafePointer<UInt64>], count: Int, into result: UnsafeMutablePointer<UInt64>) {
    let block = min(count, 256)
    let scratch = UnsafeMutablePointer<UInt64>.allocate(capacity: block * max(instructions.count, 1))
    defer { scratch.deallocate() }
    for (row, instruction) in instructions.enumerated() {
      if case .constant(let value) = instruction {
        (scratch + row * block).update(repeating: value.bits, count: block)
      }
    }
    var start = 0
    while start < count {
      let size = min(block, count - start)
      func column(_ id: ScalarID) -> UnsafePointer<UInt64> {
        id.index < inputs.count ? inputs[id.index] + start : UnsafePointer(scratch + (id.index - inputs.count) * block)
      }
      for (row, instruction) in instructions.enumerated() {
        guard case .operation(let primitive, let operands, let dtype) = instruction else { continue }
        let columns = ScalarColumns(operands: operands.map(column), result: scratch + row * block, count: size)
        primitive.evaluate(columns, operand: self.dtype(of: operands[operands.count - 1]), result: dtype)
      }
      (result + start).update(from: column(self.result), count: size)
      start += size
    }
  }
}
