import Foundation
import Kiln
import KilnNN
import Testing

@Suite("TensorBoard event files")
struct TensorBoardLogTests {
  /// A field of a message of protocol buffers: its number, and its number or bytes.
  private enum Field: Equatable {
    case varint(UInt64)
    case fixed64(UInt64)
    case fixed32(UInt32)
    case bytes([UInt8])
  }

  private func word<Word: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, of: Word.Type) -> Word {
    bytes.prefix(MemoryLayout<Word>.size).reversed().reduce(0) { $0 << 8 | Word($1) }
  }

  /// The fields of a message.
  private func fields(_ message: [UInt8]) throws -> [(number: UInt64, value: Field)] {
    var (rest, result): (ArraySlice<UInt8>, [(number: UInt64, value: Field)]) = (message[...], [])
    func varint() throws -> UInt64 {
      var (value, shift): (UInt64, UInt64) = (0, 0)
      while true {
        let next = rest.popFirst()
        let byte = try #require(next)
        value |= UInt64(byte & 0x7F) << shift
        shift += 7
        if byte & 0x80 == 0 { return value }
      }
    }
    while !rest.isEmpty {
      let tag = try varint()
      switch tag & 7 {
      case 0: result.append((tag >> 3, .varint(try varint())))
      case 1:
        result.append((tag >> 3, .fixed64(word(rest, of: UInt64.self))))
        rest = rest.dropFirst(8)
      case 2:
        let count = Int(try varint())
        result.append((tag >> 3, .bytes(Array(rest.prefix(count)))))
        rest = rest.dropFirst(count)
      default:
        #expect(tag & 7 == 5)
        result.append((tag >> 3, .fixed32(word(rest, of: UInt32.self))))
        rest = rest.dropFirst(4)
      }
    }
    return result
  }

  /// CRC-32C bit by bit, as it is stored.
  private func maskedChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var sum: UInt32 = ~0
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }
    sum = ~sum
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }

  /// The events of a file, whose checksums are compared.
  private func events(_ file: [UInt8]) throws -> [[UInt8]] {
    var (rest, events): (ArraySlice<UInt8>, [[UInt8]]) = (file[...], [])
    while !rest.isEmpty {
      let count = Int(word(rest, of: UInt64.self))
      #expect(word(rest.dropFirst(8), of: UInt32.self) == maskedChecksum(rest.prefix(8)))
      let event = rest.dropFirst(12).prefix(count)
      try #require(event.count == count)
      #expect(word(rest.dropFirst(12 + count), of: UInt32.self) == maskedChecksum(event))
      events.append(Array(event))
      rest = rest.dropFirst(16 + count)
    }
    return events
  }

  @Test("the checksum of the test is that of RFC 3720, B.4")
  func checksum() {
    func unmasked(_ bytes: [UInt8]) -> UInt32 {
      let rotated = maskedChecksum(bytes) &- 0xA282_EAD8
      return rotated >> 17 | rotated << 15
    }
    #expect(unmasked(Array(repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(unmasked(Array(repeating: 0xFF, count: 32)) == 0x62A8_AB43)
    #expect(unmasked(Array("123456789".utf8)) == 0xE306_9283)
  }

  @Test("a file has its version, and for each epoch the numbers with their tags; each training has a file")
  func file() throws {
    try withFolder { folder in
      let log = "\(folder)/runs/one"
      let batches = [(Tensor<Float>([[1, 2], [3, 4]]), Tensor<Int32>([0, 1]))]
      func train() throws -> [EpochReport] {
        let network = Dense(inputs: 2, outputs: 2, key: RandomKey(seed: 1))
        var training = TrainingStep(
          network, optimizer: Optimizer(Adam(), for: network, rate: 0.25),
          metrics: [NamedMetric("accuracy", Accuracy())]
        ) { logits, labels in softmaxCrossEntropy(logits, labels) }
        return try training.fit(batches, epochs: 3, validation: batches, callbacks: [TensorBoardLog(log)])
      }
      let reports = try train()
      let names = try FileManager.default.contentsOfDirectory(atPath: log)
      try #require(names.count == 1 && names[0].hasPrefix("events.out.tfevents."))
      let events = try events(try bytes("\(log)/\(names[0])"))
      try #require(events.count == 4)
      let start = try fields(events[0])
      #expect(start.map(\.number) == [1, 3] && start[1].value == .bytes(Array("brain.Event:2".utf8)))
      for (event, report) in zip(events.dropFirst(), reports) {
        let event = try fields(event)
        #expect(event.map(\.number) == [1, 2, 5] && event[1].value == .varint(UInt64(report.epoch)))
        guard case .fixed64(let time) = event[0].value, case .bytes(let summary) = event[2].value else { continue }
        #expect((Double(bitPattern: time) - Date().timeIntervalSince1970).magnitude < 60)
        var numbers: [String: Float] = [:]
        for case (1, .bytes(let value)) in try fields(summary) {
          let value = try fields(value)
          guard value.map(\.number) == [1, 2], case .bytes(let tag) = value[0].value,
            case .fixed32(let bits) = value[1].value
          else {
            Issue.record("\(value)")
            continue
          }
          numbers[String(decoding: tag, as: UTF8.self)] = Float(bitPattern: bits)
        }
        let validation = try #require(report.validation)
        #expect(
          numbers == [
            "loss": Float(report.loss), "rate": 0.25, "validation/loss": Float(validation.loss),
            "validation/accuracy": Float(validation.metrics["accuracy"] ?? -1),
          ])
      }
      _ = try train()
      #expect(try FileManager.default.contentsOfDirectory(atPath: log).count == 2)
      let message = failure {
        try write([], "\(folder)/file")
        let network = Dense(inputs: 2, outputs: 2, key: RandomKey(seed: 1))
        var training = TrainingStep(network, optimizer: Optimizer(SGD(), for: network)) {
          (logits: Tensor<Float>, labels: Tensor<Int32>) in softmaxCrossEntropy(logits, labels)
        }
        try training.fit(batches, epochs: 1, callbacks: [TensorBoardLog("\(folder)/file/runs")])
      }
      #expect(message?.contains("[training.C2]") == true && message?.contains("LogTests.swift:") == true)
    }
  }
}
