#!/usr/bin/env python3
"""Derives the constants of the inverse, hyperbolic and special functions (needs mpmath).

    python3 Utilities/derive_special_tables.py > IR/Ops/Math/Coefficients+Special.swift
"""
from minimax import both, constants, emit, fit, print_note, series, split, swift, round_to
from mpmath import mp, mpf, atan, asin, cbrt, cos, cot, digamma, erf, erfc, erfinv, exp, log, loggamma, pi, psi, sin, \
    sinh, sqrt, tan

mp.dps = 50


def kept(f):
    """f with its values remembered: a fit asks for them again and again."""
    known = {}

    def value(x):
        if x not in known:
            known[x] = f(x)
        return known[x]
    return value


def odd(function, c3, c5):
    """(function(s) / s - 1) / z in z = s^2, with its series at 0."""
    return kept(series(lambda z: (function(sqrt(z)) / sqrt(z) - 1) / z, lambda z: mpf(c3) + z * mpf(c5)))


def relative(function):
    """z s / function(s): the error of such a tail relative to the function."""
    return kept(lambda z: z * sqrt(z) / function(sqrt(z)) if z > mpf("1e-12") else mpf("1e-12"))


def near_zero(f, at_zero):
    """f with its value where |x| is very small."""
    return kept(lambda x: mpf(at_zero) if abs(x) < mpf("1e-20") else f(x))


quarter = (pi / 4 * mpf("1.01")) ** 2
both("tan", "(tan(r) / r - 1) / r^2 in r^2 for |r| <= pi / 4, relative to tan(r).",
     odd(tan, mpf(1) / 3, mpf(2) / 15), relative(tan), mpf("1e-12"), quarter, (6, 15))
both("asin", "(asin(s) / s - 1) / s^2 in s^2 for s <= 1/2, relative to asin(s).",
     odd(asin, mpf(1) / 6, mpf(3) / 40), relative(asin), mpf("1e-12"), mpf("0.2501"), (5, 12))
both("atan", "(atan(a) / a - 1) / a^2 in a^2 for a <= 1, relative to atan(a).",
     odd(atan, -mpf(1) / 3, mpf(1) / 5), relative(atan), mpf("1e-12"), mpf("1.0001"), (9, 20))
constants("pi", "pi in two parts.", lambda bits: split(pi, bits))
both("sinh", "(sinh(a) / a - 1) / a^2 in a^2 for a <= 1, relative to sinh(a).",
     odd(sinh, mpf(1) / 6, mpf(1) / 120), relative(sinh), mpf("1e-12"), mpf("1.0001"), (3, 7))

half = mpf("0.5005")
both("atanh", "(atanh(a) / a - 1) / a^2 in a^2 for a <= 1/2, relative to atanh(a).",
     odd(mp.atanh, mpf(1) / 3, mpf(1) / 5), relative(mp.atanh), mpf("1e-12"), half ** 2, (5, 13))
both("cbrt", "The cube root of m for sqrt(1/2) <= m <= sqrt(2), a first guess.",
     kept(cbrt), kept(lambda m: 1 / cbrt(m)), sqrt(mpf("0.499")), sqrt(mpf("2.001")), (3, 3))
constants("cbrtOfTwo", "The cube roots of 2 and 4.", lambda bits: [cbrt(mpf(2)), cbrt(mpf(4))])

out = []
for bits, degree, high in ((32, 10, "10.3"), (64, 23, "27.4")):
    a_of = lambda q: 2 * (1 + q) / (1 - q)
    g = kept(lambda q: (1 + 2 * a_of(q)) * exp(a_of(q) ** 2) * erfc(a_of(q)))
    low = mpf("0.74")
    coefficients, worst = fit(g, kept(lambda q: 1 / g(q)), (low - 2) / (low + 2), (mpf(high) - 2) / (mpf(high) + 2),
                              degree, bits)
    print_note("erfcTail", bits, worst)
    out.append(coefficients)
emit("erfcTail", "(1 + 2 a) exp(a^2) erfc(a) in (a - 2) / (a + 2) for 3/4 <= a, to where erfc(a) is 0.", *out)


def inverse_of_w(w):
    """erfInverse(x) / x as a function of w = -log(1 - x^2)."""
    if w < mpf("1e-15"):
        return sqrt(pi) / 2
    with mp.extradps(30):
        x = sqrt(-mp.expm1(-w))
        return erfinv(x) / x


inv = kept(inverse_of_w)
inv_root = kept(lambda s: inverse_of_w(s * s))
out = []
for bits, high, middle, degree in ((32, "5", "2.5", 10), (64, "6.25", "3.125", 24)):
    center = mpf(middle)
    coefficients, worst = fit(lambda u: inv(u + center), lambda u: 1 / inv(u + center), -center,
                              mpf(high) - center + mpf("1e-4"), degree, bits)
    print_note("erfInverseLow", bits, worst)
    out.append(coefficients)
emit("erfInverseLow", "erfInverse(x) / x in w - 5/2 for w <= 5 (f32), or in w - 25/8 for w <= 25/4 (f64), "
     "w = -log(1 - x^2).", *out)
