import KilnIR

/// 16-bit reals, which are bits in a `ushort` (E7), and Tree16 (R1).
extension CLHelper {
  static let wideFromHalfText = """
    float kiln_f16_to_f32(ushort h) {
      const uint magnitude = ((uint)h & 0x7fffu) << 13;
      const uint field = magnitude & 0x0f800000u;
      const uint rebiased = magnitude + 0x38000000u;
      const float denormal = as_float(rebiased + 0x00800000u) - as_float(0x38800000u);
      uint bits = field == 0x0f800000u ? rebiased + 0x38000000u : rebiased;
      bits = field == 0 ? as_uint(denormal) : bits;
      return as_float(bits | (((uint)h & 0x8000u) << 16));
    }
    """

  /// Adding one half leaves a denormal's digits, rounded, at the end of the sum.
  static let halfFromFloatText = """
    ushort kiln_f32_to_f16(float x) {
      const uint magnitude = as_uint(x) & 0x7fffffffu;
      const float sum = as_float(magnitude) + as_float(0x3f000000u);
      const uint normal = (magnitude + 0xc8000fffu + ((magnitude >> 13) & 1u)) >> 13;
      uint bits = magnitude < 0x38800000u ? as_uint(sum) - 0x3f000000u : normal;
      bits = magnitude >= 0x47800000u ? 0x7c00u : bits;
      bits = magnitude > 0x7f800000u ? 0x7e00u : bits;
      return (ushort)(bits | ((as_uint(x) >> 16) & 0x8000u));
    }
    """

  static let brainFromFloatText = """
    ushort kiln_f32_to_bf16(float x) {
      const uint magnitude = as_uint(x) & 0x7fffffffu;
      uint bits = (magnitude + 0x7fffu + ((magnitude >> 16) & 1u)) >> 16;
      bits = magnitude > 0x7f800000u ? 0x7fc0u : bits;
      return (ushort)(bits | ((as_uint(x) >> 16) & 0x8000u));
    }
    """

  /// significand * 2^exponent as a format of `fraction` fraction bits, ties to even.
  static let round16Text = """
    ushort kiln_round16(ulong significand, int exponent, int fraction, int bias) {
      const uint infinity = (uint)(2 * bias + 1) << fraction;
      if (significand == 0) return 0;
      const int top = 63 - (int)clz(significand) + exponent;
      const int unit = (top > 1 - bias ? top : 1 - bias) - fraction;
      const int shift = unit - exponent;
      ulong kept = 0;
      if (shift <= 0) {
        kept = significand << -shift;
      } else if (shift <= 64) {
        kept = shift == 64 ? 0 : significand >> shift;
        const ulong rest = shift == 64 ? significand : significand & (((ulong)1 << shift) - 1);
        const ulong middle = (ulong)1 << (shift - 1);
        kept += rest > middle || (rest == middle && (kept & 1)) ? 1 : 0;
      }
      const int field = unit + fraction + bias - 1;
      const ulong bits = ((ulong)(field > 0 ? field : 0) << fraction) + kept;
      return (ushort)(bits < infinity ? bits : infinity);
    }
    """

  static func round16FromDouble(_ name: String, _ target: DType) -> String {
    let (fraction, bias) = target.smallReal
    let quiet = target == .f16 ? "0x7e00u" : "0x7fc0u"
    return """
      ushort \(name)(double x) {
        const ulong bits = as_ulong(x) & 0x7ffffffffffffffful;
        const uint sign = (uint)(as_ulong(x) >> 48) & 0x8000u;
        const int field = (int)(bits >> 52);
        uint result = 0;
        if (bits > 0x7ff0000000000000ul) result = \(quiet);
        else if (field == 2047) result = \(target == .f16 ? "0x7c00u" : "0x7f80u");
        else if (field != 0)
          result = kiln_round16((bits & 0xffffffffffffful) | 0x10000000000000ul, field - 1075, \(fraction), \(bias));
        return (ushort)(result | sign);
      }
      """
  }

  // MARK: - Tree16

  /// Adds a value to the partial sums `t` of the levels of Tree16 after `n` others.
  static func push(_ name: String, _ kind: ReductionKind, _ dtype: DType) -> String {
    let type = dtype.clRegister
    return """
      void \(name)(\(type) *t, uint n, \(type) x) {
        for (int k = 0; k < 8; k++) {
          const uint place = (n >> (4 * k)) & 15u;
          \(type) sum = \(kind.clCombine("t[k]", "x", dtype));
          t[k] = place == 0 ? x : sum;
          if (place != 15u) break;
          x = t[k];
        }
      }
      """
  }

  /// The result of Tree16 after `n` > 0 values: the unfinished groups, each joining the next level.
  static func top(_ name: String, _ kind: ReductionKind, _ dtype: DType) -> String {
    let type = dtype.clRegister
    return """
      \(type) \(name)(const \(type) *t, uint n) {
        \(type) carry = 0;
        int has = 0;
        for (int k = 0; k < 8; k++) {
          const uint place = (n >> (4 * k)) & 15u;
          \(type) x = carry;
          \(type) sum = \(kind.clCombine("t[k]", "x", dtype));
          carry = place == 0 ? carry : has ? sum : t[k];
          has = place == 0 ? has : 1;
        }
        return carry;
      }
      """
  }
}

extension DType {
  /// Fraction bits and exponent bias of a 16-bit real.
  var smallReal: (fraction: Int, bias: Int) { self == .f16 ? (10, 15) : (7, 127) }
}

extension ReductionKind {
  /// The expression that combines two values without helpers: sums and products.
  func clCombine(_ a: String, _ b: String, _ dtype: DType) -> String {
    let sign = self == .product ? "*" : "+"
    if dtype.isReal { return "\(a) \(sign) \(b)" }
    return "(\(dtype.clRegister))((\(dtype.clCarrier))\(a) \(sign) (\(dtype.clCarrier))\(b))"
  }
}
