public import Kiln

extension TrainingStep {
  /// Goes on where a checkpoint was saved: the state becomes that of the file. Without a file nothing changes.
  ///
  /// - Throws: `safetensors.C1` to `C6` for a file that cannot be read, `weights.C1` for one of another model or
  ///   optimizer, with every difference, and `training.C4` for one that is not a checkpoint.
  /// - Returns: How many epochs were finished, for `fit`; 0 without a file.
  public mutating func resume(from path: String) throws(KilnError) -> Int {
    guard MappedFile.isThere(path) else { return 0 }
    let notes = try SafetensorsFile(path).metadata
    guard let epoch = notes["epoch"].flatMap({ Int($0) }), epoch > 0 else {
      throw KilnError.atCall(
        "training.C4", "\(path) is not a checkpoint: it has to say how many epochs were finished, and says \(notes)")
    }
    try state.loadWeights(from: path)
    return epoch
  }
}
