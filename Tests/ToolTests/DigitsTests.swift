import Foundation
import Testing

@Suite struct DigitsTests {
  private static func train(on device: String) throws -> String {
    let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent("Digits").path
    let outcome = try Tool.run(program, ["--device", device, "--epochs", "1"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let line = outcome.output.split(separator: "\n").first { $0.contains("the parameters' bits") }
    return String(try #require(line))
  }

  @Test(
    "S1: an epoch of the digits example gives the same parameters on OpenCL and on the CPU",
    .enabled(if: OpenCLMachine.isThere))
  func sameBitsOnEveryDevice() throws {
    #expect(try Self.train(on: "opencl") == Self.train(on: "cpu"))
  }

  @Test func aSavedNetworkIsWhereTheNextRunBegins() throws {
    let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent("Digits").path
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-\(UUID().uuidString).npz").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    func share(_ arguments: [String]) throws -> Double {
      let outcome = try Tool.run(program, ["--device", "cpu", "--epochs", "1"] + arguments)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let line = try #require(outcome.output.split(separator: "\n").first { $0.contains("of the held-out digits") })
      let saved = try #require(outcome.output.split(separator: "\n").first { $0.hasPrefix("saved to") })
      let share = try #require(line.split(separator: " ").compactMap { Double($0) }.last)
      #expect(saved.hasSuffix("loaded again, \(share) % are right"))
      return share
    }
    let first = try share(["--save", file])
    #expect(try share(["--load", file, "--save", file]) > first)
    let missing = try Tool.run(program, ["--device", "cpu", "--epochs", "1", "--load", "/no/such/file.npz"])
    #expect(missing.status != 0 && missing.errors.contains("[npz.C1]"))
  }

  @Test func aWrongCommandLineSaysHowToUseIt() throws {
    let program = URL(fileURLWithPath: Tool.path).deletingLastPathComponent().appendingPathComponent("Digits").path
    let outcome = try Tool.run(program, ["--epochs", "none"])
    #expect(outcome.status == 2 && outcome.output.hasPrefix("usage: Digits"))
  }
}

/// Whether the tests of the tool find an OpenCL device. In continuous integration they must.
enum OpenCLMachine {
  static let isThere: Bool = {
    if ProcessInfo.processInfo.environment["CI"] == "true" { return true }
    let devices = (try? Tool.run("devices").output) ?? ""
    let isThere = devices.contains("opencl:0")
    if !isThere { print("tests of the tool on OpenCL are skipped: \(devices)") }
    return isThere
  }()
}
