import Kiln
import KilnData
import Testing

/// Files that are right, and what was changed in them at random: a reader gives an error or a tensor, and never more
/// elements than a file of that size can have.
@Suite("Damaged files")
struct ReaderFuzzTests {
  /// A copy of `bytes` with a few changes.
  private static func mutated(_ bytes: [UInt8], using generator: inout SplitMix64) -> [UInt8] {
    var bytes = bytes
    for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      case 1: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, 0x22, 0x2C, 0x0A][Int.random(in: 0..<8, using: &generator)]
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
      case 3: bytes = Array(bytes.prefix(place))
      case 4: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
      // The first bytes say what follows.
      default: bytes[place % min(bytes.count, 24)] = UInt8.random(in: 0...255, using: &generator)
      }
    }
    return bytes
  }

  /// Reads 500 damaged files.
  private func fuzz(
    _ name: String, of bytes: [UInt8], seed: UInt64, labels: Set<String>, read: (String) throws -> Int
  ) throws {
    try withFolder { folder in
      let path = "\(folder)/\(name)"
      var generator = SplitMix64(seed: seed)
      var failures = 0
      for _ in 0..<500 {
        let changed = Self.mutated(bytes, using: &generator)
        try write(changed, to: path)
        do {
          let count = try read(path)
          #expect(count <= (changed.count + 1) * 8 * 1032, "\(changed)")
        } catch {
          failures += 1
          let text = "\(error)"
          #expect(labels.contains { text.contains("[\($0)]") } && text.contains(name), "\(text)")
        }
      }
      #expect(failures > 100)
    }
  }

  @Test("IDX, and compressed IDX")
  func idx() throws {
    let labels: Set = ["idx.C2", "gzip.C1"]
    try fuzz("x.idx", of: IDXTests.images, seed: 1, labels: labels) { try AnyTensor(contentsOfIDX: $0).count }
    let compressed = try withFolder { folder in
      writeGzip(IDXTests.images, to: "\(folder)/x")
      return try bytes(of: "\(folder)/x")
    }
    try fuzz("x.gz", of: compressed, seed: 2, labels: labels) { try AnyTensor(contentsOfIDX: $0).count }
  }

  @Test("CSV")
  func csv() throws {
    let text = "a,b,c\n1,2,\"x\"\"y\"\n3,4,\"two\nlines\"\n5,-6e3,é\n"
    try fuzz("x.csv", of: Array(text.utf8), seed: 3, labels: ["csv.C2", "csv.C3", "csv.C4", "gzip.C1"]) { path in
      let table = try CSVTable(contentsOf: path)
      return try table.values(["a", "b"], as: Float.self).count + table.strings("c").count
    }
  }

  @Test("PNG")
  func png() throws {
    let image = Tensor((0..<48).map { UInt8($0 * 5) }, shape: [4, 4, 3])
    let file = try withFolder { folder in
      try image.writePNG(to: "\(folder)/x")
      return try bytes(of: "\(folder)/x")
    }
    try fuzz("x.png", of: file, seed: 4, labels: ["png.C2"]) { try Tensor<UInt8>(contentsOfPNG: $0).count }
  }

  @Test("NPZ")
  func npz() throws {
    let file = try withFolder { folder in
      try [Tensor<Float>([[1, 2], [3, 4]]), Tensor<Float>([5])].save(to: "\(folder)/x.npz")
      return try bytes(of: "\(folder)/x.npz")
    }
    try fuzz("x.npz", of: file, seed: 5, labels: ["npz.C2", "npy.C2"]) { path in
      let file = try NPZFile(path)
      return try file.names.map { try file.tensor($0).count }.reduce(0, +)
    }
  }
}
