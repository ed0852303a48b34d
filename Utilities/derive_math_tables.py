#!/usr/bin/env python3
"""Derives the constants of IR/Ops/Math and prints IR/Ops/Math/Coefficients.swift (needs mpmath).

    python3 Utilities/derive_math_tables.py > IR/Ops/Math/Coefficients.swift

Polynomials are minimax (Remez exchange) in the weight named at each; coefficients are rounded one by one, lowest first,
and the rest fitted again, so that rounding a large coefficient is repaired by the smaller ones.
"""
import struct
from mpmath import mp, mpf, matrix, lu_solve, exp, expm1, log, log1p, tanh, erf, erfc, sin, cos, sqrt, pi

mp.dps = 60


def round_to(value, bits):
    """The nearest f32 (bits = 32) or f64 to an mpf; the values here are normal numbers."""
    value = mpf(value)
    if value == 0:
        return mpf(0)
    precision = 24 if bits == 32 else 53
    with mp.workprec(precision):
        return +value


def grouped(word, bits):
    digits = f"{word:0{bits // 4}X}"
    return "0x" + "_".join(digits[i:i + 4] for i in range(0, len(digits), 4))


def pattern(value, bits):
    form, word = ("<f", "<I") if bits == 32 else ("<d", "<Q")
    return grouped(struct.unpack(word, struct.pack(form, float(value)))[0], bits)


def remez(f, weight, low, high, powers):
    """Coefficients of x^p, p in powers, that minimise max |weight (f - sum)| on [low, high], and that maximum."""
    low, high, n = mpf(low), mpf(high), len(powers)
    middle, half = (low + high) / 2, (high - low) / 2
    # A little off the middle, where a weight may vanish.
    points = [middle + half * (mpf("0.03") - mpf("0.97") * mp.cos(pi * i / n)) for i in range(n + 1)]
    grid = [middle - half * mp.cos(pi * i / (20 * n)) for i in range(20 * n + 1)]
    values = [(x, f(x), weight(x)) for x in grid]
    for _ in range(40):
        a, b = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for i, x in enumerate(points):
            for j, p in enumerate(powers):
                a[i, j] = x ** p
            a[i, n] = (-1) ** i / weight(x)
            b[i] = f(x)
        c = lu_solve(a, b)
        errors = [(w * (y - sum(c[j] * x ** p for j, p in enumerate(powers))), x) for x, y, w in values]
        extremes = []
        for e, x in errors:
            if extremes and (e > 0) == (extremes[-1][0] > 0):
                if abs(e) > abs(extremes[-1][0]):
                    extremes[-1] = (e, x)
            else:
                extremes.append((e, x))
        while len(extremes) > n + 1:
            extremes.pop(0 if abs(extremes[0][0]) < abs(extremes[-1][0]) else -1)
        worst = max(abs(e) for e, _ in errors)
        if len(extremes) < n + 1 or worst < abs(c[n]) * mpf("1.001"):
            break
        points = [x for _, x in extremes]
    return [c[j] for j in range(n)], worst


def least_squares(f, weight, low, high, powers):
    """Coefficients of x^p with least weighted squares at Chebyshev points: near minimax without a Haar system."""
    n = len(powers)
    points = [(low + high) / 2 - (high - low) / 2 * mp.cos(pi * (2 * i + 1) / 200) for i in range(100)]
    rows = [(weight(x), x) for x in points]
    a, b = matrix(n, n), matrix(n, 1)
    for w, x in rows:
        basis = [w * x ** p for p in powers]
        y = w * f(x)
        for i in range(n):
            b[i] += basis[i] * y
            for j in range(n):
                a[i, j] += basis[i] * basis[j]
    return list(lu_solve(a, b))


def fit(f, weight, low, high, degree, bits):
    """A polynomial with coefficients rounded to the dtype, lowest first, and its largest weighted error."""
    low, high = mpf(low), mpf(high)
    coefficients, _ = remez(f, weight, low, high, range(degree + 1))
    done = []
    for k in range(degree + 1):
        done.append(round_to(coefficients[0], bits))
        if k < degree:
            rest = lambda x: f(x) - sum(c * x ** i for i, c in enumerate(done))
            coefficients = least_squares(rest, weight, low, high, range(k + 1, degree + 1))
    error = lambda x: abs(weight(x) * (f(x) - sum(c * x ** i for i, c in enumerate(done))))
    return done, max(error(low + (high - low) * (i + mpf("0.5")) / 500) for i in range(500))


def series(f, terms):
    """f with its Taylor series where |x| is small, against cancellation: f(x, small)."""
    return lambda x: terms(x) if abs(x) < mpf("1e-8") else f(x)


ln2 = log(2)
tables = []


def emit(name, note, f32, f64):
    tables.append((name, note, f32, f64))


def both(name, note, f, weight, low, high, degrees):
    out = []
    for bits, degree in zip((32, 64), degrees):
        coefficients, worst = fit(f, weight, low, high, degree, bits)
        print_note(name, bits, worst)
        out.append(coefficients)
    emit(name, note, *out)


def print_note(name, bits, worst):
    import sys
    print(f"{name} f{bits}: 2^{float(mp.log(worst, 2)):.2f}", file=sys.stderr)


def split(value, bits, parts=2):
    out = []
    for _ in range(parts):
        out.append(round_to(value, bits))
        value -= out[-1]
    return out


def constants(name, note, values):
    emit(name, note, *[[round_to(v, bits) for v in values(bits)] for bits in (32, 64)])


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


def swift():
    print("// Printed by Utilities/derive_math_tables.py; change that and print it again.\n")
    print("/// The constants of the function tables as bit patterns, lowest power first.")
    print("struct Coefficients {")
    print("  let f32: [UInt32]\n  let f64: [UInt64]\n")
    print("  /// The bits for a dtype in which primitives compute.")
    print("  func bits(_ dtype: DType) -> [UInt64] { dtype == .f32 ? f32.map(UInt64.init) : f64 }\n}\n")
    print("extension Coefficients {")
    for index, (name, note, f32, f64) in enumerate(tables):
        if index:
            print()
        print(f"  /// {note}")
        print(f"  static let {name} = Coefficients(")
        comma = "," if len(f32) > 1 else ""
        for label, bits, values in (("f32", 32, f32), ("f64", 64, f64)):
            print(f"    {label}: [")
            for value in values:
                print(f"      {pattern(value, bits)}{comma}  // {mp.nstr(value, 9 if bits == 32 else 17)}")
            print("    ]" + ("," if label == "f32" else ")"))
    print()
    print("  /// 2 / pi in words: word j is floor(2 / pi * 2^(width j + width - precision - 1)) mod 2^width.")
    print("  static let twoOverPiWords = Coefficients(")
    for label, width, values in (("f32", 32, words[0]), ("f64", 64, words[1])):
        print(f"    {label}: [")
        for value in values:
            print(f"      {grouped(value, width)},")
        print("    ]" + ("," if label == "f32" else ")"))
    print("}")


swift()
