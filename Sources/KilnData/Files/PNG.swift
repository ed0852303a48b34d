import CPNG
public import Kiln

/// What the elements of an image's last axis are.
public enum ImageChannels: Int, Hashable, Sendable {
  /// The brightness: 1 channel.
  case gray = 1
  /// Red, green and blue: 3 channels.
  case rgb = 3
}

extension Tensor<UInt8> {
  /// Reads a PNG image as [height, width, channels], 0 to 255 in sRGB.
  ///
  /// ```swift
  /// let image = try Tensor<UInt8>(contentsOfPNG: "digit.png", channels: .gray)
  /// let x = image.converted(to: Float.self) / 255
  /// print(x.shape)
  /// ```
  /// Palettes, 1 to 16 bits and interlaced files are read, too; transparent parts lie on white.
  /// - Parameter channels: what to convert the image to; nil for what the file has.
  /// - Throws: `png.C1` when the file cannot be read, `png.C2` when it is not a whole PNG image; the message is
  ///   libpng's.
  public init(contentsOfPNG path: String, channels: ImageChannels? = nil) throws(KilnError) {
    let file = try MappedFile(path, label: "png.C1")
    defer { withExtendedLifetime(file) {} }
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    defer { png_image_free(&image) }
    guard png_image_begin_read_from_memory(&image, file.bytes.baseAddress, file.bytes.count) != 0 else {
      throw KilnError.atCall("png.C2", "\(path): \(image.text)")
    }
    let own: ImageChannels = image.format & png_uint_32(PNG_FORMAT_FLAG_COLOR) == 0 ? .gray : .rgb
    let kept = channels ?? own
    image.format = kept.format
    let (height, width) = (Int(image.height), Int(image.width))
    let count = height * width * kept.rawValue
    // The header has been read, so its depth and kind of color are there. Deflate makes a byte of 1,032 at most.
    let channelCounts: [UInt8: Int] = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4]
    let bits = Int(file.bytes[24]) * (channelCounts[file.bytes[25]] ?? 1)
    guard height * width * bits / 8 / 1032 <= file.bytes.count else {
      throw KilnError.atCall("png.C2", "\(path): \(width)×\(height) pixels cannot be in \(file.bytes.count) bytes")
    }
    var white = png_color(red: 255, green: 255, blue: 255)
    var isRead = false
    let elements = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      isRead = png_image_finish_read(&image, &white, buffer.baseAddress, 0, nil) != 0
      initialized = isRead ? count : 0
    }
    guard isRead else { throw KilnError.atCall("png.C2", "\(path): \(image.text)") }
    self.init(elements, shape: [height, width, kept.rawValue])
  }

  /// Writes an image, [height, width], [height, width, 1] or [height, width, 3], as a PNG file of 8 bits in sRGB. A
  /// file that is there is replaced when the new one is on the disk.
  ///
  /// ```swift
  /// let digit = try Dataset.digits[0].0
  /// try (digit * 255).converted(to: UInt8.self).writePNG(to: "digit.png")
  /// ```
  /// - Throws: `png.C3` for another shape or a tensor without elements, `png.C1` when the file cannot be written.
  public func writePNG(to path: String) throws(KilnError) {
    guard rank == 2 || rank == 3, let channels = ImageChannels(rawValue: rank == 2 ? 1 : dimensions[2]),
      untyped.hasElements, (dimensions[0] - 1 | dimensions[1] - 1) >= 0, count < 1 << 31
    else {
      throw KilnError.atCall(
        "png.C3", "\(path): an image [height, width], [height, width, 1] or [height, width, 3], expected; found \(type)"
      )
    }
    var image = png_image()
    image.version = png_uint_32(PNG_IMAGE_VERSION)
    (image.height, image.width) = (png_uint_32(dimensions[0]), png_uint_32(dimensions[1]))
    image.format = channels.format
    defer { png_image_free(&image) }
    let elements = scalars
    // The size is asked for first: it depends on how well the pixels compress.
    var size = 0
    var file: [UInt8] = []
    var isWritten = png_image_write_to_memory(&image, nil, &size, 0, elements, 0, nil) != 0
    if isWritten {
      file = [UInt8](repeating: 0, count: size)
      isWritten = png_image_write_to_memory(&image, &file, &size, 0, elements, 0, nil) != 0
    }
    guard isWritten else { throw KilnError.atCall("png.C3", "\(path): \(image.text)") }
    try writeDurably([file], to: path, label: "png.C1")
  }
}

extension ImageChannels {
  fileprivate var format: png_uint_32 { self == .gray ? 0 : png_uint_32(PNG_FORMAT_FLAG_COLOR) }
}

extension png_image {
  /// What libpng says of its last call.
  fileprivate var text: String {
    withUnsafeBytes(of: message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
