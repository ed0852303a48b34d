public import Kiln

/// The arrays of a `.npz` file, which `numpy.savez` or `save(to:)` wrote, or of a folder of `.npy` files.
///
/// ```swift
/// let file = try NPZFile("digits.npz")
/// let digits = try Dataset(
///   inputs: file.tensor("images", of: Float.self), targets: file.tensor("labels", of: Int32.self))
/// print(file.names, digits.count)
/// ```
/// A single `.npy` file is read by `Tensor(contentsOfNPY:)`, and the tensors of a model by `load(from:)`.
public struct NPZFile: Sendable {
  /// Where the file is.
  public let path: String
  /// The names of the arrays, in order.
  public let names: [String]

  private let tensors: [String: AnyTensor]

  /// Reads a file.
  /// - Throws: `npz.C1` when it cannot be read, `npz.C2` and `npy.C2` when it is damaged, compressed or of another
  ///   kind.
  public init(_ path: String) throws(KilnError) {
    self.path = path
    tensors = try tensorsOfNPZ(path)
    names = tensors.keys.sorted()
  }

  /// The array `name`.
  /// - Throws: `npz.C4` when the file lacks it.
  public func tensor(_ name: String) throws(KilnError) -> AnyTensor {
    if let tensor = tensors[name] { return tensor }
    throw KilnError.atCall("npz.C4", "\(path): there is no array '\(name)'; there are \(names)")
  }

  /// The array `name` with elements of `type`.
  /// - Throws: `npz.C4` when the file lacks it, or it has another element type.
  public func tensor<Scalar: TensorElement>(_ name: String, of type: Scalar.Type) throws(KilnError) -> Tensor<Scalar> {
    let tensor = try tensor(name)
    if let typed = Tensor<Scalar>(tensor) { return typed }
    throw KilnError.atCall("npz.C4", "\(path): '\(name)' has elements \(tensor.dtype), expected \(Scalar.dtype)")
  }
}
