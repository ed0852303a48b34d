import KilnIR
import Testing

/// Shorthands for scalars in the tables of these tests.
private func f32(_ value: Float) -> Scalar { Scalar(value) }
private func f64(_ value: Double) -> Scalar { Scalar(value) }
private func int(_ dtype: DType, _ value: Int64) -> Scalar { Scalar(dtype, bits: UInt64(bitPattern: value)) }
private func word(_ dtype: DType, _ bits: UInt64) -> Scalar { Scalar(dtype, bits: bits) }

private func expect(
  _ primitive: Primitive, _ operands: [Scalar], _ expected: Scalar,
  _ location: Testing.SourceLocation = #_sourceLocation
) {
  let found = primitive.evaluate(operands, dtype: expected.dtype)
  #expect(
    found.isIdentical(to: expected), "\(primitive.spelling)(\(operands)) is \(found), not \(expected)",
    sourceLocation: location)
}

private let signed: [DType] = [.i8, .i16, .i32, .i64]
private let unsigned: [DType] = [.u8, .u16, .u32, .u64]
private let realValues: [Double] = [0, -0.0, 1, -1, 0x1p-149, 3, .infinity, -.infinity, .nan]

@Suite struct ScalarPrimitiveTests {
  @Test("E1: arithmetic is rounded once") func arithmetic() {
    expect(.add, [f32(0x1p24), f32(1)], f32(0x1p24))
    expect(.add, [f32(0x1p24), f32(3)], f32(0x1p24 + 4))
    expect(.multiply, [f32(1 + 0x1p-23), f32(1 + 0x1p-23)], f32(1 + 0x1p-22))
    expect(.divide, [f32(1), f32(3)], word(.f32, 0x3EAA_AAAB))
    expect(.divide, [f64(1), f64(-0.0)], f64(-.infinity))
    expect(.sqrt, [f32(2)], word(.f32, 0x3FB5_04F3))
    expect(.sqrt, [f64(-1)], f64(.nan))
    expect(.sqrt, [f64(-0.0)], f64(-0.0))
  }

  @Test("E1 B6: fma has one rounding") func fusedMultiplyAdd() {
    let x: Float = 1 + 0x1p-12
    expect(.fma, [f32(x), f32(x), f32(-1 - 0x1p-11)], f32(0x1p-24))
    let y = 1 + 0x1p-27
    expect(.fma, [f64(y), f64(y), f64(-1 - 0x1p-26)], f64(0x1p-54))
  }

  @Test("E2: multiply then add keeps both roundings") func notContracted() {
    var builder = ScalarProgram.Builder(parameters: [.f32, .f32, .f32])
    let (a, b, c) = (builder.parameter(0), builder.parameter(1), builder.parameter(2))
    let sum = builder.add(builder.multiply(a, b), c)
    let program = builder.build(result: sum)
    let x: Float = 1 + 0x1p-12
    #expect(program.evaluate([f32(x), f32(x), f32(-1 - 0x1p-11)]) == f32(0))
  }

  @Test("E4 B6: maximum and minimum propagate NaN and order the zeros") func extrema() {
    for (a, b) in [(0.0, -0.0), (-0.0, 0.0)] {
      expect(.maximum, [f64(a), f64(b)], f64(0))
      expect(.minimum, [f64(a), f64(b)], f64(-0.0))
      expect(.maximum, [f32(Float(a)), f32(Float(b))], f32(0))
      expect(.minimum, [f32(Float(a)), f32(Float(b))], f32(-0.0))
    }
    for other in realValues {
      for pair in [[f64(other), f64(.nan)], [f64(.nan), f64(other)]] {
        expect(.maximum, pair, f64(.nan))
        expect(.minimum, pair, f64(.nan))
      }
    }
    expect(.maximum, [f64(-.infinity), f64(-3)], f64(-3))
    expect(.minimum, [f64(2), f64(-3)], f64(-3))
    expect(.maximum, [int(.i8, -128), int(.i8, 127)], int(.i8, 127))
    expect(.maximum, [int(.u8, 128), int(.u8, 127)], int(.u8, 128))
    expect(.minimum, [int(.i64, .min), int(.i64, 0)], int(.i64, .min))
  }

