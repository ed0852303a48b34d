public import KilnIR

/// What a compiled function compiled, and why.
public struct CompilationReport: Sendable, CustomStringConvertible {
  /// One compilation.
  public struct Entry: Sendable, CustomStringConvertible {
    /// The argument types, with their names: `arg0.weight: f32[784,128]`, or `arg0: f32[n,784]` for all sizes n.
    public let inputs: [String]
    /// Why the earlier programs did not fit; empty for the first compilation.
    public let reasons: [Reason]
    /// Sizes that had names and are numbers all the same, because a line of the closure asked for them.
    public var pinnedSizes: [(name: String, location: SourceLocation)] {
      pins.sorted { $0.key < $1.key }.map { ($0.key, $0.value.resolved(else: closure)) }
    }
    let pins: [String: SourceLocation]
    /// The types of the tensors that it was traced for, and those inputs that have names for sizes.
    let types: [TensorType]
    let sizedInputs: [String]
    /// How many sizes have a plan now; nil for a program that serves those of its first call alone.
    public internal(set) var planCount: Int?
    /// The line of the call. Return addresses become a line only when somebody asks.
    public var location: SourceLocation { call.resolved(else: closure) }
    /// Where the call was made, and where the closure was handed over.
    let call: SourceLocation
    let closure: SourceLocation
    /// The device that the program runs on.
    public let device: Device
    /// From the start of the trace until the program was ready.
    public let seconds: Double
    /// The program as it was recorded.
    public let module: Module

    public var description: String {
      let why = reasons.isEmpty ? "first call" : reasons.map(\.description).joined(separator: ", ")
      let milliseconds = (seconds * 10_000).rounded() / 10
      var text = "\(location): compiled for \(device) in \(milliseconds) ms: \(why)"
      if let planCount {
        text +=
          "; serves all sizes of \(sizedInputs.joined(separator: ", ")); \(planCount) plan\(planCount == 1 ? "" : "s")"
      }
      for (name, location) in pinnedSizes {
        text += "; \(location) asks for the number of \(name), so it is one"
      }
      return text
    }
  }

  /// One difference from the nearest earlier program.
  public struct Reason: Hashable, Sendable, CustomStringConvertible {
    /// The argument, or the value in it: `arg0.layers.0.activation`.
    public let name: String
    /// What it was in the nearest earlier program.
    public let old: String
    /// What it is in this one.
    public let new: String

    public var description: String { "\(name) was \(old), is \(new)" }
  }

  /// Why a state's tensor got a fresh buffer instead of being updated in place.
  public enum FreshBufferReason: String, Hashable, Sendable, CaseIterable {
    /// A copy of the state, a tied weight, or the same tensor passed as another argument or captured.
    case shared = "another tensor shares it"
    /// It shows the memory of another tensor, as `reshaped` does.
    case view = "it is a view"
    /// It lay in the host's memory, as before the first step on a device; from then on it lies there.
    case moved = "it moved to the device"
  }

  /// The compilations, oldest first.
  public let entries: [Entry]
  /// State tensors updated in place, over all calls.
  public let inPlaceCount: Int
  /// The names of the state's tensors that got fresh buffers, by reason, and in how many calls each did.
  public let freshBuffers: FreshBuffers
  /// State tensors that got fresh buffers, over all calls, by reason.
  public var freshBufferCounts: [FreshBufferReason: Int] { freshBuffers.mapValues { $0.values.reduce(0, +) } }

  /// In how many calls each tensor of the state, by name, got a fresh buffer, for each reason.
  public typealias FreshBuffers = [FreshBufferReason: [String: Int]]

  public var description: String {
    var lines = entries.map(\.description)
    if inPlaceCount > 0 || !freshBuffers.isEmpty {
      lines.append("state tensors updated in place: \(inPlaceCount)")
      for reason in FreshBufferReason.allCases {
        guard let names = freshBuffers[reason] else { continue }
        lines.append("fresh buffer because \(reason.rawValue): \(list(names))")
      }
    }
    return lines.joined(separator: "\n")
  }

  /// The first names, each with its calls where they are several.
  private func list(_ names: [String: Int]) -> String {
    let shown = 12
    let sorted = names.sorted { $0.key < $1.key }
    let listed = sorted.prefix(shown).map { $0.value == 1 ? $0.key : "\($0.key) (\($0.value) times)" }
    return (listed + (sorted.count > shown ? ["and \(sorted.count - shown) more"] : [])).joined(separator: ", ")
  }
}

extension Signature {
  /// How the signature of a call differs from that of a program.
  func differences(from signature: Signature) -> [CompilationReport.Reason] {
    var reasons: [CompilationReport.Reason] = []
    if device != signature.device {
      reasons.append(.init(name: "the device", old: device.description, new: signature.device.description))
    }
    for (index, item) in signature.items.enumerated() {
      guard index < items.count, names[index] == signature.names[index] else {
        let old = index < items.count ? names[index] : "nothing"
        reasons.append(.init(name: "the structure at \(signature.names[index])", old: old, new: signature.names[index]))
        return reasons
      }
      if items[index] == item { continue }
      reasons.append(.init(name: names[index], old: items[index].text, new: item.text))
    }
    if items.count > signature.items.count {
      reasons.append(.init(name: "the structure", old: "\(items.count) values", new: "\(signature.items.count) values"))
    }
    return reasons
  }
}

extension SignatureItem {
  var text: String {
    switch self {
    case .tensor(let type): type.type.description
    case .constant(let box): box.text
    }
  }
}
