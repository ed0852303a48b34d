"""Minimax polynomials with rounded coefficients, and their print as Swift (needs mpmath).

Polynomials are minimax (Remez exchange) in the weight named at each; coefficients are rounded one by one, lowest first,
and the rest fitted again, so that rounding a large coefficient is repaired by the smaller ones.
"""
import struct
import sys
from mpmath import mp, mpf, matrix, lu_solve, pi

mp.dps = 60
tables = []


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
    print(f"{name} f{bits}: 2^{float(mp.log(worst, 2)):.2f}", file=sys.stderr)


def split(value, bits, parts=2):
    out = []
    for _ in range(parts):
        out.append(round_to(value, bits))
        value -= out[-1]
    return out


def constants(name, note, values):
    emit(name, note, *[[round_to(v, bits) for v in values(bits)] for bits in (32, 64)])


def swift(header=""):
    """Prints the tables that were emitted."""
    print(header, end="")
    print("extension Coefficients {")
    for index, (name, note, f32, f64) in enumerate(tables):
        if index:
            print()
        print(f"  /// {note}")
        print(f"  static let {name} = Coefficients(")
        for label, bits, values in (("f32", 32, f32), ("f64", 64, f64)):
            comma = "," if len(values) > 1 else ""
            end = "," if label == "f32" else ")"
            if not values:
                print(f"    {label}: []{end}")
                continue
            print(f"    {label}: [")
            for value in values:
                print(f"      {pattern(value, bits)}{comma}  // {mp.nstr(value, 9 if bits == 32 else 17)}")
            print("    ]" + end)