out = []
for bits, low, high, middle, degree in ((32, sqrt(mpf(5)), mpf("4.01"), 3, 9), (64, mpf("2.5"), mpf(4), "3.25", 20)):
    center = mpf(middle)
    coefficients, worst = fit(lambda u: inv_root(u + center), lambda u: 1 / inv_root(u + center),
                              low - center - mpf("1e-4"), high - center + mpf("1e-4"), degree, bits)
    print_note("erfInverseMiddle", bits, worst)
    out.append(coefficients)
emit("erfInverseMiddle", "erfInverse(x) / x in sqrt(w) - 3 for the other w (f32), or in sqrt(w) - 13/4 for "
     "sqrt(w) <= 4 (f64).", *out)
center = mpf(5)
coefficients, worst = fit(lambda u: inv_root(u + center), lambda u: 1 / inv_root(u + center), mpf("-1.0001"),
                          mpf("1.02"), 19, 64)
print_note("erfInverseHigh", 64, worst)
emit("erfInverseHigh", "erfInverse(x) / x in sqrt(w) - 5 for the other w (f64).", [], coefficients)

lg = lambda x: loggamma(x).real
both("logGammaNearTwo", "logGamma(2 + d) / d for |d| <= 1/2, relative to itself.",
     near_zero(lambda d: lg(2 + d) / d, digamma(2)), kept(lambda d: d / lg(2 + d) if abs(d) > 1e-20 else mpf(2)),
     mpf("-0.5001"), mpf("0.5001"), (9, 19))
tail = kept(lambda z: (lg(1 / sqrt(z)) - (1 / sqrt(z) - mpf(1) / 2) * log(1 / sqrt(z)) + 1 / sqrt(z)
                       - log(2 * pi) / 2) / sqrt(z))
both("stirling", "x (logGamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) in 1 / x^2 for x >= 9/2.",
     lambda z: tail(z) if z > mpf("1e-15") else mpf(1) / 12,
     kept(lambda z: sqrt(z) / lg(1 / sqrt(z)) if z > mpf("1e-15") else mpf("1e-9")),
     mpf("1e-16"), mpf("4.4999") ** -2, (2, 9))
constants("stirlingConstant", "log(2 pi) / 2 - 1/2.", lambda bits: [log(2 * pi) / 2 - mpf(1) / 2])
both("sincPi", "(sin(pi r) / (pi r) - 1) / r^2 in r^2 for |r| <= 1/2.",
     near_zero(lambda z: (sin(pi * sqrt(z)) / (pi * sqrt(z)) - 1) / z, -pi ** 2 / 6),
     kept(lambda z: z * pi * sqrt(z) / sin(pi * sqrt(z)) if z > 1e-20 else mpf("1e-20")), mpf("1e-12"), mpf("0.2501"),
     (4, 8))
cotangent = near_zero(lambda z: pi * sqrt(z) * cot(pi * sqrt(z)) / (1 - 4 * z) if abs(z - mpf("0.25")) > 1e-20
                      else pi ** 2 / 8, 1)
both("cotPi", "pi r cot(pi r) / (1 - 4 r^2) in r^2 for |r| <= 1/2, relative to itself.",
     cotangent, lambda z: 1 / cotangent(z), mpf(0), mpf("0.2501"), (6, 14))

with mp.workdps(70):
    root = mp.findroot(digamma, mpf("1.4616321449683623"))
constants("digammaRoot", "The positive root of digamma in three parts.", lambda bits: split(root, bits, 3))
slope = kept(lambda x: digamma(x) / (x - root) if abs(x - root) > mpf("1e-25") else psi(1, root))
both("digammaNearRoot", "digamma(x) / (x - root) in x - 3/2 for 1 <= x <= 2, relative to itself.",
     lambda t: slope(t + mpf(3) / 2), lambda t: 1 / slope(t + mpf(3) / 2), mpf("-0.5001"), mpf("0.5001"), (9, 20))
tail2 = kept(lambda z: (log(1 / sqrt(z)) - sqrt(z) / 2 - digamma(1 / sqrt(z))) / z if z > mpf("1e-14") else mpf(1) / 12)
both("digammaTail", "x^2 (log x - 1 / (2 x) - digamma(x)) in 1 / x^2 for x >= 4.", tail2,
     kept(lambda z: z / digamma(1 / sqrt(z)) if z > mpf("1e-14") else mpf("1e-9")), mpf("1e-16"),
     mpf("3.9999") ** -2, (2, 9))
tail3 = kept(lambda z: ((psi(1, 1 / sqrt(z)) - sqrt(z) - z / 2) / (z * sqrt(z)) if z > mpf("1e-14") else mpf(1) / 6))
both("trigammaTail", "x^3 (trigamma(x) - 1 / x - 1 / (2 x^2)) in 1 / x^2 for x >= 4.", tail3,
     kept(lambda z: z * sqrt(z) / psi(1, 1 / sqrt(z)) if z > mpf("1e-14") else mpf("1e-9")), mpf("1e-16"),
     mpf("3.9999") ** -2, (2, 9))

swift("// Printed by Utilities/derive_special_tables.py; change that and print it again.\n\n")
print("}")
