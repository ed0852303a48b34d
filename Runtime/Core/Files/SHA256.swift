/// A SHA-256 value: the name of a content.
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  let words: SIMD8<UInt32>

  init(words: SIMD8<UInt32>) { self.words = words }

  /// The 32 bytes, most significant first.
  package var bytes: [UInt8] {
    (0..<8).flatMap { i in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: words[i] >> UInt32($0)) } }
  }

  /// 64 hexadecimal digits.
  package var description: String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// The hash function SHA-256 (FIPS 180-4), fed piece by piece.
package struct SHA256: Sendable {
  private var state = SIMD8<UInt32>(
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)
  private var pending: [UInt8] = []
  private var byteCount = 0

  package init() {}

  /// The digest of `bytes`.
  package static func hash(_ bytes: some Sequence<UInt8>) -> Digest {
    var hasher = SHA256()
    hasher.update(bytes)
    return hasher.finalize()
  }

  package mutating func update(_ bytes: some Sequence<UInt8>) {
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
  package mutating func update(_ text: String) {
    var text = text
    text.withUTF8 { utf8 in
      update(UInt64(utf8.count))
      update(utf8)
    }
  }

  package mutating func update(_ number: UInt64) {
    update((0..<8).map { UInt8(truncatingIfNeeded: number >> UInt64(56 - 8 * $0)) })
  }

  /// The digest of all that was fed. The hasher cannot be used afterwards.
  package consuming func finalize() -> Digest {
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
          to: UInt32(bytes[at]) << 24 | UInt32(bytes[at + 1]) << 16 | UInt32(bytes[at + 2]) << 8 | UInt32(bytes[at + 3])
        )
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
  0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
  0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
  0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
  0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
  0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
  0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
  0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
  0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
]
