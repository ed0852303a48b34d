import ArgumentParser
import Foundation
import Kiln
import KilnBenchmarks
import KilnIR

/// `kiln bench`: measures the workloads, each in a process of its own, and checks their results.
struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures workloads and verifies their checksums.",
    discussion: "Workloads: \(Workload.all.map(\.name).joined(separator: ", ")).")

  @Option(help: "A name, several joined by commas, or all.")
  var workload = "all"
  @Option(help: "Where they run: \(DeviceName.list).")
  var device: DeviceName = .cpu
  @Option(help: "Cores to use (default: all).")
  var threads: Int?
  @Option(help: "Seconds of timed calls for each workload.")
  var budget = 2.0
  @Option(help: "A file for the measurements.")
  var json: String?
  @Flag(help: "Measure the compiler instead: its passes and compilations against the size of the program.")
  var scaling = false
  @Flag(help: "Measure new sizes instead: a transformer at 100 pairs of batch and length.")
  var sizes = false
  @Flag(help: "Measure calls of one function from several threads instead; --threads says from how many.")
  var callers = false
  @Flag(help: "Measure training steps with the layers of KilnNN instead, beside the same steps written by hand.")
  var layers = false
  @Flag(help: .private)
  var child = false

  mutating func run() throws {
    if scaling { return try measureScaling() }
    if sizes { return try measureSizes() }
    if callers { return try measureCallers() }
    if layers { return try measureLayers() }
    let device = try self.device.device()
    let workloads = try chosen()
    if child { return try measure(workloads[0], on: device) }
    let threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
    guard threads > 0 else { throw ToolError(usage: "--threads takes a positive number, found \(threads)") }
    var report = BenchmarkReport(version: version, threads: threads, cpu: Self.processor)
    var failed: [String] = []
    print("workload               median µs       min µs       p90 µs   first ms    peak MB  error")
    for workload in workloads {
      guard let result = try spawn(workload, threads) else {
        failed.append(workload.name)
        continue
      }
      report.results[workload.name] = result
      if result.isCorrect != true { failed.append(workload.name) }
      print(Self.line(workload, result))
      if let json { try save(report, json) }
    }
    guard failed.isEmpty else {
      throw ToolError(KilnError("bench.C1", "wrong or no results: \(failed.joined(separator: ", "))"), in: "bench")
    }
  }

  private func chosen() throws(ToolError) -> [Workload] {
    if workload == "all" { return Workload.all }
    var result: [Workload] = []
    for name in workload.split(separator: ",") {
      guard let found = Workload.all.first(where: { $0.name == name }) else {
        let names = Workload.all.map(\.name).joined(separator: ", ")
        throw ToolError(usage: "there is no workload '\(name)'; there are \(names)")
      }
      result.append(found)
    }
    guard !result.isEmpty else { throw ToolError(usage: "--workload names no workload") }
    return result
  }

  /// Measures one workload in this process and prints the result for the parent.
  private func measure(_ workload: Workload, on device: Device) throws {
    let cores = threads ?? ProcessInfo.processInfo.activeProcessorCount
    let seconds = budget
    let result = try reporting(workload.name) { () throws(KilnError) in
      try workload.measure(seconds: seconds, cores: cores, on: device)
    }
    print(String(decoding: try JSONEncoder().encode(result), as: UTF8.self))
  }

  private func measureScaling() throws {
    try reporting("scaling") { () throws(KilnError) in
      print("operations   trace ms   differentiate ms   simplify ms   in all, µs per operation")
      // The first one warms the process up and is not shown.
      for (number, operations) in [1_000, 1_000, 5_000, 20_000].enumerated() {
        let passes = try Scaling.passes(operations: operations)
        let all = passes.trace + passes.differentiate + passes.simplify
        guard number > 0 else { continue }
        print(
          "\(passes.operations)".leftPadded(to: 10) + Self.cell(passes.trace, 11) + Self.cell(passes.differentiate, 19)
            + Self.cell(passes.simplify, 14) + Self.cell(all * 1000 / Double(passes.operations), 27, 2))
      }
      print("\n   kernels   first call ms   ms per kernel")
      for kernels in [4, 16, 64, 256] {
        let compilation = try Scaling.compilation(kernels: kernels)
        print(
          "\(compilation.kernels)".leftPadded(to: 10) + Self.cell(compilation.compile, 16)
            + Self.cell(compilation.compile / Double(compilation.kernels), 16, 2))
      }
    }
  }

  private func measureSizes() throws {
    try reporting("sizes") { () throws(KilnError) in
      print(
        "program               programs   objects   later   median ms to a new size   worst ms   warm against static")
      for (name, layers, trains) in [
        ("1 layer forward", 1, false), ("4 layers forward", 4, false), ("4 layers training", 4, true),
      ] {
        let found = try Sizes.transformer(layers: layers, trains: trains, pairs: 100)
        let sorted = found.newSize.sorted()
        let ratios = found.warmRatios.sorted()
        print(
          name.padding(toLength: 22, withPad: " ", startingAt: 0) + "\(found.programs)".leftPadded(to: 8)
            + "\(found.objectsAtFirst)".leftPadded(to: 10) + "\(found.objectsLater)".leftPadded(to: 8)
            + Self.cell(sorted[sorted.count / 2], 26, 2) + Self.cell(sorted[sorted.count - 1], 11, 2)
            + Self.cell(ratios[ratios.count / 2], 15, 2) + " (\(Self.cell(ratios[0], 4, 2)) to "
            + "\(Self.cell(ratios[ratios.count - 1], 4, 2)))")
      }
    }
  }

  /// The measurement of a child process with an empty disk cache; nil if it failed, after its words.
  private func spawn(_ workload: Workload, _ threads: Int) throws -> WorkloadResult? {
    let cache = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-bench-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: cache) }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [
      "bench", "--child", "--workload", workload.name, "--device", device.rawValue, "--threads", "\(threads)",
      "--budget",
      "\(budget)",
    ]
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["KILN_CACHE": cache.path, "KILN_THREADS": "\(threads)"], uniquingKeysWith: { $1 })
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0, let result = try? JSONDecoder().decode(WorkloadResult.self, from: data) else {
      print("\(workload.name): failed with status \(process.terminationStatus)")
      return nil
    }
    return result
  }

  private func save(_ report: BenchmarkReport, _ path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    do {
      try encoder.encode(report).write(to: URL(fileURLWithPath: path))
    } catch {
      throw ToolError(usage: "cannot write \(path): \(TextFile.reason(error))")
    }
  }

  private static func cell(_ value: Double, _ width: Int, _ digits: Int = 1) -> String {
    String(format: "%.\(digits)f", value).leftPadded(to: width)
  }

  private static func line(_ workload: Workload, _ result: WorkloadResult) -> String {
    var rate = ""
    if workload.operations > 0 { rate = "  \(cell(workload.operations / result.median / 1000, 0)) GFLOP/s" }
    if workload.bytes > 0 { rate = "  \(cell(workload.bytes / result.median / 1000, 0)) GB/s" }
    return workload.name.padding(toLength: 18, withPad: " ", startingAt: 0) + cell(result.median, 14)
      + cell(result.minimum, 13) + cell(result.percentile90, 13) + cell(result.first, 11)
      + cell(result.peakMegabytes, 11)
      + "  " + String(format: "%.0e", result.maximumRelativeError ?? .nan) + (result.isCorrect == true ? "" : " WRONG")
      + rate
  }

  private static var processor: String {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let line = text.split(separator: "\n").first { $0.hasPrefix("model name") }
    return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) } ?? "unknown"
  }
}
