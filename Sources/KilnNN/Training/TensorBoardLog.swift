public import Kiln

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Writes the numbers of each epoch to an event file that TensorBoard reads: `tensorboard --logdir FOLDER`.
///
/// The tags are `loss`, `rate`, and for validation data `validation/loss` and `validation/` with the name of each
/// metric; the step is the epoch.
public struct TensorBoardLog: TrainingCallback {
  private let folder: String
  /// The event file, from the first epoch on.
  private var path: String?

  /// A folder, which is made if it is not there; each training has a file of its own in it.
  public init(_ folder: String) { self.folder = folder }

  public mutating func epochEnded(_ end: inout EpochEnd) throws(KilnError) {
    let (report, time) = (end.report, Self.secondsSince1970())
    var values = [("loss", report.loss), ("rate", report.rate)]
    if let validation = report.validation {
      values.append(("validation/loss", validation.loss))
      values += validation.metrics.sorted { $0.key < $1.key }.map { ("validation/\($0.key)", $0.value) }
    }
    let record = EventRecord.scalars(values.map { (tag: $0.0, value: $0.1) }, step: report.epoch, time: time)
    if let path {
      try append(record, to: path)
    } else {
      let path = try newFile(time)
      self.path = path
      try append(EventRecord.start(time: time) + record, to: path)
    }
  }

  /// The name of a file that is not there yet; the folder, and those above it, are made.
  private func newFile(_ time: Double) throws(KilnError) -> String {
    var parent = folder.hasPrefix("/") ? "/" : ""
    for part in folder.split(separator: "/") {
      parent += "\(part)/"
      if mkdir(parent, 0o777) != 0, errno != EEXIST { throw failure(folder) }
    }
    var number = 0
    // TensorBoard looks for "tfevents" in a name.
    func name() -> String { "\(folder)/events.out.tfevents.\(Int(time)).kiln.\(getpid()).\(number)" }
    while access(name(), F_OK) == 0 { number += 1 }
    return name()
  }

  /// A reader follows the file while it grows, so it is not replaced.
  private func append(_ bytes: [UInt8], to path: String) throws(KilnError) {
    guard let file = fopen(path, "ab") else { throw failure(path) }
    let written = fwrite(bytes, 1, bytes.count, file)
    guard fclose(file) == 0, written == bytes.count else { throw failure(path) }
  }

  private func failure(_ path: String) -> KilnError {
    .atCall("training.C2", "\(path) cannot be written: \(String(cString: strerror(errno)))")
  }

  private static func secondsSince1970() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}
