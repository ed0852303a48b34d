import KilnIR

/// A number that D1 is defined for.
protocol DotElement: Equatable {
  associatedtype Bits: Equatable
  static var zero: Self { get }
  func plus(_ other: Self) -> Self
  /// Integers wrap; reals round once.
  func plusProduct(_ a: Self, _ b: Self) -> Self
  var bits: Bits { get }
  func atLeastZero() -> Self
  /// A value from random bits, such that sums round.
  init(random: UInt64)
}

extension DotElement where Self: FloatingPoint {
  func plus(_ other: Self) -> Self { self + other }
  func plusProduct(_ a: Self, _ b: Self) -> Self { addingProduct(a, b) }
  func atLeastZero() -> Self { self > 0 ? self : 0 }
}

extension Float: DotElement {
  var bits: UInt32 { bitPattern }
  init(random: UInt64) { self = Float(Int32(truncatingIfNeeded: random >> 20) >> 8) * 0x1p-20 }
}

extension Double: DotElement {
  var bits: UInt64 { bitPattern }
  init(random: UInt64) { self = Double(Int64(bitPattern: random) >> 11) * 0x1p-50 }
}

extension DotElement where Self: FixedWidthInteger {
  func plus(_ other: Self) -> Self { self &+ other }
  func plusProduct(_ a: Self, _ b: Self) -> Self { self &+ a &* b }
  var bits: Self { self }
  func atLeastZero() -> Self { Swift.max(self, 0) }
  init(random: UInt64) { self = Self(truncatingIfNeeded: random >> 16) }
}

extension Int8: DotElement {}
extension UInt8: DotElement {}
extension Int16: DotElement {}
extension UInt16: DotElement {}
extension Int32: DotElement {}
extension UInt32: DotElement {}
extension Int64: DotElement {}
extension UInt64: DotElement {}

/// Numerics.md R1.
func tree16<T: DotElement>(_ values: [T]) -> T {
  var values = values
  while values.count > 1 {
    values = stride(from: 0, to: values.count, by: 16).map { start in
      values[start..<min(start + 16, values.count)].dropFirst().reduce(values[start]) { $0.plus($1) }
    }
  }
  return values[0]
}

extension ContractionCase {
  /// The sums by Numerics.md D1, batch by batch, row by row.
  func reference<T: DotElement>(_ left: UnsafePointer<T>, _ right: UnsafePointer<T>) -> [T] {
    var sums: [T] = []
    sums.reserveCapacity(outerCount)
    let leftStep = leftTransposed ? rows ?? 1 : 1
    let rightStep = rightTransposed ? 1 : columns ?? 1
    for batch in 0..<(batches ?? 1) {
      for row in 0..<(rows ?? 1) {
        for column in 0..<(columns ?? 1) {
          var blocks: [T] = []
          var (a, b) = (left + leftIndex(batch, row, 0), right + rightIndex(batch, column, 0))
          var start = 0
          repeat {
            var sum = T.zero
            let count = min(KernelDefinition.contractionBlock, terms - start)
            for term in start..<start + count {
              if gap > 0 { a = left + leftIndex(batch, row, term) }
              sum = sum.plusProduct(a.pointee, b.pointee)
              a += leftStep
              b += rightStep
            }
            blocks.append(sum)
            start += count
          } while start < terms
          sums.append(tree16(blocks))
        }
      }
    }
    return sums
  }

  /// Compiles nothing: runs `compiled` on random operands and compares every output bit by bit.
  func check<T: DotElement>(_ compiled: PhaseRunner, of type: T.Type, cuts: Int) throws {
    var state = UInt64(terms &* 977 &+ outerCount &* 31 &+ 7)
    let size = MemoryLayout<T>.stride
    let memory = bufferCounts.map { GuardedBuffer(byteCount: $0 * size) }
    defer { withExtendedLifetime(memory) {} }
    let typed = memory.map { $0.pointer.assumingMemoryBound(to: T.self) }
    for (buffer, count) in zip(typed, bufferCounts) {
      for index in 0..<count {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        buffer[index] = T(random: state)
      }
    }
    let sums = reference(UnsafePointer(typed[0]), UnsafePointer(typed[1]))
    compiled.run(memory.map(\.pointer), cuts: cuts)
    let (m, n) = (rows ?? 1, columns ?? 1)
    for (index, sum) in sums.enumerated() {
      let column = index % n
      let expected =
        switch epilogue {
        case .none: sum
        case .biasRelu: sum.plus(typed[3][column]).atLeastZero()
        case .residual: sum.plus(typed[3][index])
        }
      var isRight = typed[2][index].bits == expected.bits
      if epilogue == .residual {
        let transposed = index / (m * n) * m * n + column * m + index / n % m
        isRight = isRight && typed[4][transposed].bits == sum.plus(sum).bits
      }
      if !isRight {
        throw Mismatch(text: "\(self), cuts \(cuts): element \(index) is \(typed[2][index]), expected \(expected)")
      }
    }
  }
}

struct Mismatch: Error { let text: String }
