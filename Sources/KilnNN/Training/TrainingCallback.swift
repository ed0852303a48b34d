public import Kiln

/// What an epoch of training came to.
public struct EpochReport: Hashable, Sendable {
  /// 1, 2, …
  public var epoch: Int
  /// The mean loss of the batches before their steps, each with its number of examples.
  public var loss: Double
  /// How well the model did on the validation data; nil without such data.
  public var validation: Evaluation?
  /// The rate of the last step.
  public var rate: Double
  /// How many examples the epoch had.
  public var exampleCount: Int
  /// How long the epoch took, with the validation.
  public var seconds: Double

  /// The report of an epoch.
  public init(
    epoch: Int, loss: Double, validation: Evaluation? = nil, rate: Double, exampleCount: Int, seconds: Double
  ) {
    self.epoch = epoch
    self.loss = loss
    self.validation = validation
    self.rate = rate
    self.exampleCount = exampleCount
    self.seconds = seconds
  }
}

/// A number of an epoch that a callback looks at.
public enum WatchedValue: Hashable, Sendable {
  /// The loss in training.
  case loss
  /// The loss on the validation data.
  case validationLoss
  /// A metric on the validation data, by its name.
  case metric(String)

  /// The number.
  /// - Throws: `training.C1` when the epoch has none.
  func value(in report: EpochReport) throws(KilnError) -> Double {
    switch self {
    case .loss: return report.loss
    case .validationLoss: if let validation = report.validation { return validation.loss }
    case .metric(let name): if let value = report.validation?.metrics[name] { return value }
    }
    let names = report.validation.map { $0.metrics.keys.sorted() } ?? []
    throw KilnError.atCall(
      "training.C1",
      "there is no \(self) to watch: "
        + (report.validation == nil ? "fit was given no validation data" : "the metrics are \(names)"))
  }
}

/// The end of an epoch, for callbacks.
public struct EpochEnd {
  /// What the epoch came to.
  public let report: EpochReport
  /// How many epochs were asked for.
  public let epochCount: Int
  /// The rate of the next epoch; a schedule of the step goes before it.
  public var rate: Double
  /// Whether training ends here.
  public var isLast: Bool
  let saving: (String, [String: String]) throws(KilnError) -> Void

  /// Writes the state of the training as a safetensors file, which takes the place of one that is there when it is on
  /// the disk.
  /// - Throws: `safetensors.C1` when the file cannot be written.
  public func save(to path: String) throws(KilnError) { try saving(path, ["epoch": "\(report.epoch)"]) }
}

/// Something that is done at the end of each epoch of `fit`.
public protocol TrainingCallback {
  /// Looks at the epoch, and may change the rate of the next or end the training.
  mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError)
  /// Whether `fit` ends when a loss is NaN, and says where it comes from; see `NaNStop`.
  var stopsAtNaN: Bool { get }
}

extension TrainingCallback {
  /// Losses may be NaN.
  public var stopsAtNaN: Bool { false }
}

/// Prints a line for each epoch, or for some of them.
public struct ProgressLine: TrainingCallback {
  private let step: Int

  /// A line for every `step`-th epoch, and for the last; for each if it is below 1.
  public init(every step: Int = 1) { self.step = max(1, step) }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    if end.report.epoch.isMultiple(of: step) || end.isLast { print(Self.line(end.report, end.epochCount)) }
  }

  /// The line for an epoch of so many.
  public static func line(_ report: EpochReport, _ epochCount: Int) -> String {
    var line = "epoch \(report.epoch)/\(epochCount)  loss \(rounded(report.loss))"
    if let validation = report.validation {
      line += "  validation loss \(rounded(validation.loss))"
      for (name, value) in validation.metrics.sorted(by: { $0.key < $1.key }) { line += "  \(name) \(rounded(value))" }
    }
    let speed = report.seconds > 0 ? Double(report.exampleCount) / report.seconds : 0
    let left = (Double(epochCount - report.epoch) * report.seconds).rounded()
    return line + "  \(Int(speed)) examples/s" + (left > 0 ? "  \(Int(left)) s left" : "")
  }

  private static func rounded(_ value: Double) -> String { "\((value * 10_000).rounded() / 10_000)" }
}

/// Ends the training when a value has stopped to become better.
public struct EarlyStopping: TrainingCallback {
  private let watched: WatchedValue
  private let patience: Int
  private let leastChange: Double
  private var best: Best
  private var badCount = 0

