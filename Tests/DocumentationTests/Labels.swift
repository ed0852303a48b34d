import Foundation
import KilnIR

/// The labels of diagnostics: `family.C2`, `family.R1`, `family.word`.
enum Labels {
  /// Every label that the source can make, with one of the files that do.
  static func ofSource() throws -> [String: String] {
    var labels: [String: String] = [:]
    for file in Repository.sources {
      let text = try Repository.text(file)
      for match in text.matches(of: #/"([a-zA-Z0-9]+\.[CR][0-9]+)"/#) { labels[String(match.1)] = file }
      let words = #/\b(?:ConstraintFailure|KilnError|Diagnostic)\(\s*"([a-zA-Z]+\.[a-z][a-zA-Z]*)"/#
      for match in text.matches(of: words) {
        labels[String(match.1)] = file
      }
      for match in text.matches(of: #/"\\\(([^"]*)\)\.([CR])([0-9]+|\\\([a-z]+\))"/#) {
        let known = families["\(file) \(match.2)\(match.3)"] ?? families[file]
        for family in known ?? ["a family that Labels.families does not say"] {
          for number in match.3.hasPrefix("\\") ? ["1", "2", "3"] : [String(match.3)] {
            labels["\(family).\(match.2)\(number)"] = file
          }
        }
      }
    }
    for (file, others) in chosenAtRunTime {
      for label in others { labels[label] = file }
    }
    return labels
  }

  /// Labels of the kind `family.word` that do not stand at the diagnostic that has them.
  private static let chosenAtRunTime = [
    "Runtime/OpenCL/Device/OpenCLContext+Errors.swift": [
      "device.unavailable", "memory.exhausted", "device.lost", "opencl.build",
    ],
    "Runtime/Core/RuntimeError.swift": ["device.codeGeneration", "device.other", "memory.exhausted"],
    "Sources/Kiln/Trace/Broadcasting.swift": ["broadcast.shapes"],
  ]

  /// The families of labels whose family is a variable in the source.
  private static let families: [String: [String]] = [
    "IR/Ops/MovementOp.swift": ["OP"],
    "IR/Ops/ControlOp+Custom.swift": ["call", "custom", "checkpoint"],
    "IR/Ops/ScalarFunction+Inference.swift": ["name"],
    "IR/Ops/ScalarFunction+Types.swift C0": ["OP"],
    "IR/Ops/ScalarFunction+Types.swift": ["name"],
    "IR/Ops/Math/Primitive.swift": [],  // a primitive of a kernel has the labels of its function
    "IR/Ops/MovementOp+Windows.swift": ["windows", "overlapAdd"],
    "IR/Ops/IndexingOp.swift": ["dynamicSlice", "dynamicUpdateSlice"],
    "IR/Ops/IndexedAxes.swift": ["gather", "scatter"],
    "IR/Ops/Op.swift": ["OP"],
    "IR/Ops/TypeOp.swift": ["convert", "bitcast"],
    "IR/Reference/Ops/Reference+Indexing.swift": checkedAtRunTime,
    "IR/Reference/PlanInterpreter.swift": checkedAtRunTime,
    "IR/Plan/ExecutionPlan.swift": checkedAtRunTime,
    "Runtime/OpenCL/Run/OpenCLExecutable.swift": checkedAtRunTime,
    "Runtime/CPU/CPUExecutable.swift": checkedAtRunTime,
    "Sources/Kiln/Functions/Movement/Arrangement.swift": ["tril", "triu"],
    "Sources/Kiln/Functions/Neural/Pooling.swift C1": pools + ["adaptiveMaxPool", "adaptiveAveragePool"],
    "Sources/Kiln/Functions/Neural/Pooling.swift C4": pools,
    "Sources/Kiln/Functions/Contraction/WindowOptions.swift": pools + convolutions,
    "Sources/Kiln/Functions/Contraction/Convolution.swift": convolutions,
  ]
  private static let checkedAtRunTime = ["gather", "scatter", "dynamicSlice", "dynamicUpdateSlice"]
  private static let pools = ["maxPool", "averagePool"]
  private static let convolutions = [
    "conv1d", "conv2d", "conv3d", "depthwiseConv2d", "convTranspose1d", "convTranspose2d", "convTranspose3d",
  ]

  /// Every label that a page names. `.C3` after `pad.C1` is `pad.C3`, also where "as `slice.C1`" stands between them;
  /// `a.C1` … `a.C3`, with dots or "to", are three; `tril.C1` (also `triu`) are two.
  static func ofPages() throws -> [String: String] {
    var labels: [String: String] = [:]
    for page in Repository.pages {
      let text = try Repository.text(page)
      var (family, referred, previous, end) = ("", "", 0, text.startIndex)
      for match in text.matches(of: #/`([a-zA-Z0-9]*)\.([CR])([0-9]+)`(?: \(also ([^)]*)\))?/#) {
        let between = text[end..<match.range.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
        let isRange = ["…", "to"].contains(between)
        if between.hasSuffix("as"), !match.1.isEmpty {
          referred = String(match.1)
        } else if !isRange || !match.1.isEmpty {
          if !match.1.isEmpty { family = String(match.1) }
          referred = family
        }
        let others = match.4?.matches(of: #/`([a-zA-Z0-9]+)`/#).map { String($0.1) } ?? []
        let number = Int(match.3) ?? 0
        for other in min(isRange ? previous : number, number)...number {
          for family in [referred] + others { labels["\(family).\(match.2)\(other)"] = page }
        }
        (previous, end) = (number, match.range.upperBound)
      }
      // A word with a dot may be anything; in the first column of a table of labels it is one.
      var isTable = false
      for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
        if line.hasPrefix("| label |") { isTable = true }
        if !line.hasPrefix("|") { isTable = false }
        guard isTable, let first = line.split(separator: "|").first else { continue }
        for match in first.matches(of: #/`([a-zA-Z]+\.[a-z][a-zA-Z]*)`/#) { labels[String(match.1)] = page }
      }
    }
    return labels
  }
}
