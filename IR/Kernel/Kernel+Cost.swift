/// A rough estimate of what a launch costs one core, enough to decide whether other cores should help.
extension Kernel {
  /// Nanoseconds on one core for these launch integers.
  public func estimatedNanoseconds(_ integers: [Int]) -> Int {
    let points = outer.product(integers)
    var total = 0.0
    for stage in stages {
      let elements = Double(points) * Double(stage.innerCount(integers))
      total += elements * stage.nanosecondsPerPoint(isSerial: schedule == .serial)
    }
    return Int(min(total, 1e15))
  }
}

extension Kernel.Stage {
  /// Vector code does some 30 operations per nanosecond and moves some 40 bytes; scalar code a thirtieth of that.
  func nanosecondsPerPoint(isSerial: Bool) -> Double {
    var cost = 0.0
    for instruction in body {
      switch instruction {
      case .constant, .index, .reduced: break
      case .operation(.divide, _, _), .operation(.squareRoot, _, _): cost += 0.15
      case .operation(.remainder, _, _): cost += 20
      case .operation: cost += 0.03
      case .load, .loadScratch: cost += 0.1
      case .gather: cost += 1
      }
    }
    for effect in effects {
      switch effect {
      case .store, .storeScratch: cost += 0.1
      case .reduce: cost += 0.03
      case .argReduce: cost += 0.1
      case .scanReduce: cost += 0.2
      case .scatter: cost += 1
      case .argSort: cost += 2
      case .dot: cost = isSerial ? cost + 1 : 0.02
      }
    }
    return isSerial ? cost * 10 : cost
  }
}
