/// A zip file whose entries are stored as they are, which is what `numpy.savez` writes. It knows bytes and nothing of
/// tensors.
struct ZipFile {
  typealias Malformed = NPYFile.Malformed

  struct Entry: Hashable {
    var name: String
    var bytes: ArraySlice<UInt8>
  }

  var entries: [Entry]

  init(_ entries: [Entry]) { self.entries = entries }

  fileprivate enum Signature {
    static let entry: UInt32 = 0x0403_4B50
    static let directory: UInt32 = 0x0201_4B50
    static let end: UInt32 = 0x0605_4B50
  }
  fileprivate enum Size {
    static let entry = 30
    static let directory = 46
    static let end = 22
  }

  /// What a name must not be: it would lie outside of the folder that the file is unpacked to, or be another one there.
  static func fault(ofName name: String) -> String? {
    if name.isEmpty { return "an entry has no name" }
    if name.utf8.contains(0) || name.contains("\\") { return "an entry's name has a character that no path has" }
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if parts.contains("..") || parts.contains(".") || parts.contains("") {
      return "the entry '\(name)' leads out of its folder"
    }
    return nil
  }
}

// MARK: - Writing

extension ZipFile {
  /// The file.
  /// - Throws: where sizes or names are beyond the format.
  func encoded() throws(Malformed) -> [UInt8] {
    guard entries.count < 0xFFFF else { throw Malformed("a .npz file has at most 65,534 entries; write a folder") }
    var file: [UInt8] = []
    file.reserveCapacity(entries.reduce(0) { $0 + $1.bytes.count + 2 * $1.name.utf8.count + 76 } + Size.end)
    var directory: [UInt8] = []
    var names: Set<String> = []
    for entry in entries {
      if let fault = Self.fault(ofName: entry.name) { throw Malformed(fault) }
      guard names.insert(entry.name).inserted else { throw Malformed("two entries have the name '\(entry.name)'") }
      let name = Array(entry.name.utf8)
      guard name.count <= 0xFFFF, file.count + entry.bytes.count + name.count + Size.entry < 0xFFFF_FFFF else {
        throw Malformed("a .npz file of 4 GiB or more is not supported; write a folder")
      }
      let offset = UInt32(file.count)
      // Version 2.0; names in UTF-8; stored; 1 January 1980, so that equal trees are equal files.
      var common: [UInt8] = []
      common.append(20, as: UInt16.self)
      common.append(name.allSatisfy { $0 < 128 } ? 0 : 1 << 11, as: UInt16.self)
      common.append(0, as: UInt16.self)
      common.append(0, as: UInt16.self)
      common.append(0x21, as: UInt16.self)
      common.append(CRC32.checksum(entry.bytes), as: UInt32.self)
      common.append(UInt32(entry.bytes.count), as: UInt32.self)
      common.append(UInt32(entry.bytes.count), as: UInt32.self)
      common.append(UInt16(name.count), as: UInt16.self)
      common.append(0, as: UInt16.self)
      file.append(Signature.entry, as: UInt32.self)
      file += common + name
      file += entry.bytes
      directory.append(Signature.directory, as: UInt32.self)
      directory.append(20, as: UInt16.self)
      directory += common
      // No comment, the first disk, no attributes.
      directory += [UInt8](repeating: 0, count: 10)
      directory.append(offset, as: UInt32.self)
      directory += name
    }
    guard file.count + directory.count < 0xFFFF_FFFF else {
      throw Malformed("a .npz file of 4 GiB or more is not supported; write a folder")
    }
    let start = UInt32(file.count)
    file += directory
    file.append(Signature.end, as: UInt32.self)
    file.append(0, as: UInt32.self)
    file.append(UInt16(entries.count), as: UInt16.self)
    file.append(UInt16(entries.count), as: UInt16.self)
    file.append(UInt32(directory.count), as: UInt32.self)
    file.append(start, as: UInt32.self)
    file.append(0, as: UInt16.self)
    return file
  }
}

extension [UInt8] {
  fileprivate mutating func append<Word: FixedWidthInteger>(_ word: Word, as type: Word.Type) {
    Swift.withUnsafeBytes(of: word.littleEndian) { append(contentsOf: $0) }
  }
}

// MARK: - Reading