  @Test("E5: denormals are kept") func denormals() {
    expect(.multiply, [f32(0x1p-100), f32(0x1p-49)], f32(0x1p-149))
    expect(.add, [f32(0x1p-149), f32(0x1p-149)], f32(0x1p-148))
    expect(.divide, [f64(0x1p-1022), f64(0x1p52)], f64(0x1p-1074))
  }

  @Test("E3: scaling by 2^n is rounded once") func scaling() {
    func single(_ x: Float, _ n: Float, _ expected: Float) {
      expect(.scaleByPowerOfTwo, [f32(x), f32(n)], f32(expected))
    }
    single(1, 127, 0x1p127)
    single(1, 128, .infinity)
    single(0x1p-24, 151, 0x1p127)
    single(1.5, -149, 0x1p-148)
    single(1.5, -150, 0x1p-149)
    single(1, -150, 0)
    single(-1, -252, -0.0)
    single(3, 253, .infinity)
    single(0, 253, 0)
    single(.nan, 3, .nan)
    single(.nan, .nan, .nan)
    func double(_ x: Double, _ n: Double, _ expected: Double) {
      expect(.scaleByPowerOfTwo, [f64(x), f64(n)], f64(expected))
    }
    double(1, 1023, 0x1p1023)
    double(0x1p-53, 1076, 0x1p1023)
    double(1.5, -1075, 0x1p-1074)
    // Two roundings would carry this to 2^-1073.
    double(Double(bitPattern: 0x3FF7_FFFF_FFFF_FFFF), -1074, 0x1p-1074)
    double(1 + 0x1p-52, -1075, 0x1p-1074)
    double(1, -1075, 0)
    double(-1, -2044, -0.0)
    double(1, 2045, .infinity)
  }

  @Test("E6 B6: real to integer saturates, toward zero, NaN is 0") func realToInteger() {
    for dtype in signed {
      let greatest = Int64(bitPattern: dtype.bitMask >> 1)
      for (value, expected) in [
        (Double.infinity, greatest), (-.infinity, -greatest - 1), (1e30, greatest), (-1e30, -greatest - 1), (.nan, 0),
        (-1.99, -1), (1.99, 1), (-0.0, 0), (100.5, 100),
      ] {
        expect(.convert, [f64(value)], int(dtype, expected))
        expect(.convert, [f32(Float(value))], int(dtype, expected))
      }
    }
    for dtype in unsigned {
      for (value, expected) in [
        (Double.infinity, dtype.bitMask), (-.infinity, 0), (-0.9, 0), (-1, 0), (.nan, 0), (1e30, dtype.bitMask),
        (7.9, 7),
      ] {
        expect(.convert, [f64(value)], word(dtype, expected))
        expect(.convert, [Scalar(.bf16, value)], word(dtype, expected))
      }
    }
    expect(.convert, [f64(0x1p63)], int(.i64, .max))
    expect(.convert, [f64(0x1p63 - 1024)], int(.i64, .max - 1023))
    expect(.convert, [f32(-0x1p31)], int(.i32, -0x8000_0000))
    expect(.convert, [f64(255.5)], word(.u8, 255))
    expect(.convert, [f64(-128.5)], int(.i8, -128))
  }

  @Test("E6: integer to real and bool") func integerToReal() {
    expect(.convert, [int(.i32, 0x100_0001)], f32(0x1p24))
    expect(.convert, [int(.i32, 0x100_0003)], f32(0x1p24 + 4))
    expect(.convert, [word(.u64, .max)], f32(0x1p64))
    expect(.convert, [word(.u64, 0x8000_0080_0000_0001)], f32(0x1p63 + 0x1p40))
    expect(.convert, [int(.i64, .min)], f64(-0x1p63))
    expect(.convert, [int(.i64, -1)], word(.u8, 255))
    expect(.convert, [int(.i16, -2)], word(.u64, .max - 1))
    expect(.convert, [word(.u8, 200)], int(.i8, -56))
    expect(.convert, [word(.u16, 256)], Scalar(true))
    expect(.convert, [Scalar(true)], f32(1))
    for (value, expected) in [(0.0, false), (-0.0, false), (.nan, true), (0x1p-1074, true), (-2, true)] {
      expect(.convert, [f64(value)], Scalar(expected))
    }
  }

