public import KilnIR
import KilnRuntime
import SystemPackage

extension AnyTensor {
  /// Reads a `.npy` file of a dtype that Kiln has, little-endian, of either order. Bytes of bool other than 0 count as
  /// true.
  /// - Throws: `npy.C1` when the file cannot be read, `npy.C2` when it is not such an array: what was expected and what
  ///   was found.
  public init(contentsOfNPY path: String) throws(KilnError) {
    let location = CallSite.here()
    try self.init(npy: try readFile(path, location), path, location)
  }

  /// Reads the bytes of a `.npy` file.
  init(npy bytes: [UInt8], _ path: String, _ location: SourceLocation) throws(KilnError) {
    let file: NPYFile
    do throws(NPYFile.Malformed) {
      file = try NPYFile(bytes) { descriptor in DType(npy: descriptor)?.byteCount }
    } catch {
      throw KilnError("npy.C2", "\(path): \(error.message)", at: location).resolved()
    }
    try self.init(file, path, location)
  }

  private init(_ file: NPYFile, _ path: String, _ location: SourceLocation) throws(KilnError) {
    guard let dtype = DType(npy: file.descriptor) else {
      throw KilnError("npy.C2", "\(path): elements of type '\(file.descriptor)' cannot be read", at: location)
        .resolved()
    }
    let shape = Shape(file.isColumnMajor ? file.shape.reversed() : file.shape)
    let core = TensorCore.make(TensorType(dtype, shape)) { bytes in
      bytes.copyBytes(from: file.elements)
      if dtype == .bool { for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 } }
    }
    self.init(file.isColumnMajor ? core.transposed(Array((0..<shape.rank).reversed())) : core)
  }

  /// Writes the elements as a `.npy` file.
  /// - Throws: `npy.C3` when the dtype has no NumPy type (bf16), `npy.C1` when the file cannot be written.
  public func writeNPY(to path: String) throws(KilnError) {
    let location = CallSite.here()
    try writeFile(try npyBytes(named: nil, at: location), path, location)
  }

  /// The `.npy` file of the elements.
  func npyBytes(named name: String?, at location: SourceLocation) throws(KilnError) -> [UInt8] {
    let prefix = name.map { "\($0): " } ?? ""
    guard let descriptor = dtype.npyDescriptor else {
      throw KilnError("npy.C3", "\(prefix)NumPy has no element type \(dtype); convert first", at: location).resolved()
    }
    guard core.isConcrete else {
      throw KilnError("npy.C3", "\(prefix)a tensor without elements cannot be written", at: location).resolved()
    }
    let core: TensorCore
    do throws(KilnError) { core = try self.core.moved(to: nil) } catch { throw error.located(at: location).resolved() }
    return NPYFile.bytes(descriptor: descriptor, shape: dimensions, elements: core.bytes)
  }
}

extension Tensor {
  /// Reads a `.npy` file with elements of this type.
  /// - Throws: as `AnyTensor(contentsOfNPY:)`; `npy.C4` when the file has other elements.
  public init(contentsOfNPY path: String) throws(KilnError) {
    let tensor = try AnyTensor(contentsOfNPY: path)
    guard tensor.dtype == Scalar.dtype else {
      throw KilnError("npy.C4", "\(path) has elements \(tensor.dtype), expected \(Scalar.dtype)", at: CallSite.here())
        .resolved()
    }
    self.init(unchecked: tensor)
  }

  /// Writes the elements as a `.npy` file.
  /// - Throws: as `AnyTensor.writeNPY(to:)`.
  public func writeNPY(to path: String) throws(KilnError) { try untyped.writeNPY(to: path) }
}

extension DType {
  /// NumPy's name, little-endian; nil for bf16.
  var npyDescriptor: String? {
    switch self {
    case .bool: "|b1"
    case .i8: "|i1"
    case .u8: "|u1"
    case .i16: "<i2"
    case .i32: "<i4"
    case .i64: "<i8"
    case .u16: "<u2"
    case .u32: "<u4"
    case .u64: "<u8"
    case .f16: "<f2"
    case .f32: "<f4"
    case .f64: "<f8"
    case .bf16: nil
    }
  }

  init?(npy descriptor: String) {
    let spellings = [descriptor, descriptor.replacingFirst("=", by: "<"), descriptor.replacingFirst("<", by: "|")]
    guard let match = DType.allCases.first(where: { spellings.contains($0.npyDescriptor ?? "") }) else { return nil }
    self = match
  }
}

extension String {
  fileprivate func replacingFirst(_ character: Character, by other: Character) -> String {
    first == character ? String(other) + dropFirst() : self
  }
}

private func readFile(_ path: String, _ location: SourceLocation) throws(KilnError) -> [UInt8] {
  do throws(Errno) {
    return try FileSystem.read(path)
  } catch {
    throw KilnError("npy.C1", "\(path) cannot be read: \(error)", at: location).resolved()
  }
}

private func writeFile(_ bytes: [UInt8], _ path: String, _ location: SourceLocation) throws(KilnError) {
  do throws(Errno) {
    try FileSystem.write(bytes, to: path)
  } catch {
    throw KilnError("npy.C1", "\(path) cannot be written: \(error)", at: location).resolved()
  }
}
