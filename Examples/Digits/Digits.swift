import CZlib
import Foundation
import Kiln

/// Handwritten digits: 8×8 pixels each, and what they show.
struct Digits {
  /// Pixels between 0 and 1, one row per digit: [count, 64].
  let images: Tensor<Float>
  /// 0 to 9: [count].
  let labels: Tensor<Int32>
  let count: Int

  /// The digits of the example's file in a fixed random order, as a part to learn from and one to be tested on.
  static func load(heldOut: Int) throws -> (training: Digits, test: Digits) {
    guard let path = Bundle.module.path(forResource: "digits.csv", ofType: "gz") else { throw DataError.missing }
    var rows = try rows(of: unzipped(path))
    var generator = SplitMix64(seed: 1)
    rows.shuffle(using: &generator)
    return (Digits(rows.dropLast(heldOut)), Digits(rows.suffix(heldOut)))
  }

  private init(_ rows: ArraySlice<[Int]>) {
    count = rows.count
    images = Tensor(rows.flatMap { $0.dropLast().map { Float($0) / 16 } }, shape: [rows.count, 64])
    labels = Tensor(rows.map { Int32($0[64]) })
  }

  private static func rows(of text: String) throws -> [[Int]] {
    try text.split(separator: "\n").enumerated().map { number, line in
      let values = line.split(separator: ",").compactMap { Int($0.trimmingCharacters(in: .whitespaces)) }
      guard values.count == 65, (0...9).contains(values[64]) else { throw DataError.malformed(line: number + 1) }
      return values
    }
  }

  private static func unzipped(_ path: String) throws -> String {
    guard let file = gzopen(path, "rb") else { throw DataError.missing }
    defer { gzclose(file) }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Int(gzread(file, &piece, UInt32(piece.count)))
      guard count >= 0 else { throw DataError.damaged }
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      bytes += piece[..<count]
    }
  }
}

enum DataError: Error, CustomStringConvertible {
  case missing, damaged
  case malformed(line: Int)

  var description: String {
    switch self {
    case .missing: "digits.csv.gz is not beside the program"
    case .damaged: "digits.csv.gz is damaged"
    case .malformed(let line): "digits.csv.gz: line \(line) is not 64 pixels and a digit"
    }
  }
}

/// Random numbers that are the same in every run (Steele, Lea and Flood, 2014).
struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}
