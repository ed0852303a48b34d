extension ReferenceInterpreter {
  /// A `while` that is running.
  struct WhileRun {
    private let condition: Function
    private let body: Function
    private let captured: [TensorValue]
    private var carried: [TensorValue]
    private var isTesting = false

    init(condition: Function, body: Function, operands: [TensorValue], captured: Int) {
      self.condition = condition
      self.body = body
      self.captured = operands.suffix(captured)
      carried = operands.dropLast(captured)
    }

    mutating func advance(_ returned: [TensorValue]?) -> Activity.Event {
      if isTesting, let returned {
        isTesting = false
        guard returned[0].bytes[0] == 1 else { return .finished(carried) }
        return .start(.function(Frame(body, carried + captured)))
      }
      // At the beginning nothing has returned; later the body has.
      if let returned { carried = returned }
      isTesting = true
      return .start(.function(Frame(condition, carried + captured)))
    }
  }

  /// A `scan` that is running.
  struct ScanRun {
    private let scan: ControlOp.Scan
    private let body: Function
    private let xs: [TensorValue]
    private let captured: [TensorValue]
    private var carried: [TensorValue]
    private var ys: [TensorValue]
    private var turnsDone = -1

    init(_ scan: ControlOp.Scan, body: Function, _ operands: [TensorValue]) {
      self.scan = scan
      self.body = body
      carried = Array(operands.prefix(scan.carried))
      captured = operands.suffix(scan.captured)
      xs = Array(operands.dropLast(scan.captured).dropFirst(scan.carried))
      ys = body.resultTypes.dropFirst(scan.carried).map { type in
        let stacked = type.stacked(scan.length)
        return TensorValue(stacked) { $0.initializeMemory(as: UInt8.self, repeating: 0, count: stacked.byteCount) }
      }
    }

    mutating func advance(_ returned: [TensorValue]?) -> Activity.Event {
      if let returned {
        let element = scan.element(after: turnsDone)
        carried = Array(returned.prefix(scan.carried))
        for (number, y) in returned.dropFirst(scan.carried).enumerated() { ys[number].setElement(element, to: y) }
      }
      turnsDone += 1
      guard turnsDone < scan.length.staticSize else { return .finished(carried + ys) }
      let element = scan.element(after: turnsDone)
      return .start(.function(Frame(body, carried + xs.map { $0.element(element) } + captured)))
    }
  }
}

extension TensorValue {
  /// Element `index` along the leading axis.
  fileprivate func element(_ index: Int) -> TensorValue {
    let type = type.element
    let count = type.byteCount
    return TensorValue(type) { target in
      bytes.withUnsafeBytes { target.copyMemory(from: $0.baseAddress! + index * count, byteCount: count) }
    }
  }

  fileprivate mutating func setElement(_ index: Int, to value: TensorValue) {
    let start = index * value.bytes.count
    bytes.replaceSubrange(start..<start + value.bytes.count, with: value.bytes)
  }
}
