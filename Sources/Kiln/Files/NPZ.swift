import KilnIR
import KilnRuntime
import SystemPackage

/// The tensors of a `.npz` file, or of a folder of `.npy` files, by their names.
/// - Throws: `npz.C1` when it cannot be read, `npz.C2` and `npy.C2` when it is damaged or of another kind.
package func tensorsOfNPZ(_ path: String) throws(KilnError) -> [String: AnyTensor] {
  try TensorFiles(path: path, location: CallSite.here()).read()
}

/// Trees of tensors as files: a `.npz` file, or a folder of `.npy` files.
struct TensorFiles {
  let path: String
  let location: SourceLocation

  private var isArchive: Bool { path.hasSuffix(".npz") }
  /// The file name of a tensor that has no name of its own.
  private static let bareName = "tensor"

  // MARK: - Writing

  func write(_ tensors: [(name: String, tensor: AnyTensor)]) throws(KilnError) {
    var entries: [ZipFile.Entry] = []
    for (name, tensor) in tensors {
      let shown = name.isEmpty ? Self.bareName : name
      let bytes = try tensor.npyBytes(named: shown, at: location)
      entries.append(ZipFile.Entry(name: shown + ".npy", bytes: bytes[...]))
    }
    let names = entries.map(\.name)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw error("npz.C3", "cannot be written: two tensors have the name '\(twice.dropLast(4))'")
    }
    if isArchive { try writeArchive(entries) } else { try writeFolder(entries) }
  }

  private func writeArchive(_ entries: [ZipFile.Entry]) throws(KilnError) {
    let bytes: [UInt8]
    do throws(ZipFile.Malformed) { bytes = try ZipFile(entries).encoded() } catch {
      throw self.error("npz.C3", "cannot be written: \(error.message)")
    }
    do throws(Errno) { try FileSystem.write(bytes, to: path) } catch {
      throw self.error("npz.C1", "cannot be written: \(error)")
    }
  }

  /// Writes another folder and exchanges it for the one that is there when it is complete.
  private func writeFolder(_ entries: [ZipFile.Entry]) throws(KilnError) {
    for entry in entries where entry.name.contains("/") || ZipFile.fault(ofName: entry.name) != nil {
      throw error(
        "npz.C3", "cannot be written: '\(entry.name)' cannot be the name of a file; a .npz file allows more names")
    }
    if let others = (try? FileSystem.names(in: path))?.filter({ !$0.hasSuffix(".npy") }), !others.isEmpty {
      throw error(
        "npz.C3",
        "cannot be written: the folder has other files than .npy, such as '\(others.sorted()[0])', and would lose them")
    }
    do throws(Errno) {
      try FileSystem.replaceFolder(path, with: entries.map { ($0.name, $0.bytes) })
    } catch {
      throw self.error("npz.C1", "cannot be written: \(error)")
    }
  }

  // MARK: - Reading

  func read() throws(KilnError) -> [String: AnyTensor] {
    let entries = isArchive ? try archiveEntries() : try folderEntries()
    var tensors: [String: AnyTensor] = [:]
    for entry in entries {
      guard entry.name.hasSuffix(".npy") else {
        throw error("npz.C2", "the entry '\(entry.name)' is not a .npy file")
      }
      let name = String(entry.name.dropLast(4))
      tensors[name] = try AnyTensor(npy: Array(entry.bytes), "\(path)/\(entry.name)", location)
    }
    return tensors
  }

  private func archiveEntries() throws(KilnError) -> [ZipFile.Entry] {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try FileSystem.read(path) } catch {
      throw self.error("npz.C1", "cannot be read: \(error)")
    }
    do throws(ZipFile.Malformed) { return try ZipFile(bytes).entries } catch {
      throw self.error("npz.C2", error.message)
    }
  }

  private func folderEntries() throws(KilnError) -> [ZipFile.Entry] {
    let names: [String]
    do throws(Errno) { names = try FileSystem.names(in: path) } catch {
      throw self.error("npz.C1", "cannot be read: \(error)")
    }
    var entries: [ZipFile.Entry] = []
    for name in names.sorted() where name.hasSuffix(".npy") {
      do throws(Errno) {
        entries.append(ZipFile.Entry(name: name, bytes: try FileSystem.read("\(path)/\(name)")[...]))
      } catch {
        throw self.error("npz.C1", "\(name) cannot be read: \(error)")
      }
    }
    if entries.isEmpty { throw error("npz.C2", "the folder has no .npy files") }
    return entries
  }

  /// The tensors of the file for those of a tree, in their order.
  /// - Throws: `tree.C5` with every difference.
  func tensors(
    for tree: [(name: String, tensor: AnyTensor)], from found: [String: AnyTensor]
  ) throws(KilnError) -> [AnyTensor] {
    var differences: [String] = []
    var results: [AnyTensor] = []
    var names: Set<String> = []
    for (name, tensor) in tree {
      let shown = name.isEmpty ? Self.bareName : name
      if !names.insert(shown).inserted { differences.append("\(shown) stands for two tensors of the tree") }
      guard let other = found[shown] else {
        differences.append("\(shown): \(tensor.type) is not in the file")
        continue
      }
      if other.type != tensor.type {
        differences.append("\(shown) is \(tensor.type) in the tree, \(other.type) in the file")
      }
      results.append(other)
    }
    for name in found.keys.sorted() where !names.contains(name) {
      differences.append("\(name) of the file is not in the tree")
    }
    if differences.isEmpty { return results }
    throw KilnError(
      Diagnostic(
        "tree.C5", "\(path) has other tensors than the tree: \(differences.count) differences", at: location,
        notes: differences)
    ).resolved()
  }

  private func error(_ label: String, _ message: String) -> KilnError {
    KilnError(label, label == "npz.C2" ? "\(path): \(message)" : "\(path) \(message)", at: location).resolved()
  }
}
