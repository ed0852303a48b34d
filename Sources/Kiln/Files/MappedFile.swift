import KilnIR
import KilnRuntime
import SystemPackage

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The bytes of a file, which the system reads when they are looked at.
///
/// A file that is replaced, as Kiln does, stays as it was for those who have it; one that another program shortens ends
/// the process when a byte that is gone is looked at.
// @unchecked: the bytes are only read.
package final class MappedFile: @unchecked Sendable {
  package let bytes: UnsafeRawBufferPointer

  /// - Throws: `label`, when the file cannot be read.
  package init(_ path: String, label: String) throws(KilnError) {
    do {
      guard try FilePath(path).stat().type == .regular else {
        throw KilnError.atCall(label, "\(path) cannot be read: it is not a file")
      }
      let file = try FileDescriptor.open(FilePath(path), .readOnly, options: .closeOnExec)
      bytes = try file.closeAfter { try Self.map(file) }
    } catch let error as KilnError {
      throw error
    } catch {
      throw KilnError.atCall(label, "\(path) cannot be read: \(error)")
    }
  }

  /// Whether there is a file, or something else, at this path.
  package static func isThere(_ path: String) -> Bool { (try? FilePath(path).stat()) != nil }

  deinit {
    if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
  }

  private static func map(_ file: FileDescriptor) throws -> UnsafeRawBufferPointer {
    let count = Int(try file.stat().size)
    if count == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    guard let base = mmap(nil, count, PROT_READ, MAP_PRIVATE, file.rawValue, 0), base != MAP_FAILED else {
      throw Errno(rawValue: errno)
    }
    return UnsafeRawBufferPointer(start: base, count: count)
  }
}

/// Writes a file of `parts`, one after the other. One that is already there is replaced when the new one is on the
/// disk.
/// - Throws: `label`, when it cannot be written.
package func writeDurably(_ parts: some Sequence<[UInt8]>, to path: String, label: String) throws(KilnError) {
  do throws(Errno) { try FileSystem.writeDurably(parts, to: path) } catch {
    throw KilnError.atCall(label, "\(path) cannot be written: \(error)")
  }
}

extension AnyTensor {
  /// A tensor of the elements whose `bytes` lie in row-major order. Bytes of bool other than 0 count as true.
  package init(_ dtype: DType, _ shape: [Int], bytes: UnsafeRawBufferPointer) {
    self.init(
      TensorCore.make(TensorType(dtype, Shape(shape))) { elements in
        elements.copyMemory(from: bytes)
        if dtype == .bool { for index in elements.indices where elements[index] > 1 { elements[index] = 1 } }
      })
  }

  /// Whether it has elements: not in a trace, and not after a mistake.
  package var hasElements: Bool { core.isConcrete }

  /// The tensor where `other` lies.
  /// - Throws: what the device says.
  package func moved(besides other: AnyTensor) throws(KilnError) -> AnyTensor {
    AnyTensor(try core.moved(to: other.core.deviceElements?.device))
  }
}
