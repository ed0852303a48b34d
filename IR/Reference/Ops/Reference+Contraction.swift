extension ReferenceInterpreter {
  static func evaluate(_ op: ContractionOp, _ operands: [TensorValue], _ type: TensorType) -> TensorValue {
    switch op {
    case .dot(let batch, let contract):
      let dot = DotRows(operands[0], operands[1], batch, contract)
      switch type.dtype {
      case .f32: return TensorValue(type) { target in dot.evaluate(Float.self, target) }
      case .f64: return TensorValue(type) { target in dot.evaluate(Double.self, target) }
      case .bool, .i8, .i16, .i32, .i64, .u8, .u16, .u32, .u64, .f16, .bf16:
        let words = dot.evaluateIntegers()
        return TensorValue(type) { words.store($0, type.dtype) }
      }
    case .convolution(let convolution):
      return ConvolutionTerms(convolution, operands[0], operands[1], type).evaluate()
    }
  }

  /// Both operands with their terms side by side: [batch, free axes, contracted axes in listed order].
  private struct DotRows {
    let lhs: TensorValue
    let rhs: TensorValue
    let batchCount: Int
    let lhsRowCount: Int
    let rhsRowCount: Int
    let termCount: Int

    init(_ lhs: TensorValue, _ rhs: TensorValue, _ batch: [AxisPair], _ contract: [AxisPair]) {
      let lhsFree = ContractionOp.freeAxes(lhs.type.rank, (batch + contract).map(\.lhs))
      let rhsFree = ContractionOp.freeAxes(rhs.type.rank, (batch + contract).map(\.rhs))
      func count(_ axes: [Int], _ value: TensorValue) -> Int {
        axes.reduce(1) { $0 * value.type.shape[$1].staticSize }
      }
      batchCount = count(batch.map(\.lhs), lhs)
      lhsRowCount = count(lhsFree, lhs)
      rhsRowCount = count(rhsFree, rhs)
      termCount = count(contract.map(\.lhs), lhs)
      self.lhs = lhs.transposed(batch.map(\.lhs) + lhsFree + contract.map(\.lhs))
      self.rhs = rhs.transposed(batch.map(\.rhs) + rhsFree + contract.map(\.rhs))
    }

    func evaluate<Real: NativeElement & FloatingPoint>(_ element: Real.Type, _ target: UnsafeMutableRawPointer) {
      let result = target.assumingMemoryBound(to: element)
      guard termCount > 0 else {
        result.update(repeating: 0, count: batchCount * lhsRowCount * rhsRowCount)
        return
      }
      lhs.withElements(of: element) { a in
        rhs.withElements(of: element) { b in
          forEachPair { index, lhsStart, rhsStart in
            result[index] = RowReduction.dot(a.baseAddress! + lhsStart, b.baseAddress! + rhsStart, termCount)
          }
        }
      }
    }

    /// Wrapping sums are the same modulo 2^64 for all widths and signs; storing cuts them.
    func evaluateIntegers() -> [UInt64] {
      let (a, b) = (lhs.bits, rhs.bits)
      var result = [UInt64](repeating: 0, count: batchCount * lhsRowCount * rhsRowCount)
      forEachPair { index, lhsStart, rhsStart in
        for k in 0..<termCount { result[index] &+= a[lhsStart + k] &* b[rhsStart + k] }
      }
      return result
    }

    /// Calls `body` with each result's position and where its rows begin.
    private func forEachPair(_ body: (Int, Int, Int) -> Void) {
      var index = 0
      for batch in 0..<batchCount {
        for i in 0..<lhsRowCount {
          for j in 0..<rhsRowCount {
            body(index, (batch * lhsRowCount + i) * termCount, (batch * rhsRowCount + j) * termCount)
            index += 1
          }
        }
      }
    }
  }
}
