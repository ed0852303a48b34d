import Foundation
import Kiln
import KilnNN
import Testing

/// The expected numbers that the scripts in Utilities/neural-cases have made.
enum Fixture {
  static func path(_ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures/\(name).safetensors")
      .path
  }
}

/// A folder that is gone afterwards.
func withFolder(_ body: (String) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("kiln-nn-\(UUID().uuidString)").path
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(atPath: folder) }
  try body(folder)
}

func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(fileURLWithPath: path))) }
func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

/// What `body` throws, as text; nil if it does not.
func failure(_ body: () throws -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return "\(error)"
  }
}

/// Random numbers that are the same in every run (Steele, Lea and Flood, 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension SafetensorsFile {
  /// A tensor of f64 with its elements rounded to `Scalar`.
  func rounded<Scalar: TensorReal>(_ name: String, to type: Scalar.Type) throws -> Tensor<Scalar> {
    let tensor = try tensor(name, of: Double.self)
    return Tensor(tensor.scalars.map { Scalar($0) }, shape: tensor.dimensions)
  }
}

/// Expects the shape and the numbers, within 1e-10 (1e-5 of `Float`) of the greatest of them.
func expectClose<Scalar: TensorReal>(
  _ found: Tensor<Scalar>, _ expected: Tensor<Double>, _ what: String, tolerance: Double? = nil,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.dimensions == expected.dimensions else {
    Issue.record("\(what): shape \(found.dimensions), expected \(expected.dimensions)", sourceLocation: sourceLocation)
    return
  }
  let (found, expected) = (found.scalars.map(Double.init), expected.scalars)
  let greatest = expected.filter(\.isFinite).map(\.magnitude).max() ?? 1
  let bound = (tolerance ?? (Scalar.self == Double.self ? 1e-10 : 1e-5)) * (greatest == 0 ? 1 : greatest)
  for (index, (a, b)) in zip(found, expected).enumerated() where a != b && !(a.isNaN && b.isNaN) {
    if (a - b).magnitude <= bound { continue }
    Issue.record("\(what): element \(index) is \(a), expected \(b)", sourceLocation: sourceLocation)
    return
  }
}
