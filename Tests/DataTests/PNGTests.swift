import Foundation
import Kiln
import KilnData
import Testing

@Suite("PNG images")
struct PNGTests {
  /// 3×2 pixels of a palette of red, a green and a transparent blue, at 2 bits.
  private static let palette = """
    iVBORw0KGgoAAAANSUhEUgAAAAMAAAACAgMAAADgGo6JAAAACVBMVEX/AAAAgAAAAP9WyLqUAAAAA3RSTlP//wDXyg1BAAAADElEQVR42mOQYJgA\
    AADcAKlSGhOPAAAAAElFTkSuQmCC
    """
  /// 9×1 pixels of one bit.
  private static let bits =
    "iVBORw0KGgoAAAANSUhEUgAAAAkAAAABAQAAAAAkubnQAAAAC0lEQVR42mNY1QAAAdcBK//wZ1UAAAAASUVORK5CYII="
  /// The header of 500,000 × 500,000 pixels, and 100 bytes of them.
  private static let absurd =
    "iVBORw0KGgoAAAANSUhEUgAHoSAAB6EgCAIAAABTarBnAAAADElEQVR4nGNgoD0AAABkAAGGZDw1AAAAAElFTkSuQmCC"

  private func read(_ text: String, channels: ImageChannels? = nil) throws -> Tensor<UInt8> {
    try withFolder { folder in
      try write(Array(try #require(Data(base64Encoded: text))), to: "\(folder)/image.png")
      return try Tensor<UInt8>(contentsOfPNG: "\(folder)/image.png", channels: channels)
    }
  }

  @Test("palettes, bits and transparency are read")
  func forms() throws {
    let palette = try read(Self.palette)
    #expect(palette.dimensions == [2, 3, 3])
    #expect(palette.scalars == [255, 0, 0, 0, 128, 0, 255, 255, 255, 255, 255, 255, 0, 128, 0, 255, 0, 0])
    let bits = try read(Self.bits)
    #expect(bits.dimensions == [1, 9, 1] && bits.scalars == [255, 0, 255, 0, 255, 0, 255, 0, 255])
    let colors = try read(Self.bits, channels: .rgb)
    #expect(colors.dimensions == [1, 9, 3] && colors.scalars.prefix(6) == [255, 255, 255, 0, 0, 0])
    #expect(try read(Self.palette, channels: .gray).dimensions == [2, 3, 1])
  }

  @Test("what is written is read again", arguments: [[5, 7], [4, 9, 1], [6, 3, 3], [1, 1, 3]])
  func roundTrip(shape: [Int]) throws {
    var generator = SplitMix64(seed: 1)
    let image = Tensor((0..<shape.reduce(1, *)).map { _ in UInt8.random(in: 0...255, using: &generator) }, shape: shape)
    try withFolder { folder in
      let path = "\(folder)/image.png"
      try write([1, 2, 3], to: path)
      try image.writePNG(to: path)
      let again = try Tensor<UInt8>(contentsOfPNG: path)
      #expect(
        again.scalars == image.scalars && again.dimensions == Array(shape.prefix(2)) + [shape.count == 3 ? shape[2] : 1]
      )
      #expect(try bytes(of: path).starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
  }

  @Test("mistakes are errors at the caller's line")
  func mistakes() throws {
    let absurd = failure { _ = try read(Self.absurd) }
    #expect(absurd.contains("500000×500000 pixels cannot be in 69 bytes [png.C2]"), "\(absurd)")
    #expect(absurd.contains("PNGTests.swift:"))
    try withFolder { folder in
      let path = "\(folder)/image.png"
      #expect(failure { _ = try Tensor<UInt8>(contentsOfPNG: path) }.contains("[png.C1]"))
      for content in [[], [1, 2, 3], Array("not an image, but long enough to be one".utf8)] as [[UInt8]] {
        try write(content, to: path)
        #expect(failure { _ = try Tensor<UInt8>(contentsOfPNG: path) }.contains("[png.C2]"))
      }
      for shape in [[4], [2, 2, 2], [0, 3], [1, 2, 3, 1]] {
        let thrown = failure { try Tensor<UInt8>.zeros(shape).writePNG(to: path) }
        #expect(thrown.contains("[height, width, 3], expected; found u8[") && thrown.contains("[png.C3]"), "\(thrown)")
      }
      #expect(failure { try Tensor<UInt8>.zeros([2, 2]).writePNG(to: "\(folder)/no/x.png") }.contains("[png.C1]"))
    }
  }
}
