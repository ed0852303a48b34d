#!/usr/bin/env python3
"""Derives the constants of IR/Ops/Math and prints IR/Ops/Math/Coefficients.swift (needs mpmath).

    python3 Utilities/derive_math_tables.py > IR/Ops/Math/Coefficients.swift
"""
from minimax import both, constants, emit, fit, grouped, print_note, series, split, swift
from mpmath import mp, mpf, exp, expm1, log, log1p, tanh, erf, erfc, sin, cos, sqrt, pi

ln2 = log(2)
one = lambda x: mpf(1)
edge = ln2 / 2 * mpf("1.002")
constants("log2E", "1 / ln 2.", lambda bits: [1 / ln2])
constants("ln2", "ln 2 in two parts.", lambda bits: split(ln2, bits))

expTail = series(lambda r: (expm1(r) - r) / r ** 2, lambda r: mpf(1) / 2 + r / 6 + r * r / 24)
both("exp", "(exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, relative to exp(r).",
     expTail, lambda r: r ** 2 / exp(r) if abs(r) > 1e-6 else mpf("1e-12"), -edge, edge, (4, 9))
both("expMinusOne", "(exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2, relative to exp(r) - 1.",
     expTail, lambda r: abs(r ** 2 / expm1(r)) if abs(r) > 1e-6 else mpf("1e-6"), -edge, edge, (5, 10))
both("exp2", "(2^f - 1) / f for |f| <= 1/2, relative to 2^f.",
     series(lambda f: expm1(f * ln2) / f, lambda f: ln2 + f * ln2 ** 2 / 2 + f * f * ln2 ** 3 / 6),
     lambda f: abs(f) * 2 ** -f if abs(f) > 1e-6 else mpf("1e-6"), mpf("-0.502"), mpf("0.502"), (5, 10))

logTail = series(lambda f: (log1p(f) - f + f * f / 2) / f ** 3, lambda f: mpf(1) / 3 - f / 4 + f * f / 5)
low, high = sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1
relative = lambda f: abs(f ** 3 / log1p(f)) if abs(f) > 1e-6 else mpf("1e-12")
coefficients, worst = fit(logTail, relative, low, high, 7, 32)
print_note("log", 32, worst)
logTable32 = coefficients
s2 = (high / (2 + high)) ** 2
logAtanh = series(lambda z: (2 * mp.atanh(sqrt(z)) / sqrt(z) - 2) / z, lambda z: mpf(2) / 3 + 2 * z / 5)
coefficients, worst = fit(logAtanh, one, mpf(0), s2 * mpf("1.001"), 6, 64)
print_note("log", 64, worst * s2)
emit("log", "f32: (log(1 + f) - f + f^2 / 2) / f^3; f64: (2 atanh(s) / s - 2) / s^2 in s^2, s = f / (2 + f).",
     logTable32, coefficients)

k = 2 / ln2
out = []
for bits, degree in ((32, 2), (64, 7)):
    tail = series(lambda z: ((k * mp.atanh(sqrt(z)) / sqrt(z) - k) / z - k / 3) / z, lambda z: k / 5 + k * z / 7)
    coefficients, worst = fit(tail, one, mpf(0), s2 * mpf("1.001"), degree, bits)
    print_note("log2Tail", bits, worst * s2 ** 2)
    out.append(coefficients)
emit("log2Tail", "The part of log2((1 + s) / (1 - s)) / s from s^4 on, divided by s^4, in s^2.", *out)
constants("log2Lead",
          "2 / ln 2 and 2 / (3 ln 2), each in two parts: log2((1 + s) / (1 - s)) = s (first + s^2 second + ...).",
          lambda bits: split(k, bits) + split(k / 3, bits))

tanhTail = series(lambda z: (tanh(sqrt(z)) / sqrt(z) - 1) / z, lambda z: -mpf(1) / 3 + 2 * z / 15)
both("tanh", "(tanh(a) / a - 1) / a^2 in a^2 for a <= 5/8, relative to tanh(a).",
     tanhTail, lambda z: z * sqrt(z) / tanh(sqrt(z)) if z > 1e-12 else mpf("1e-12"), mpf(0), mpf("0.391"), (4, 10))

sinTail = series(lambda z: (sin(sqrt(z)) / sqrt(z) - 1) / z, lambda z: -mpf(1) / 6 + z / 120)
cosTail = series(lambda z: (cos(sqrt(z)) - 1 + z / 2) / z ** 2, lambda z: mpf(1) / 24 - z / 720)
quarter = (pi / 4 * mpf("1.01")) ** 2
both("sin", "(sin(r) / r - 1) / r^2 in r^2 for |r| <= pi / 4, relative to sin(r).",
     sinTail, lambda z: z, mpf("1e-12"), quarter, (2, 5))
both("cos", "(cos(r) - 1 + r^2 / 2) / r^4 in r^2 for |r| <= pi / 4.",
     cosTail, lambda z: z ** 2, mpf("1e-12"), quarter, (2, 5))
constants("twoOverPi", "2 / pi.", lambda bits: [2 / pi])
constants("piOverTwo", "pi / 2 in three parts.", lambda bits: split(pi / 2, bits, 3))

erfTail = series(lambda z: erf(sqrt(z)) / sqrt(z) - 1, lambda z: 2 / sqrt(pi) * (1 - z / 3) - 1)
both("erfSmall", "erf(a) / a - 1 in a^2 for a <= 1, relative to erf(a).",
     erfTail, lambda z: sqrt(z) / erf(sqrt(z)) if z > 1e-12 else sqrt(pi) / 2, mpf(0), mpf("1.0001"), (6, 12))

out = []
for bits, high, degree in ((32, "3.95", 6), (64, "5.95", 18)):
    coefficients, worst = fit(lambda a: -log(erfc(a)), lambda a: erfc(a) / erf(a), 1, mpf(high), degree, bits)
    print_note("erfLarge", bits, worst)
    out.append(coefficients)
emit("erfLarge", "-log(1 - erf(a)) for 1 <= a <= 3.95 (f32) or 5.95 (f64), relative to erf(a).", *out)

words = []
for width, precision, count in ((32, 24, 7), (64, 53, 19)):
    mp.prec = 2000
    lead = width - precision - 1
    words.append([int(mp.floor(2 / pi * mpf(2) ** (width * j + lead))) % 2 ** width for j in range(count)])
mp.dps = 60


swift("""// Printed by Utilities/derive_math_tables.py; change that and print it again.

/// The constants of the function tables as bit patterns, lowest power first.
struct Coefficients {
  let f32: [UInt32]
  let f64: [UInt64]

  /// The bits for a dtype in which primitives compute.
  func bits(_ dtype: DType) -> [UInt64] { dtype == .f32 ? f32.map(UInt64.init) : f64 }
}

""")
print()
print("  /// 2 / pi in words: word j is floor(2 / pi * 2^(width j + width - precision - 1)) mod 2^width.")
print("  static let twoOverPiWords = Coefficients(")
for label, width, values in (("f32", 32, words[0]), ("f64", 64, words[1])):
    print(f"    {label}: [")
    for value in values:
        print(f"      {grouped(value, width)},")
    print("    ]" + ("," if label == "f32" else ")"))
print("}")
