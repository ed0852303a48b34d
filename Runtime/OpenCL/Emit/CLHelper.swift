import KilnIR

/// The roundings to whole numbers, named as in C.
enum CLRounding { case floor, ceil, trunc, rint }

/// A function that programs call: written once in a program that needs it.
///
/// Each is one operation of Numerics.md that OpenCL C has no operator for, in operators alone (B4).
enum CLHelper: Hashable {
  case extremum(isMaximum: Bool, DType)
  case divide(DType)
  case remainder(DType)
  case scale(DType)
  case rounding(CLRounding, DType)
  case toInteger(DType, from: DType)
  case wideFromHalf
  case halfFromFloat
  case brainFromFloat
  /// Any number as a 16-bit real in one rounding, by integer arithmetic.
  case round16
  case round16FromDouble(DType)
  case push(ReductionKind, DType)
  case top(ReductionKind, DType)

  var name: String {
    switch self {
    case .extremum(let isMaximum, let dtype): "kiln_\(isMaximum ? "max" : "min")_\(dtype)"
    case .divide(let dtype): "kiln_div_\(dtype)"
    case .remainder(let dtype): "kiln_rem_\(dtype)"
    case .scale(let dtype): "kiln_scale_\(dtype)"
    case .rounding(let rounding, let dtype): "kiln_\(rounding)_\(dtype)"
    case .toInteger(let target, let source): "kiln_\(source)_to_\(target)"
    case .wideFromHalf: "kiln_f16_to_f32"
    case .halfFromFloat: "kiln_f32_to_f16"
    case .brainFromFloat: "kiln_f32_to_bf16"
    case .round16: "kiln_round16"
    case .round16FromDouble(let target): "kiln_f64_to_\(target)"
    case .push(let kind, let dtype): "kiln_push_\(kind)_\(dtype)"
    case .top(let kind, let dtype): "kiln_top_\(kind)_\(dtype)"
    }
  }

  /// The helpers that it calls.
  var dependencies: [CLHelper] {
    switch self {
    case .remainder(let dtype) where dtype.isReal: [.scale(dtype)]
    case .round16FromDouble: [.round16]
    case .extremum, .divide, .remainder, .scale, .rounding, .toInteger, .wideFromHalf, .halfFromFloat,
      .brainFromFloat, .round16, .push, .top:
      []
    }
  }

  var text: String {
    switch self {
    case .extremum(let isMaximum, let dtype): Self.extremum(name, isMaximum, dtype)
    case .divide(let dtype): Self.integerDivision(name, dtype, isRemainder: false)
    case .remainder(let dtype):
      dtype.isReal ? Self.realRemainder(name, dtype) : Self.integerDivision(name, dtype, isRemainder: true)
    case .scale(let dtype): Self.scale(name, dtype)
    case .rounding(let rounding, let dtype): Self.rounding(name, rounding, dtype)
    case .toInteger(let target, let source): Self.saturate(name, target, source)
    case .wideFromHalf: Self.wideFromHalfText
    case .halfFromFloat: Self.halfFromFloatText
    case .brainFromFloat: Self.brainFromFloatText
    case .round16: Self.round16Text
    case .round16FromDouble(let target): Self.round16FromDouble(name, target)
    case .push(let kind, let dtype): Self.push(name, kind, dtype)
    case .top(let kind, let dtype): Self.top(name, kind, dtype)
    }
  }

  /// The texts of these helpers, each after what it calls, in one order for equal sets.
  static func prelude(_ helpers: Set<CLHelper>) -> String {
    var written: Set<CLHelper> = []
    var text = ""
    func write(_ helper: CLHelper) {
      guard written.insert(helper).inserted else { return }
      helper.dependencies.forEach(write)
      text += helper.text + "\n"
    }
    helpers.sorted { $0.name < $1.name }.forEach(write)
    return text
  }

  // MARK: - Reals

  /// E4: NaN if either is NaN, -0 < +0.
  private static func extremum(_ name: String, _ isMaximum: Bool, _ dtype: DType) -> String {
    let type = dtype.clRegister
    guard dtype.isReal else {
      return "\(type) \(name)(\(type) a, \(type) b) { return a \(isMaximum ? ">" : "<") b ? a : b; }"
    }
    let (bits, real) = dtype == .f32 ? ("as_uint", "as_float") : ("as_ulong", "as_double")
    return """
      \(type) \(name)(\(type) a, \(type) b) {
        \(type) zero = \(real)(\(bits)(a) \(isMaximum ? "&" : "|") \(bits)(b));
        \(type) chosen = a \(isMaximum ? ">" : "<") b ? a : b;
        \(type) nan = a + b;
        chosen = a == b ? zero : chosen;
        return (a != a) | (b != b) ? nan : chosen;
      }
      """
  }

  /// x * 2^n as x * 2^floor(n / 2) * 2^(n - floor(n / 2)). A sum past the whole numbers leaves n in the low bits of its
  /// word.
  private static func scale(_ name: String, _ dtype: DType) -> String {
    let isSingle = dtype == .f32
    let (type, word, suffix) = isSingle ? ("float", "uint", "u") : ("double", "ulong", "ul")
    let (fraction, past) = isSingle ? (23, "12583168.0f") : (52, "6755399441057792.0")
    let mask = isSingle ? "0xff800000u" : "0xfff0000000000000ul"
    return """
      \(type) \(name)(\(type) x, \(type) n) {
        const \(type) sum = n + \(past);
        const \(word) one = 1\(suffix) << \(fraction);
        const \(word) whole = as_\(word)(sum) << \(fraction);
        const \(word) down = (whole >> 1) & \(mask);
        const \(type) first = x * as_\(type)(down - one);
        return first * as_\(type)(whole - down - one);
      }
      """
  }

