import Foundation
import Testing

@Suite("Training that is killed")
struct InterruptedTrainingTests {
  private let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent()
    .appendingPathComponent("kiln-interrupted").path

  /// Trains to the end, and gives the epochs that were finished before and the digest of the state.
  private func train(_ path: String, epochs: Int) throws -> (finished: Int, digest: Substring) {
    let outcome = try Tool.run(program, [path, "\(epochs)"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let words = outcome.output.split(whereSeparator: \.isWhitespace)
    return (try #require(words.first.flatMap { Int($0) }), try #require(words.last))
  }

  /// The bytes that the header of a safetensors file asks for; nil if there is no such file.
  private func completeSize(_ path: String) throws -> Int? {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    #expect(data.count > 8)
    let length = data.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try #require(
      try JSONSerialization.jsonObject(with: data.dropFirst(8).prefix(length)) as? [String: [String: Any]])
    let ends = header.values.compactMap { ($0["data_offsets"] as? [Int])?.last }
    #expect(8 + length + (ends.max() ?? 0) == data.count)
    return data.count
  }

  @Test("in 20 tries, a process killed at a random moment leaves a whole checkpoint, and the end has the same bits")
  func killed() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-killed-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let epochs = 400
    let start = Date()
    let whole = try train("\(folder)/whole.safetensors", epochs: epochs)
    let seconds = Date().timeIntervalSince(start)
    #expect(whole.finished == 0)

    let path = "\(folder)/killed.safetensors"
    // How many were killed before their end, and how many of these left a checkpoint.
    var (killed, found, tries) = (0, 0, 0)
    while killed < 20, tries < 100 {
      tries += 1
      let process = Process()
      process.executableURL = URL(fileURLWithPath: program)
      process.arguments = [path, "\(epochs)"]
      process.standardOutput = FileHandle.nullDevice
      try process.run()
      // Each gets a little further, also on a machine where the start of a program takes long.
      Thread.sleep(forTimeInterval: .random(in: 0.05...max(0.5, seconds / 8)))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      let isThere = try completeSize(path) != nil
      if process.terminationReason == .uncaughtSignal {
        killed += 1
        if isThere { found += 1 }
      } else {
        try FileManager.default.removeItem(atPath: path)
      }
    }
    #expect(killed == 20)
    // The program itself reads what the last one left, and goes on from there.
    let resumed = try train(path, epochs: epochs)
    #expect(found > 0)
    #expect(resumed.digest == whole.digest)
    #expect(try train(path, epochs: epochs).finished == epochs)
  }
}
