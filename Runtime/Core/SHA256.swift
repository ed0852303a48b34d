/// A SHA-256 value: the name of a content.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
  let words: SIMD8<UInt32>

  init(words: SIMD8<UInt32>) { self.words = words }

  /// The 32 bytes, most significant first.
  public var bytes: [UInt8] {
    (0..<8).flatMap { i in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: words[i] >> UInt32($0)) } }
  }

  /// 64 hexadecimal digits.
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// The hash function SHA-256 (FIPS 180-4), fed piece by piece.
public struct SHA256: Sendable {
  private var state = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
  private var pending: [UInt8] = []
  private var byteCount = 0

  public init() {}

  /// The digest of `bytes`.
  public static func hash(_ bytes: some Sequence<UInt8>) -> Digest {
    var hasher = SHA256()
    hasher.update(bytes)
    return hasher.finalize()
  }

  public mutating func update(_ bytes: some Sequence<UInt8>) {
    let before = pending.count
    pending.append(contentsOf: bytes)
    byteCount += pending.count - before
    let whole = pending.count & ~63
    guard whole > 0 else { return }
    var state = state
    pending.withUnsafeBufferPointer { buffer in
      for start in stride(from: 0, to: whole, by: 64) { Self.compress(&state, buffer, start) }
    }
    self.state = state
    pending.removeFirst(whole)
  }

  /// Adds text, with its length, so that no two sequences of texts look the same.
  public mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      update(UInt64(utf8.count))
      update(utf8)
    }
  }

  public mutating func update(_ number: UInt64) {
    update((0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) })
  }

  /// The digest of all that was fed. The hasher cannot be used afterwards.
  public consuming func finalize() -> Digest {
    let bits = UInt64(byteCount) * 8
    update(CollectionOfOne(0x80))
    update(repeatElement(0, count: (120 - pending.count) % 64))
    update(bits)
    return Digest(words: state)
  }

  private static func compress(_ state: inout SIMD8<UInt32>, _ bytes: UnsafeBufferPointer<UInt8>, _ start: Int) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { w in
      for i in 0..<16 {
        let at = start + 4 * i
        w.initializeElement(
          at: i,
          to: UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3]))
      }
      for i in 16..<64 {
        let a = w[i - 15]
        let b = w[i - 2]
        let low = rotated(a, 7) ^ rotated(a, 18) ^ a >> 3
        let high = rotated(b, 17) ^ rotated(b, 19) ^ b >> 10
        w.initializeElement(at: i, to: w[i - 16] &+ low &+ w[i - 7] &+ high)
      }
      var s = state
      for i in 0..<64 {
        let e = s[4]
        let a = s[0]
        let choice = e & s[5] ^ ~e & s[6]
        let majority = a & s[1] ^ a & s[2] ^ s[1] & s[2]
        let first = s[7] &+ (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) &+ choice &+ roundConstants[i] &+ w[i]
        let second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) &+ majority
        s = SIMD8(first &+ second, a, s[1], s[2], s[3] &+ first, e, s[5], s[6])
      }
      state &+= s
    }
  }
}

private func rotated(_ x: UInt32, _ by: UInt32) -> UInt32 { x >> by | x << (32 - by) }

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
private let roundConstants: [UInt32] = [
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]
