import Glibc
import KilnOpenCL
import KilnRuntime
import SystemPackage

/// The table on standard output, and the same as JSON.
struct Report {
  let device: OpenCLDevice
  let strictness: String
  let limits: DeviceLimits
  private(set) var measurements: [Measurement] = []

  init(device: OpenCLDevice, strictness: String, limits: DeviceLimits) {
    (self.device, self.strictness, self.limits) = (device, strictness, limits)
    print(Self.row(["program", "size", "bits", "device ms", "call ms", "GB/s", "GFLOP/s", "of limit"]))
  }

  /// Whether every program ran and gave the interpreter's bits.
  var isCorrect: Bool { measurements.allSatisfy { $0.isIdentical == true && $0.problem == nil } }

  mutating func add(_ m: Measurement) {
    measurements.append(m)
    let bits = m.isIdentical.map { $0 ? "equal" : "DIFFER" } ?? "-"
    print(
      Self.row([
        m.name, m.size.map(String.init).joined(separator: "x"), bits, rounded(m.deviceSeconds * 1e3),
        rounded(m.callSeconds * 1e3), rounded(m.bytesPerSecond / 1e9), rounded(m.operationsPerSecond / 1e9),
        rounded(m.share(of: limits)) + " %",
      ]))
    if let problem = m.problem { print("  \(problem)") }
    for tuning in m.tunings where tuning.measured.count > 1 {
      let tried = tuning.measured.map { "\($0.mapping) \(Double($0.nanoseconds / 1000) / 1000) ms" }
      print("  \(tuning.label): \(tuning.chosen), of \(tried.joined(separator: ", "))")
    }
    fflush(nil)
  }

  private static func row(_ cells: [String]) -> String {
    let widths = [16, 18, 7, 11, 11, 10, 10, 9]
    return zip(cells, widths).enumerated().map { index, cell in
      let padding = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
      return index < 2 ? cell.0 + padding : padding + cell.0
    }.joined(separator: " ")
  }

  // MARK: - JSON

  func writeJSON(to path: String) throws {
    let rows = measurements.map { m in
      """
          {"program": \(quoted(m.name)), "size": [\(m.size.map(String.init).joined(separator: ", "))], \
      "identical": \(m.isIdentical.map(String.init) ?? "null"), "deviceSeconds": \(number(m.deviceSeconds)), \
      "callSeconds": \(number(m.callSeconds)), "bytesPerSecond": \(number(m.bytesPerSecond)), \
      "operationsPerSecond": \(number(m.operationsPerSecond)), "percentOfLimit": \(number(m.share(of: limits))), \
      "problem": \(m.problem.map(quoted) ?? "null")}
      """
    }
    let p = device.properties
    let text = """
      {
        "device": \(quoted(p.name)), "platform": \(quoted(p.platform)), "driver": \(quoted(p.driverVersion)),
        "strictness": \(quoted(strictness)),
        "limits": {"copyBytesPerSecond": \(number(limits.copyBytesPerSecond)), \
      "fmaOperationsPerSecond": \(number(limits.fmaOperationsPerSecond))},
        "measurements": [
      \(rows.joined(separator: ",\n"))
        ]
      }

      """
    do throws(Errno) { try FileSystem.write(Array(text.utf8), to: path) } catch {
      throw RuntimeError(.unavailable, "\(path) cannot be written: \(error)")
    }
  }

  private func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "null" }

  private func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case _ where scalar.value < 32: result += " "
      case _: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Four digits.
func rounded(_ value: Double) -> String {
  guard value.isFinite else { return "-" }
  let digits = value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let text = "\((value * scale).rounded() / scale)"
  return digits == 0 && text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