  /// - Parameters:
  ///   - watched: what should become better.
  ///   - patience: how many epochs in a row may be no better than the best.
  ///   - leastChange: by how much a value has to be better to count.
  ///   - isGreaterBetter: for an accuracy, not a loss.
  public init(
    _ watched: WatchedValue = .validationLoss, patience: Int, leastChange: Double = 0, isGreaterBetter: Bool = false
  ) {
    self.watched = watched
    self.patience = patience
    self.leastChange = leastChange
    best = Best(isGreaterBetter: isGreaterBetter)
  }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    let isBetter = best.improves(try watched.value(in: end.report), by: leastChange)
    badCount = isBetter ? 0 : badCount + 1
    if badCount > patience { end.isLast = true }
  }
}

/// Saves the state of the training at the end of each epoch, or of those that are the best so far.
public struct Checkpoint: TrainingCallback {
  private let path: String
  private let watched: WatchedValue?
  private var best: Best

  /// - Parameters:
  ///   - path: the file, which the next checkpoint replaces when it is on the disk.
  ///   - watched: what has to be better than in all epochs before; nil saves each epoch.
  ///   - isGreaterBetter: for an accuracy, not a loss.
  public init(_ path: String, bestBy watched: WatchedValue? = nil, isGreaterBetter: Bool = false) {
    self.path = path
    self.watched = watched
    best = Best(isGreaterBetter: isGreaterBetter)
  }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    if let watched, !best.improves(try watched.value(in: end.report), by: 0) { return }
    try end.save(to: path)
  }
}

/// The rate of each epoch by a schedule, whose steps are epochs.
public struct EpochSchedule: TrainingCallback {
  private let schedule: Schedule

  /// The rate of the epoch that follows the k-th is that of step k; the first epoch has the optimizer's.
  public init(_ schedule: Schedule) { self.schedule = schedule }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    let rate: Tensor<Double> = schedule.rate(at: Tensor(Int32(clamping: end.report.epoch)))
    end.rate = rate.item
  }
}

/// A smaller rate when a value has stopped to become better; see `PlateauSchedule`, which begins with the rate of the
/// first epoch.
public struct ReduceRateOnPlateau: TrainingCallback {
  private let watched: WatchedValue
  private let make: (Double) -> PlateauSchedule<Double>
  private var schedule: PlateauSchedule<Double>?

  /// - Parameters:
  ///   - watched: what should become better.
  ///   - factor: what the rate is multiplied with.
  ///   - patience: how many epochs in a row may be no better than the best.
  ///   - isGreaterBetter: for an accuracy, not a loss.
  public init(
    _ watched: WatchedValue = .validationLoss, factor: Double = 0.1, patience: Int = 10, isGreaterBetter: Bool = false
  ) {
    self.watched = watched
    make = { PlateauSchedule(rate: $0, factor: factor, patience: patience, isGreaterBetter: isGreaterBetter) }
  }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    var schedule = self.schedule ?? make(end.rate)
    schedule.update(by: Tensor(try watched.value(in: end.report)))
    end.rate = schedule.rate.item
    self.schedule = schedule
  }
}

/// Writes a row for each epoch to a CSV file.
public struct CSVLog: TrainingCallback {
  private let path: String
  private var rows: [String] = []

  /// A file, which is replaced.
  public init(_ path: String) { self.path = path }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    let report = end.report
    let metrics = report.validation?.metrics.sorted { $0.key < $1.key } ?? []
    if rows.isEmpty {
      let validation = report.validation == nil ? [] : ["validation loss"] + metrics.map(\.key)
      rows.append((["epoch", "loss"] + validation + ["rate", "seconds"]).map(Self.quoted).joined(separator: ","))
    }
    let numbers = [report.loss] + (report.validation.map { [$0.loss] } ?? []) + metrics.map(\.value)
    rows.append(
      (["\(report.epoch)"] + (numbers + [report.rate, report.seconds]).map { "\($0)" }).joined(separator: ","))
    try writeDurably([Array((rows.joined(separator: "\n") + "\n").utf8)], to: path, label: "training.C2")
  }

  private static func quoted(_ name: String) -> String {
    name.contains { ",\"\n\r".contains($0) } ? "\"\(name.replacing("\"", with: "\"\""))\"" : name
  }
}

/// The best value so far.
private struct Best {
  let isGreaterBetter: Bool
  private var value: Double?

  init(isGreaterBetter: Bool) { self.isGreaterBetter = isGreaterBetter }

  /// Whether `new` is better than all before. NaN never is.
  mutating func improves(_ new: Double, by change: Double) -> Bool {
    let isBetter = value.map { isGreaterBetter ? new > $0 + change : new < $0 - change } ?? !new.isNaN
    if isBetter { value = new }
    return isBetter
  }
}