extension ZipFile {
  /// Takes a file apart. Every size and offset is checked before it is used, and every checksum compared.
  init(_ bytes: [UInt8]) throws(Malformed) {
    let end = try Self.endRecord(bytes)
    let count = Int(bytes.word16(end + 10))
    let (size, start) = (Int(bytes.word32(end + 12)), Int(bytes.word32(end + 16)))
    if count == 0xFFFF || size == 0xFFFF_FFFF || start == 0xFFFF_FFFF {
      throw Malformed("a zip file of 4 GiB or more (zip64) is not supported; a folder of .npy files is")
    }
    guard bytes.word16(end + 4) == 0, bytes.word16(end + 6) == 0, bytes.word16(end + 8) == UInt16(count) else {
      throw Malformed("a zip file in several parts is not supported")
    }
    guard start + size == end else {
      throw Malformed("the directory has \(size) bytes at \(start), and its end is at \(end)")
    }
    entries = []
    var names: Set<String> = []
    var occupied: [Range<Int>] = []
    var place = start
    for _ in 0..<count {
      let (entry, range) = try Self.entry(bytes, &place, start, end)
      guard names.insert(entry.name).inserted else { throw Malformed("two entries have the name '\(entry.name)'") }
      entries.append(entry)
      occupied.append(range)
    }
    guard place == end else { throw Malformed("the directory has \(size) bytes, \(place - start) of them entries") }
    occupied.sort { $0.lowerBound < $1.lowerBound }
    for (a, b) in zip(occupied, occupied.dropFirst()) where a.upperBound > b.lowerBound {
      throw Malformed("two entries share bytes of the file")
    }
  }

  /// Where the last record begins: it ends with the file, but for a comment.
  private static func endRecord(_ bytes: [UInt8]) throws(Malformed) -> Int {
    let last = bytes.count - Size.end
    if last >= 0 {
      for place in stride(from: last, through: max(0, last - 0xFFFF), by: -1)
      where bytes.word32(place) == Signature.end && Int(bytes.word16(place + 20)) == last - place {
        return place
      }
    }
    guard bytes.count >= 4, bytes.word32(0) == Signature.entry else {
      throw Malformed("a zip file begins with PK\\x03\\x04; this one does not")
    }
    throw Malformed("the end of the zip file is missing: it is cut off or damaged")
  }

  /// The entry whose record in the directory begins at `place`, which moves to the next, and the bytes that it
  /// occupies.
  private static func entry(
    _ bytes: [UInt8], _ place: inout Int, _ directory: Int, _ end: Int
  ) throws(Malformed) -> (Entry, Range<Int>) {
    guard end - place >= Size.directory, bytes.word32(place) == Signature.directory else {
      throw Malformed("the directory is damaged at byte \(place)")
    }
    let (flags, method) = (bytes.word16(place + 8), bytes.word16(place + 10))
    let checksum = bytes.word32(place + 16)
    let (packed, size) = (Int(bytes.word32(place + 20)), Int(bytes.word32(place + 24)))
    let nameCount = Int(bytes.word16(place + 28))
    let next = place + Size.directory + nameCount + Int(bytes.word16(place + 30)) + Int(bytes.word16(place + 32))
    let offset = Int(bytes.word32(place + 42))
    guard next <= end else { throw Malformed("the directory is damaged at byte \(place)") }
    let nameBytes = bytes[place + Size.directory..<place + Size.directory + nameCount]
    guard let name = String(validating: nameBytes, as: UTF8.self) else {
      throw Malformed("an entry's name is not UTF-8")
    }
    place = next
    if let fault = fault(ofName: name) { throw Malformed(fault) }
    guard flags & 1 == 0 else { throw Malformed("the entry '\(name)' is encrypted") }
    guard method == 0 else {
      throw Malformed("the entry '\(name)' is compressed: write it with numpy.savez, not numpy.savez_compressed")
    }
    if packed == 0xFFFF_FFFF || size == 0xFFFF_FFFF || offset == 0xFFFF_FFFF {
      throw Malformed(
        "the entry '\(name)' has 4 GiB or more (zip64), which is not supported; a folder of .npy files is")
    }
    guard packed == size else { throw Malformed("the entry '\(name)' has \(packed) bytes stored of \(size)") }
    guard offset + Size.entry <= directory, bytes.word32(offset) == Signature.entry else {
      throw Malformed("the entry '\(name)' does not begin at byte \(offset), as the directory says")
    }
    let localCount = Int(bytes.word16(offset + 26))
    let first = offset + Size.entry + localCount + Int(bytes.word16(offset + 28))
    guard first + size <= directory else { throw Malformed("the entry '\(name)' is cut off") }
    guard bytes[offset + Size.entry..<offset + Size.entry + localCount].elementsEqual(nameBytes) else {
      throw Malformed("the entry '\(name)' has another name than the directory says")
    }
    let content = bytes[first..<first + size]
    let found = CRC32.checksum(content)
    guard found == checksum else {
      throw Malformed(
        "the entry '\(name)' is damaged: its checksum is \(String(found, radix: 16)), expected "
          + String(checksum, radix: 16))
    }
    return (Entry(name: name, bytes: content), offset..<first + size)
  }
}

extension [UInt8] {
  fileprivate func word16(_ place: Int) -> UInt16 { UInt16(self[place]) | UInt16(self[place + 1]) << 8 }
  fileprivate func word32(_ place: Int) -> UInt32 { UInt32(word16(place)) | UInt32(word16(place + 2)) << 16 }
}
