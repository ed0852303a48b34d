import Foundation
import Kiln
import KilnNN
import Testing

@testable import MiniLM

/// A model of two blocks with random weights, which `Utilities/minilm/small_model.py` wrote.
@Suite struct SentenceEncoderTests {
  private let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")
  private let texts = [
    "A cat.", "The CATS\tsleep in the warm sun.",
    Array(repeating: "The cats sleep in the warm sun.", count: 3).joined(separator: " "),
  ]

  @Test("embeddings are those of NumPy in f64, by one program or one for each length", arguments: Programs.allCases)
  func embeddings(programs: Programs) throws {
    let encoder = try SentenceEncoder(folder: folder, programs: programs)
    let expected = try SafetensorsFile(folder.appendingPathComponent("expected.safetensors").path)
    let pieces = texts.map(encoder.pieces)
    #expect(try expected.tensor("pieces", of: Int32.self).scalars == pieces.flatMap { $0 })
    #expect(try expected.tensor("lengths", of: Int32.self).scalars == pieces.map { Int32($0.count) })
    let found = try encoder.embeddings(of: texts).converted(to: Double.self)
    let error = abs(found - (try expected.tensor("embeddings", of: Double.self))).max().item
    #expect(error <= 1e-6)
    // 5 and 11 pieces are 16 places, 29 are 32.
    #expect(encoder.report.entries.count == (programs == .one ? 1 : 2))
  }

  @Test("what stands behind the end of a text changes nothing")
  func padding() throws {
    let configuration = try Configuration(folder: folder)
    let model = try SentenceModel(configuration, weights: folder.appendingPathComponent("model.safetensors").path)
    let alone = model(Tensor<Int32>([[2, 4, 5, 12, 3]]), lengths: Tensor<Int32>([5]))
    let together = model(
      Tensor<Int32>([[2, 4, 5, 12, 3, 9, 9], [2, 10, 5, 6, 7, 12, 3]]), lengths: Tensor<Int32>([5, 7]))
    #expect(abs(alone[0] - together[0]).max().item <= 1e-6)
    #expect(abs(alone[0] - together[1]).max().item > 1e-3)
  }

  @Test("another folder, activation or model is refused")
  func mistakes() throws {
    let configuration = try Configuration(folder: folder)
    let other = FileManager.default.temporaryDirectory.appendingPathComponent("minilm-\(UUID().uuidString)")
    #expect { try Configuration(folder: other) } throws: { "\($0)".contains("found no \(other.path)/config.json") }
    try FileManager.default.createDirectory(at: other, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: other) }
    let text = try String(contentsOf: folder.appendingPathComponent("config.json"), encoding: .utf8)
    try text.replacingOccurrences(of: "\"gelu\"", with: "\"relu\"")
      .write(to: other.appendingPathComponent("config.json"), atomically: true, encoding: .utf8)
    #expect { try Configuration(folder: other) } throws: { "\($0)".hasSuffix("the activation gelu, found relu") }
    let weights = folder.appendingPathComponent("expected.safetensors").path
    #expect { try SentenceModel(configuration, weights: weights) } throws: {
      "\($0)".contains("words.table (embeddings.word_embeddings.weight in the file) is not in the file")
    }
  }
}
