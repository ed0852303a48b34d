import Foundation
import Testing

@testable import KilnRuntime

/// A folder for this test alone; the system empties its temporary folder.
private func temporaryFolder() -> String {
  FileManager.default.temporaryDirectory.appendingPathComponent("kiln-\(UUID())").path
}

@Suite("Object cache")
struct ObjectCacheTests {
  private let key = SHA256.hash(Array("a kernel".utf8))
  private let object = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  @Test("SHA-256 gives the digests of FIPS 180-4")
  func digests() {
    #expect(SHA256.hash([]).description == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256.hash(Array("abc".utf8)).description == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.hash(Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)).description
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    var pieces = SHA256()
    for chunk in [0..<1, 1..<64, 64..<200, 200..<3000] { pieces.update(object[chunk]) }
    #expect(pieces.finalize() == SHA256.hash(object))
  }

  @Test("what is stored is found again, by another cache too")
  func roundTrip() throws {
    let folder = temporaryFolder()
    let cache = try #require(ObjectCache(folder: folder))
    #expect(cache.object(for: key) == nil)
    cache.store(object, for: key)
    #expect(cache.object(for: key) == object)
    #expect(ObjectCache(folder: folder)?.object(for: key) == object)
    #expect(cache.entries().map(\.name) == [key.description])
    #expect(cache.clear() == 1)
    #expect(cache.object(for: key) == nil)
  }

  @Test(
    "a damaged entry is a miss and is deleted", arguments: ["cut", "empty", "flipped", "grown", "foreign", "renamed"])
  func damage(kind: String) throws {
    let cache = try #require(ObjectCache(folder: temporaryFolder()))
    cache.store(object, for: key)
    let path = "\(cache.folder)/\(key).object"
    var bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
    switch kind {
    case "cut": bytes.removeLast(100)
    case "empty": bytes = []
    case "flipped": bytes[bytes.count / 2] ^= 1
    case "grown": bytes.append(0)
    case "foreign": bytes = Array("#!/bin/sh\n".utf8)
    default:
      cache.store(object, for: SHA256.hash([1]))
      bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(cache.folder)/\(SHA256.hash([1])).object")))
    }
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    #expect(cache.object(for: key) == nil)
    #expect(!FileManager.default.fileExists(atPath: path))
    cache.store(object, for: key)
    #expect(cache.object(for: key) == object)
  }

  @Test("a folder that others may write in is refused")
  func unsafeFolder() throws {
    let folder = temporaryFolder()
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    #expect(ObjectCache(folder: folder) == nil)
    #expect(ObjectCache(folder: "/dev/null/kiln") == nil)
  }

  @Test("the least recently used objects go first")
  func limit() throws {
    let cache = try #require(ObjectCache(folder: temporaryFolder(), limit: 16_000))
    let keys = (0..<8).map { SHA256.hash([UInt8($0)]) }
    for (age, key) in keys.enumerated() {
      cache.store(object, for: key)
      let date = Date(timeIntervalSince1970: Double(1_000_000 + age))
      try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: "\(cache.folder)/\(key).object")
    }
    #expect(cache.entries().reduce(0) { $0 + $1.byteCount } <= 16_000)
    #expect(cache.object(for: keys[0]) == nil)
    #expect(cache.object(for: keys[7]) == object)
  }
}

@Suite("Object cache on several threads")
struct ObjectCacheThreadTests {
  @Test("many threads store and read one folder")
  func entries() throws {
    let cache = try #require(ObjectCache(folder: temporaryFolder()))
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for round in 0..<20 {
        let key = SHA256.hash([UInt8(round % 5)])
        let payload = [UInt8](repeating: UInt8(round % 5), count: 500)
        if let found = cache.object(for: key), found != payload { Issue.record("thread \(thread) read a torn entry") }
        cache.store(payload, for: key)
      }
    }
    #expect(cache.entries().count == 5)
  }
}
