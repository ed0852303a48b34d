import Foundation
import Testing

/// The examples of `Examples/Networks`.
@Suite struct NetworksTests {
  private static let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent()
    .appendingPathComponent("Networks").path

  private static func run(_ arguments: [String], _ folder: Folder) throws -> Tool.Outcome {
    try Tool.run(program, arguments + ["--output", folder.path])
  }

  /// The digests of what was trained, by the names of the examples.
  private static func bits(_ arguments: [String]) throws -> [String: String] {
    let outcome = try run(arguments, Folder())
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    let rows = outcome.output.split(separator: "\n").dropFirst().map { $0.split(separator: " ") }
    return Dictionary(uniqueKeysWithValues: rows.map { (String($0[0]), String($0[$0.count - 1])) })
  }

  @Test(
    "some steps of three examples give the same bits on OpenCL and on the CPU", .enabled(if: OpenCLMachine.isThere))
  func sameBitsOnEveryDevice() throws {
    let names = ["digits-cnn", "digits-lstm", "vae"]
    let found = try ["cpu", "opencl"].map { device in
      try Self.bits(names + ["--steps", "3", "--device", device])
    }
    #expect(found[0].count == 3 && Set(found[0].values).count == 3)
    #expect(found[0] == found[1])
  }

  @Test("the examples that take seconds reach their bars, and compile their steps once")
  func bars() throws {
    let names = [
      "digits-mlp", "digits-cnn", "digits-lstm", "digits-gru", "vae", "denoising", "linear", "logistic", "softmax",
      "support-vectors", "k-means", "pca",
    ]
    let folder = try Folder()
    let outcome = try Self.run(names, folder)
    #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
    #expect(outcome.output.split(separator: "\n").count == names.count + 1)
    #expect(try folder.read("digits-cnn.svg").contains("</svg>"))
    #expect(try folder.bytes("vae.png").prefix(4) == [0x89, 0x50, 0x4E, 0x47])
  }

  @Test("two runs give the same bits, and the transformer the same text with a cache as without")
  func sameBitsInEveryRun() throws {
    let runs = try (0..<2).map { _ in try Self.bits(["transformer", "--steps", "2"]) }
    #expect(runs[0].count == 1 && runs[0] == runs[1])
  }

  @Test("an unknown example and a bad number of steps say what there is")
  func badCommandLines() throws {
    let unknown = try Self.run(["digits-rnn"], Folder())
    #expect(unknown.status != 0 && unknown.errors.contains("there is no example 'digits-rnn'; there are digits-mlp"))
    let steps = try Self.run(["vae", "--steps", "0"], Folder())
    #expect(steps.status != 0 && steps.errors.contains("--steps takes a positive number, found 0"))
  }
}