  @Test("E7: f16 and bf16 conversions have one rounding and keep denormals") func smallReals() {
    // Rounded to f32 first this would tie and go down to 1.
    expect(.convert, [f64(1 + 0x1p-11 + 0x1p-40)], word(.f16, 0x3C01))
    expect(.convert, [f64(1 + 0x1p-11)], word(.f16, 0x3C00))
    expect(.convert, [f64(1 + 3 * 0x1p-11)], word(.f16, 0x3C02))
    expect(.convert, [f64(65519.99)], word(.f16, 0x7BFF))
    expect(.convert, [f64(65520)], word(.f16, 0x7C00))
    expect(.convert, [f64(-0x1p-24)], word(.f16, 0x8001))
    expect(.convert, [f64(0x1p-25)], word(.f16, 0))
    expect(.convert, [f64(0x1p-25 + 0x1p-60)], word(.f16, 1))
    expect(.convert, [f64(0x1p-14 - 0x1p-25)], word(.f16, 0x0400))
    expect(.convert, [f64(1 + 0x1p-8 + 0x1p-50)], word(.bf16, 0x3F81))
    expect(.convert, [f64(1 + 0x1p-8)], word(.bf16, 0x3F80))
    expect(.convert, [word(.f32, 0x000A_E398)], word(.bf16, 0x000B))
    expect(.convert, [f64(0x1p-133)], word(.bf16, 1))
    expect(.convert, [f64(0x1p-134)], word(.bf16, 0))
    expect(.convert, [f64(3.4e38)], word(.bf16, 0x7F80))
    expect(.convert, [word(.u64, 0x8080_0000_0000_0001)], word(.bf16, 0x5F01))
    expect(.convert, [word(.u64, 65520)], word(.f16, 0x7C00))
    expect(.convert, [int(.i32, -2049)], word(.f16, 0xE800))
    expect(.convert, [f64(.nan)], Scalar(.f16, .nan))
  }

  @Test("E7: every f16 and bf16 comes back from f32 and f64") func smallRealsRoundTrip() {
    for dtype in [DType.f16, .bf16] {
      for bits in 0..<UInt64(0x10000) {
        let value = word(dtype, bits)
        if dtype == .f16 {
          let reference = Float(Float16(bitPattern: UInt16(bits)))
          #expect(value.converted(to: .f32).isIdentical(to: f32(reference)))
        } else {
          #expect(value.converted(to: .f32).isIdentical(to: f32(Float(bitPattern: UInt32(bits) << 16))))
        }
        if !value.isNaN {
          #expect(value.converted(to: .f64).converted(to: dtype) == value)
          #expect(value.converted(to: .f32).converted(to: dtype) == value)
        }
      }
    }
  }

  @Test("E8: integers wrap and have no undefined case") func integers() {
    for dtype in signed + unsigned {
      let least = dtype.isSignedInteger ? word(dtype, 1 << UInt64(dtype.bitWidth - 1)) : word(dtype, 0)
      let greatest = word(dtype, dtype.isSignedInteger ? dtype.bitMask >> 1 : dtype.bitMask)
      let (zero, one, ones) = (word(dtype, 0), word(dtype, 1), word(dtype, .max))
      expect(.add, [greatest, one], least)
      expect(.subtract, [least, one], greatest)
      expect(.multiply, [ones, ones], one)
      expect(.divide, [greatest, zero], ones)
      expect(.divide, [zero, zero], ones)
      expect(.remainder, [greatest, zero], greatest)
      expect(.negate, [least], least)
      let width = word(dtype, UInt64(dtype.bitWidth))
      expect(.shiftLeft, [ones, width], zero)
      expect(.shiftLeft, [ones, ones], zero)
      expect(.shiftLeft, [one, word(dtype, UInt64(dtype.bitWidth - 1))], word(dtype, 1 << UInt64(dtype.bitWidth - 1)))
      expect(.shiftRight, [greatest, width], zero)
      if dtype.isSignedInteger {
        expect(.divide, [least, ones], least)
        expect(.remainder, [least, ones], zero)
        expect(.abs, [least], least)
        expect(.abs, [ones], one)
        expect(.shiftRight, [least, width], ones)
        expect(.shiftRight, [least, ones], ones)
        expect(.divide, [int(dtype, -7), int(dtype, 2)], int(dtype, -3))
        expect(.remainder, [int(dtype, -7), int(dtype, 2)], int(dtype, -1))
        expect(.remainder, [int(dtype, 7), int(dtype, -2)], int(dtype, 1))
        expect(.less, [ones, zero], Scalar(true))
      } else {
        expect(.shiftRight, [ones, one], word(dtype, dtype.bitMask >> 1))
        expect(.abs, [ones], ones)
        expect(.less, [ones, zero], Scalar(false))
      }
      expect(.not, [zero], ones)
    }
  }

