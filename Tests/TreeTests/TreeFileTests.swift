import Foundation
import Kiln
import KilnIR
import Testing

private func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-trees-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

private func fixture(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name)").path
}

private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
private func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

private struct Kinds: TensorTree {
  var half = Tensor<Float16>([1.5, -2])
  var flags = Tensor<Bool>([true, false, true])
  var steps = Tensor<Int64>(-7)
  var empty = Tensor<UInt8>.zeros([0, 4])
  var table: [String: Tensor<Double>] = ["a b": Tensor<Double>([.nan, -0.0]), "é/ü": Tensor<Double>([.infinity])]
  var maybe: Tensor<Float>? = Tensor<Float>([[1, 2], [3, 4]]).transposed()

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&half, "half")
    visitor.visit(&flags, "flags")
    visitor.visit(&steps, "steps")
    visitor.visit(&empty, "empty")
    visitor.visit(&table, "table")
    visitor.visit(&maybe, "maybe")
  }
}

private struct FromNumPy: TensorTree {
  struct Layer: TensorTree {
    var weight = Tensor<Float>.zeros([2, 3])
    mutating func visit(_ visitor: inout some TensorVisitor) { visitor.visit(&weight, "weight") }
  }
  var layers = [Layer()]
  var steps = Tensor<Int32>(0)
  var flags = Tensor<Bool>([false, false, false])
  var half = Tensor<Float16>([0, 0])

  mutating func visit(_ visitor: inout some TensorVisitor) {
    visitor.visit(&layers, "layers")
    visitor.visit(&steps, "steps")
    visitor.visit(&flags, "flags")
    visitor.visit(&half, "half")
  }
}

private func bits(_ tree: some TensorTree) -> [[UInt8]] { tree.tensors.map { $0.tensor.bytes } }

private func label(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return (error as? KilnError)?.diagnostics[0].label ?? "\(error)"
  }
}