  /// From 2^23 (2^52) on reals are whole numbers, so a sum with that rounds to even.
  ///
  /// Not the functions of OpenCL C: PoCL's compiler fails on a NaN or a great number that it knows.
  private static func rounding(_ name: String, _ rounding: CLRounding, _ dtype: DType) -> String {
    let (type, word) = dtype == .f32 ? ("float", "uint") : ("double", "ulong")
    let past = dtype == .f32 ? "8388608.0f" : "4503599627370496.0"
    let result =
      switch rounding {
      case .rint: "whole"
      case .trunc: "down"
      case .floor: "sign != 0 ? up : down"
      case .ceil: "sign != 0 ? down : up"
      }
    return """
      \(type) \(name)(\(type) x) {
        const \(word) sign = as_\(word)(x) & \(dtype.clSign);
        const \(type) size = as_\(type)(as_\(word)(x) ^ sign);
        const \(type) whole = (size + \(past)) - \(past);
        const \(type) down = whole - (\(type))(whole > size);
        const \(type) up = whole + (\(type))(whole < size);
        const \(type) result = \(result);
        return size < \(past) ? as_\(type)(as_\(word)(result) | sign) : x;
      }
      """
  }

  /// E9, the exact fmod: significand(a) * 2^shift mod significand(b), a few bits a step.
  private static func realRemainder(_ name: String, _ dtype: DType) -> String {
    let isSingle = dtype == .f32
    let (type, word, suffix) = isSingle ? ("float", "uint", "u") : ("double", "ulong", "ul")
    let (fraction, step, least) = isSingle ? (23, 8, 149) : (52, 11, 1074)
    let (bits, real) = isSingle ? ("as_uint", "as_float") : ("as_ulong", "as_double")
    let infinity = isSingle ? "0x7f800000u" : "0x7ff0000000000000ul"
    let sign = isSingle ? "0x80000000u" : "0x8000000000000000ul"
    let nan = isSingle ? "0x7fc00000u" : "0x7ff8000000000000ul"
    return """
      \(type) \(name)(\(type) a, \(type) b) {
        const \(word) x = \(bits)(a) & ~\(sign);
        const \(word) y = \(bits)(b) & ~\(sign);
        if (x >= \(infinity) || y > \(infinity) || y == 0) return \(real)(\(nan));
        if (x < y) return a;
        const \(word) one = 1\(suffix);
        const int ex = (int)(x >> \(fraction));
        const int ey = (int)(y >> \(fraction));
        const \(word) mx = ex == 0 ? x : (x & ((one << \(fraction)) - 1)) | (one << \(fraction));
        const \(word) my = ey == 0 ? y : (y & ((one << \(fraction)) - 1)) | (one << \(fraction));
        int shift = (ex == 0 ? 0 : ex - 1) - (ey == 0 ? 0 : ey - 1);
        \(word) r = mx % my;
        while (shift > 0 && r != 0) {
          const int s = shift < \(step) ? shift : \(step);
          r = (r << s) % my;
          shift -= s;
        }
        const \(type) m = \(CLHelper.scale(dtype).name)((\(type))r, (\(type))((ey == 0 ? 0 : ey - 1) - \(least)));
        return \(real)(\(bits)(m) | (\(bits)(a) & \(sign)));
      }
      """
  }

  // MARK: - Integers

  /// E8: x / 0 has all bits one, x mod 0 = x; min / -1 = min, min mod -1 = 0.
  private static func integerDivision(_ name: String, _ dtype: DType, isRemainder: Bool) -> String {
    let (type, carrier) = (dtype.clRegister, dtype.clCarrier)
    guard dtype.isSignedInteger else {
      return """
        \(type) \(name)(\(type) a, \(type) b) {
          const \(type) d = b == 0 ? (\(type))1 : b;
          const \(type) q = a \(isRemainder ? "%" : "/") d;
          return b == 0 ? \(isRemainder ? "a" : "(\(type))~(\(carrier))0") : q;
        }
        """
    }
    return """
      \(type) \(name)(\(type) a, \(type) b) {
        const \(type) d = b == 0 || b == -1 ? (\(type))1 : b;
        const \(type) q = a \(isRemainder ? "%" : "/") d;
        const \(type) negated = \(isRemainder ? "0" : "(\(type))((\(carrier))0 - (\(carrier))a)");
        return b == 0 ? \(isRemainder ? "a" : "(\(type))-1") : b == -1 ? negated : q;
      }
      """
  }

  /// E6: toward zero, outside the range the nearest end, NaN is 0.
  private static func saturate(_ name: String, _ target: DType, _ source: DType) -> String {
    let (type, from) = (target.clRegister, source.clRegister)
    let isSigned = target.isSignedInteger
    let above = Double(sign: .plus, exponent: isSigned ? target.bitWidth - 1 : target.bitWidth, significand: 1)
    let most = Scalar(target, bits: isSigned ? target.bitMask >> 1 : target.bitMask).clConstant
    let least = Scalar(target, bits: isSigned ? target.bitMask ^ (target.bitMask >> 1) : 0).clConstant
    let carrier = target.byteCount == 8 ? type : isSigned ? "int" : "uint"
    return """
      \(type) \(name)(\(from) x) {
        const int high = x >= \(source.clReal(above));
        const int low = x <= \(source.clReal(isSigned ? -above : -1));
        const \(from) inside = (x != x) | high | low ? \(source.clReal(0)) : x;
        const \(type) result = (\(type))(\(carrier))inside;
        return high ? \(most) : low ? \(least) : result;
      }
      """
  }
}