  @Test("E9: comparisons with NaN are false") func comparisons() {
    for value in realValues {
      for primitive in [Primitive.equal, .less, .lessEqual] {
        expect(primitive, [f64(value), f64(.nan)], Scalar(false))
        expect(primitive, [f64(.nan), f64(value)], Scalar(false))
      }
    }
    expect(.equal, [f32(0), f32(-0.0)], Scalar(true))
    expect(.less, [f32(-0.0), f32(0)], Scalar(false))
    expect(.lessEqual, [f32(0), f32(-0.0)], Scalar(true))
  }

  @Test("E9 B6: remainder of reals is the exact fmod") func realRemainder() {
    for (a, b, expected) in [
      (5.5, 2.0, 1.5), (-5.5, 2, -1.5), (5.5, -2, 1.5), (-4, 2, -0.0), (4, 2, 0), (1, .infinity, 1),
      (.infinity, 1, .nan), (1, 0, .nan), (.nan, 1, .nan), (1, .nan, .nan), (-0.0, 3, -0.0),
      (0x1p1023, 3, 2), (0x1p-1073, 0x1p-1074, 0), (0x1p1023, Double(bitPattern: 3), 0x1p-1073),
      (0.3, 0.1, 0.3 - 2 * 0.1),
    ] {
      let exact = a == 0.3 ? 0.09999999999999998 : expected
      expect(.remainder, [f64(a), f64(b)], f64(exact))
    }
    var generator = SplitMix(seed: 7)
    for _ in 0..<2000 {
      let (a, b) = (Double(bitPattern: generator.next()), Double(bitPattern: generator.next()))
      let (c, d) = (
        Float(bitPattern: UInt32(generator.next() >> 32)), Float(bitPattern: UInt32(generator.next() >> 32))
      )
      expect(.remainder, [f64(a), f64(b)], f64(a.truncatingRemainder(dividingBy: b)))
      expect(.remainder, [f32(c), f32(d)], f32(c.truncatingRemainder(dividingBy: d)))
    }
  }

  @Test("S2: select and bitcast copy bits, NaN payloads included") func copies() {
    let signalling = word(.f32, 0x7FA0_1234)
    expect(.select, [Scalar(true), signalling, f32(1)], signalling)
    #expect(Primitive.select.evaluate([Scalar(false), f32(1), signalling], dtype: .f32).bits == 0x7FA0_1234)
    #expect(Primitive.bitcast.evaluate([signalling], dtype: .i32) == word(.i32, 0x7FA0_1234))
    #expect(Primitive.negate.evaluate([f32(0)], dtype: .f32) == f32(-0.0))
    #expect(Primitive.abs.evaluate([f64(-0.0)], dtype: .f64) == f64(0))
  }

  @Test("rounding to integers, ties to even") func rounding() {
    for (x, even, down, up, zero) in [
      (2.5, 2.0, 2.0, 3.0, 2.0), (3.5, 4, 3, 4, 3), (-2.5, -2, -3, -2, -2), (-0.5, -0.0, -1, -0.0, -0.0),
      (0.4, 0, 0, 1, 0), (1e300, 1e300, 1e300, 1e300, 1e300), (.infinity, .infinity, .infinity, .infinity, .infinity),
    ] {
      expect(.round, [f64(x)], f64(even))
      expect(.floor, [f64(x)], f64(down))
      expect(.ceil, [f64(x)], f64(up))
      expect(.truncate, [f64(x)], f64(zero))
      expect(.round, [f32(Float(x))], f32(Float(even)))
    }
  }
}
