import Foundation
import Kiln

extension Run {
  /// TEMPORARY
  func save(_ image: Tensor<Float>, _ name: String) throws {
    let rows = image.dimensions
    var bytes = Array("P5 \(rows[1]) \(rows[0]) 255\n".utf8)
    bytes += image.scalars.map { UInt8(max(0, min(255, $0 * 255))) }
    try Data(bytes).write(to: folder.appendingPathComponent(name.replacingOccurrences(of: ".png", with: ".pgm")))
  }
}