@Suite("Saving and loading trees")
struct TreeFileTests {
  @Test("what is saved is loaded, from an archive and from a folder; equal trees are equal files")
  func roundTrip() throws {
    try withFolder { folder in
      for path in ["\(folder)/model.npz", "\(folder)/model", "\(folder)/other/"] {
        var saved = Kinds()
        if !path.hasSuffix("npz") { saved.table = ["a b": Tensor<Double>([.nan, -0.0])] }
        try saved.save(to: path)
        var loaded = saved
        loaded.maybe = loaded.maybe.map { $0 + 1 }
        loaded.steps = 0
        try loaded.load(from: path)
        #expect(bits(loaded) == bits(saved) && loaded.maybe?.scalars == [1, 3, 2, 4])
        // Again, over what is there.
        saved.steps = 8
        try saved.save(to: path)
        try loaded.load(from: path)
        #expect(loaded.steps.item == 8)
      }
      try Kinds().save(to: "\(folder)/twin.npz")
      var changed = Kinds()
      changed.steps = -7
      try changed.save(to: "\(folder)/model.npz")
      #expect(try bytes("\(folder)/twin.npz") == bytes("\(folder)/model.npz"))
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.contains("tmp") || $0.contains("old") }
          == [])
      // A tree that is one tensor.
      var x = Tensor<Float>([1, 2])
      try x.save(to: "\(folder)/x.npz")
      x = Tensor<Float>([3, 4])
      try x.load(from: "\(folder)/x.npz")
      #expect(x.scalars == [1, 2])
    }
  }

  @Test("a file of numpy.savez is loaded; one of numpy.savez_compressed says what to write instead")
  func numpy() throws {
    var tree = FromNumPy()
    try tree.load(from: fixture("numpy.npz"))
    #expect(tree.layers[0].weight.scalars == [0, 1, 2, 3, 4, 5])
    #expect(tree.steps.item == 7 && tree.flags.scalars == [true, false, true] && tree.half.scalars == [1.5, -2])
    #expect(try savedTensors(at: fixture("numpy.npz")).keys.sorted() == ["flags", "half", "layers.0.weight", "steps"])
    let error = #expect(throws: KilnError.self) { try tree.load(from: fixture("compressed.npz")) }
    #expect(error?.diagnostics[0].label == "npz.C2")
    #expect(error?.description.contains("numpy.savez, not numpy.savez_compressed") == true)
  }

  @Test("a file of another tree is tree.C5 with every difference, and nothing is loaded")
  func differences() throws {
    struct Other: TensorTree {
      var layers = Tensor<Float>([1])
      var steps = Tensor<Int64>(1)
      var flags = Tensor<Bool>([false])
      mutating func visit(_ visitor: inout some TensorVisitor) {
        visitor.visit(&layers, "layers")
        visitor.visit(&steps, "steps")
        visitor.visit(&flags, "flags")
      }
    }
    var other = Other()
    let before = bits(other)
    let error = #expect(throws: KilnError.self) { try other.load(from: fixture("numpy.npz")) }
    #expect(error?.diagnostics.map(\.label) == ["tree.C5"])
    #expect(
      error?.diagnostics[0].notes == [
        "layers: f32[1] is not in the file", "steps is i64[] in the tree, i32[] in the file",
        "flags is bool[1] in the tree, bool[3] in the file", "half of the file is not in the tree",
        "layers.0.weight of the file is not in the tree",
      ])
    #expect(bits(other) == before)
  }

  @Test("what cannot be written is an error, and what was there stays")
  func refusals() throws {
    try withFolder { folder in
      let x = Tensor<Float>([1])
      #expect(label { try ["../x": x].save(to: "\(folder)/a") } == "npz.C3")
      #expect(label { try ["a/b": x].save(to: "\(folder)/b") } == "npz.C3")
      #expect(label { try ["/../b": x].save(to: "\(folder)/b.npz") } == "npz.C3")
      #expect(label { try x.save(to: "\(folder)/no/such/x.npz") } == "npz.C1")
      #expect(label { try x.save(to: "\(folder)/no/such/x") } == "npz.C1")
      var tensor = x
      #expect(label { try tensor.load(from: "\(folder)/none.npz") } == "npz.C1")
      #expect(label { try tensor.load(from: "\(folder)/none") } == "npz.C1")
      try write([1], "\(folder)/notes.txt")
      #expect(label { try x.save(to: folder) } == "npz.C3")
      #expect(try bytes("\(folder)/notes.txt") == [1])
      struct Twice: TensorTree {
        var a = Tensor<Float>([1])
        var b = Tensor<Float>([1])
        mutating func visit(_ visitor: inout some TensorVisitor) {
          visitor.visit(&a, "x")
          visitor.visit(&b, "x")
        }
      }
      #expect(label { try Twice().save(to: "\(folder)/t.npz") } == "npz.C3")
      #expect(!FileManager.default.fileExists(atPath: "\(folder)/t.npz"))
      let traced = diagnosticsOfTrace(x, "\(folder)/traced.npz")
      #expect(traced == "npy.C3")
    }
  }

  private func diagnosticsOfTrace(_ x: Tensor<Float>, _ path: String) -> String? {
    var found: String?
    _ = try? trace(x) { (x: Tensor<Float>) in
      found = label { try x.save(to: path) }
      return x
    }
    return found
  }

  /// An archive of one entry, and where its parts are.
  private func archive(_ folder: String) throws -> [UInt8] {
    try ["w": Tensor<Float>([1, 2])].save(to: "\(folder)/good.npz")
    return try bytes("\(folder)/good.npz")
  }

  @Test("damage of any byte, truncation at any length and random files are labelled errors or harmless")
  func damage() throws {
    try withFolder { folder in
      let good = try archive(folder)
      let path = "\(folder)/bad.npz"
      func check(_ bad: [UInt8], _ what: String, mayPass: Bool = false) throws {
        try write(bad, path)
        var tree = ["w": Tensor<Float>([9, 9])]
        let found = label { try tree.load(from: path) }
        let isHarmless = mayPass && found == nil && tree["w"]?.scalars == [1, 2]
        let isRefused = ["npz.C2", "npy.C2", "tree.C5"].contains(found ?? "") && tree["w"]?.scalars == [9, 9]
        #expect(isHarmless || isRefused, "\(what): \(found ?? "nothing")")
      }
      for count in 0..<good.count { try check(Array(good[..<count]), "the first \(count) bytes") }
      for place in good.indices {
        for bit in 0..<8 {
          var bad = good
          bad[place] ^= 1 << bit
          try check(bad, "bit \(bit) of byte \(place)", mayPass: true)
        }
      }
      var generator = Xorshift(state: 5)
      for turn in 0..<500 {
        var bad = good
        for _ in 0...turn % 5 {
          let place = Int(generator.next() % UInt64(bad.count))
          switch generator.next() % 4 {
          case 0: bad[place] = UInt8(truncatingIfNeeded: generator.next())
          case 1: bad[place] = [0, 255, 127, 128].randomElement(using: &generator) ?? 0
          case 2: bad.remove(at: place)
          default: bad.insert(UInt8(truncatingIfNeeded: generator.next()), at: place)
          }
        }
        try check(bad, "random \(turn)", mayPass: true)
      }
    }
  }

  @Test("every byte of an element is under the checksum")
  func checksum() throws {
    try withFolder { folder in
      var bad = try archive(folder)
      // The elements end where the directory begins.
      let directory = bad.indices.first { Array(bad[$0...].prefix(4)) == [0x50, 0x4B, 1, 2] } ?? 0
      bad[directory - 1] ^= 1
      try write(bad, "\(folder)/bad.npz")
      var tree = ["w": Tensor<Float>([9, 9])]
      let error = #expect(throws: KilnError.self) { try tree.load(from: "\(folder)/bad.npz") }
      #expect(error?.description.contains("the entry 'w.npy' is damaged: its checksum is") == true)
    }
  }

  @Test("duplicates, names that lead out, encryption and zip64 are named")
  func kinds() throws {
    try withFolder { folder in
      try ["aa": Tensor<Float>([1]), "bb": Tensor<Float>([1])].save(to: "\(folder)/two.npz")
      let good = try bytes("\(folder)/two.npz")
      func replaced(_ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        var result = good
        var place = 0
        while place + old.count <= result.count {
          if Array(result[place..<place + old.count]) == old {
            result.replaceSubrange(place..<place + old.count, with: new)
          }
          place += 1
        }
        return result
      }
      let first = good.indices.first { Array(good[$0...].prefix(4)) == [0x50, 0x4B, 1, 2] } ?? 0
      func patched(_ offset: Int, _ new: [UInt8]) -> [UInt8] {
        var result = good
        result.replaceSubrange(first + offset..<first + offset + new.count, with: new)
        return result
      }
      let cases: [([UInt8], String)] = [
        (replaced(Array("bb.npy".utf8), Array("aa.npy".utf8)), "two entries have the name 'aa.npy'"),
        (replaced(Array("bb.npy".utf8), Array("../npy".utf8)), "'../npy' leads out of its folder"),
        (replaced(Array("bb.npy".utf8), Array("/b.npy".utf8)), "'/b.npy' leads out of its folder"),
        (replaced(Array("bb.npy".utf8), Array("b\\.npy".utf8)), "has a character that no path has"),
        (replaced(Array("bb.npy".utf8), Array("bb.txt".utf8)), "'bb.txt' is not a .npy file"),
        (replaced(Array("bb.npy".utf8), [0xFF] + Array("b.npy".utf8)), "is not UTF-8"),
        (patched(8, [1, 0]), "'aa.npy' is encrypted"), (patched(10, [8, 0]), "'aa.npy' is compressed"),
        (patched(20, [255, 255, 255, 255]), "zip64"), (Array("hello".utf8), "begins with PK"), ([], "begins with PK"),
      ]
      for (bad, expected) in cases {
        try write(bad, "\(folder)/bad.npz")
        let error = #expect(throws: KilnError.self) { try savedTensors(at: "\(folder)/bad.npz") }
        #expect(error?.diagnostics.map(\.label) == ["npz.C2"])
        #expect(error?.description.contains(expected) == true, "\(expected): \(error?.description ?? "nothing")")
      }
    }
  }
}

private struct Xorshift: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
