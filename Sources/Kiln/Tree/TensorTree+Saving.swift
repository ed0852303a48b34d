public import KilnIR

extension TensorTree {
  /// Writes the tensors with their names, as NumPy reads them: to a `.npz` file where `path` ends so, else to a folder
  /// of `.npy` files.
  ///
  /// ```swift
  /// try network.save(to: "network.npz")     // numpy.load("network.npz")["layers.0.weight"]
  /// ```
  /// What was there is replaced when everything is written, and stays if something fails. The bytes depend on the
  /// tensors alone. Constants are not part of it: they belong to the program.
  ///
  /// - Throws: `npz.C1` when the file cannot be written, `npz.C3` for names and sizes that it cannot have or a folder
  ///   with other files, `npy.C3` for an element type that NumPy lacks (bf16) or a traced tensor.
  public func save(to path: String) throws(KilnError) {
    try TensorFiles(path: path, location: CallSite.here()).write(tensors)
  }

  /// Replaces the tensors by those of a file or folder that `save(to:)` or `numpy.savez` wrote.
  ///
  /// ```swift
  /// var network = Network()
  /// try network.load(from: "network.npz")
  /// ```
  /// Names, element types and shapes must be those of the tree. Each tensor goes to the device of the one that it
  /// replaces.
  ///
  /// - Throws: `npz.C1` when the file cannot be read, `npz.C2` and `npy.C2` when it is damaged or of another kind,
  ///   `tree.C5` with every difference from the tree. Then the tree is as it was.
  public mutating func load(from path: String) throws(KilnError) {
    let files = TensorFiles(path: path, location: CallSite.here())
    let own = tensors
    let found = try files.tensors(for: own, from: try files.read())
    var placed: [AnyTensor] = []
    for (old, new) in zip(own, found) {
      do throws(KilnError) {
        placed.append(AnyTensor(try new.core.moved(to: old.tensor.core.deviceElements?.device)))
      } catch {
        throw error.located(at: files.location).resolved()
      }
    }
    if let failure = TreeCheck.failure(of: self) { throw KilnError(failure).resolved() }
    replaceTensors(by: placed)
  }
}

/// The tensors of a `.npz` file, or of a folder of `.npy` files, by their names: for files whose names or types are not
/// those of a tree.
///
/// - Throws: `npz.C1` when the file cannot be read, `npz.C2` and `npy.C2` when it is damaged or of another kind.
public func savedTensors(at path: String) throws(KilnError) -> [String: AnyTensor] {
  try TensorFiles(path: path, location: CallSite.here()).read()
}
