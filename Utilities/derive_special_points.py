#!/usr/bin/env python3
"""Writes Tests/SpecialPointTests/Tables: values and derivatives at special points, for the tests of that name.

    python3 -m venv env && env/bin/pip install jax sympy && env/bin/python Utilities/derive_special_points.py

Scalar functions are differentiated symbolically and evaluated with 150 digits; at an infinity or at the edge of a domain a
number near it stands for the limit. Functions of vectors are differentiated by JAX in f64, in the form that has the limit:
where the plain form gives NaN, a form that says the same and is smooth there takes its place (see VECTORS).
"""
import math
import os

import jax
import jax.numpy as jnp
import mpmath as mp
import sympy as sp

jax.config.update("jax_enable_x64", True)
mp.mp.dps = 150
FOLDER = os.path.join(os.path.dirname(__file__), "..", "Tests", "SpecialPointTests", "Tables")
INF, NAN = math.inf, math.nan
TINY, SMALL, GREAT = 5e-324, 2.0**-1022, 1.7976931348623157e308
x = sp.Symbol("x", real=True)


def text(value):
    return "-" if value is None else "nan" if value != value else repr(float(value))


# --- Scalars: pieces (condition on the point, expression); the points beside those that all have; the side to approach
# an edge of the domain from; values at infinity where they grow too slowly to see.

EVERYWHERE = lambda p: True
c = lambda v: sp.Float(v, 40) if not isinstance(v, int) else sp.Integer(v)
UP, DOWN = 1, -1


def whole(expression):
    return [(EVERYWHERE, expression)]


FINITE = [0.0, 1.0, -1.0, 0.5, -0.5, TINY, -TINY, SMALL, -SMALL, 3.0, -3.0]
FAR = [GREAT, -GREAT, INF, -INF]
POSITIVE = [1.0, 0.5, TINY, SMALL, 3.0, GREAT, INF]
INNER = [0.0, 0.5, -0.5, TINY, -TINY, SMALL]
tanhGELU = sp.tanh(sp.Float("0.7978845608028654", 40) * (x + sp.Float("0.044715", 40) * x**3))
SCALARS = {
    # name: (pieces, points, {edge: side}, {point: value where the limit is out of sight}, the same for the slope)
    "abs": ([(lambda p: p > 0, x), (lambda p: p < 0, -x), (EVERYWHERE, sp.Integer(0))], FINITE + FAR, {}, {}),
    "exp": (whole(sp.exp(x)), FINITE + FAR + [709.0, -745.0], {}, {}),
    "expMinusOne": (whole(sp.exp(x) - 1), FINITE + FAR, {}, {}),
    "exp2": (whole(2**x), FINITE + FAR, {}, {}),
    "log": (whole(sp.log(x)), [0.0] + POSITIVE, {0.0: UP}, {0.0: -INF, INF: INF}),
    "log2": (whole(sp.log(x) / sp.log(2)), [0.0] + POSITIVE, {0.0: UP}, {0.0: -INF, INF: INF}),
    "logOnePlus": (whole(sp.log(1 + x)), [0.0, -1.0, 1.0, TINY, GREAT, INF], {-1.0: UP}, {-1.0: -INF, INF: INF}),
    "sqrt": (whole(sp.sqrt(x)), [0.0] + POSITIVE, {0.0: UP}, {}),
    "rsqrt": (whole(1 / sp.sqrt(x)), [0.0] + POSITIVE, {0.0: UP}, {}),
    "cbrt": (whole(x ** sp.Rational(1, 3)), [0.0] + POSITIVE, {0.0: UP}, {}),
    "sin": (whole(sp.sin(x)), FINITE, {}, {}),
    "cos": (whole(sp.cos(x)), FINITE, {}, {}),
    "tan": (whole(sp.tan(x)), FINITE, {}, {}),
    "asin": (whole(sp.asin(x)), INNER + [1.0, -1.0], {1.0: DOWN, -1.0: UP}, {}),
    "acos": (whole(sp.acos(x)), INNER + [1.0, -1.0], {1.0: DOWN, -1.0: UP}, {}),
    "atan": (whole(sp.atan(x)), FINITE + FAR, {}, {INF: math.pi / 2, -INF: -math.pi / 2}),
    "sinh": (whole(sp.sinh(x)), FINITE + FAR, {}, {}),
    "cosh": (whole(sp.cosh(x)), FINITE + FAR, {}, {}),
    "tanh": (whole(sp.tanh(x)), FINITE + FAR, {}, {}),
    "asinh": (whole(sp.asinh(x)), FINITE + FAR, {}, {INF: INF, -INF: -INF}),
    "acosh": (whole(sp.acosh(x)), [1.0, 3.0, GREAT, INF], {1.0: UP}, {INF: INF}),
    "atanh": (whole(sp.atanh(x)), INNER + [1.0, -1.0], {1.0: DOWN, -1.0: UP}, {1.0: INF, -1.0: -INF}),
    "erf": (whole(sp.erf(x)), FINITE + FAR + [28.5, -28.5], {}, {}),
    "erfc": (whole(sp.erfc(x)), FINITE + FAR + [28.5, -28.5], {}, {}),
    "erfInverse": (whole(sp.erfinv(x)), INNER, {}, {}),
    "logGamma": (whole(sp.loggamma(x)), [1.0, 2.0, 0.5, TINY, 3.0, GREAT, INF], {}, {}, {INF: INF}),
    "digamma": (whole(sp.polygamma(0, x)), [1.0, 2.0, 0.5, TINY, 3.0, GREAT, INF], {}, {INF: INF}),
    "trigamma": (whole(sp.polygamma(1, x)), [1.0, 2.0, 0.5, TINY, 3.0, GREAT, INF], {}, {}),
    "relu": ([(lambda p: p > 0, x), (EVERYWHERE, sp.Integer(0))], FINITE + FAR, {}, {}),
    "leakyRelu": ([(lambda p: p >= 0, x), (EVERYWHERE, x / 100)], FINITE + FAR, {}, {}),
    "sigmoid": (whole(1 / (1 + sp.exp(-x))), FINITE + FAR + [-709.0, -709.5, -740.0, 40.0], {}, {}),
    "softplus": (whole(sp.log(1 + sp.exp(x))), FINITE + FAR + [1000.0, 1001.0, -740.0], {}, {}),
    "logSigmoid": (whole(-sp.log(1 + sp.exp(-x))), FINITE + FAR + [1000.0, -1001.0], {}, {}),
    "silu": (whole(x / (1 + sp.exp(-x))), FINITE + FAR + [1000.0, -1000.0, -700.0, 40.0], {}, {}),
    "gelu": (whole(x * (1 + tanhGELU) / 2), FINITE + FAR + [16.0, -16.0, 17.0, -17.0], {}, {}),
    "geluExact": (whole(x * sp.erfc(-x / sp.sqrt(2)) / 2), FINITE + FAR + [40.0, -40.0, -37.0], {}, {}),
    "elu": ([(lambda p: p > 0, x), (EVERYWHERE, sp.exp(x) - 1)], FINITE + FAR, {}, {}),
    "mish": (whole(x * sp.tanh(sp.log(1 + sp.exp(x)))), FINITE + FAR + [1000.0, -1000.0], {}, {}),
    "hardSigmoid": (
        [(lambda p: p <= -3, sp.Integer(0)), (lambda p: p >= 3, sp.Integer(1)), (EVERYWHERE, (x + 3) / 6)],
        FINITE + FAR, {}, {}),
    "hardSwish": (
        [(lambda p: p <= -3, sp.Integer(0)), (lambda p: p >= 3, x), (EVERYWHERE, x * (x + 3) / 6)],
        FINITE + FAR, {}, {}),
    "clip": (
        [(lambda p: p < 0, sp.Integer(0)), (lambda p: p > 1, sp.Integer(1)), (EVERYWHERE, x)], FINITE + FAR, {}, {}),
    "clipLow": ([(lambda p: p < 0, sp.Integer(0)), (EVERYWHERE, x)], FINITE + FAR, {}, {}),
    "rootSquared": (whole(x), [0.0, 1.0, 0.5, SMALL, 3.0], {}, {}),
    "cube": (whole(x**3), FINITE, {}, {}),
}


def limit(expression, point, side):
    def at(p):
        value = sp.lambdify(x, expression, [{"erfc": lambda z: mp.erfc(max(min(z, 10**5), -(10**5)))}, "mpmath"])(p)
        if isinstance(value, mp.mpc) or not isinstance(value, (mp.mpf, int)):
            value = mp.mpf(value.real) if isinstance(value, mp.mpc) else mp.mpf(value)
        return mp.mpf(value)

    def seen(value):
        return math.copysign(INF, value) if abs(value) > 1e30 else 0.0 if abs(value) < 1e-30 else float(value)

    if math.isinf(point):
        return seen(at(mp.mpf("1e200") * (1 if point > 0 else -1)))
    if side:
        return seen(at(mp.mpf(point) + side * mp.mpf("1e-100")))
    return float(at(mp.mpf(point)))


def scalars():
    with open(os.path.join(FOLDER, "scalars.csv"), "w") as out:
        out.write(f"# sympy {sp.__version__}, mpmath {mp.__version__}, 150 digits; made by Utilities/derive_special_points.py\n")
        out.write("# function,point,value,first,second,third\n")
        for name, (pieces, points, sides, out_of_sight, *steep) in SCALARS.items():
            for point in dict.fromkeys(points):
                expression = next(e for holds, e in pieces if holds(point))
                row = []
                for order in range(4):
                    hidden = out_of_sight if order == 0 else steep[0] if order == 1 and steep else {}
                    if point in hidden:
                        row.append(hidden[point])
                    else:
                        row.append(limit(sp.diff(expression, x, order), point, sides.get(point)))
                out.write(",".join([name] + [text(v) for v in [point] + row]) + "\n")
            print(name, flush=True)


# --- Powers: partial derivatives of a^b of every kind up to order 3; `-` where the limit is infinite or does not exist.

def powers():
    a, b = sp.symbols("a b", positive=True)
    kinds = [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3)]
    with open(os.path.join(FOLDER, "powers.csv"), "w") as out:
        out.write(f"# sympy {sp.__version__}, mpmath {mp.__version__}; made by Utilities/derive_special_points.py\n")
        out.write("# a,b," + ",".join(f"d{i}{j}" for i, j in kinds) + " (times by a, times by b)\n")
        for base in [23.0, 2.0, 1.0, 0.5, 1e-100, 1e100]:
            for exponent in [0.0, -0.0, 1.0, 2.0, 3.0, -1.0, 0.5, 2.5]:
                row = []
                for i, j in kinds:
                    f = sp.lambdify((a, b), sp.diff(a**b, a, i, b, j) if i and j else sp.diff(a**b, a, i) if i else
                                    sp.diff(a**b, b, j) if j else a**b, "mpmath")
                    row.append(float(f(mp.mpf(base), mp.mpf(exponent))))
                out.write(",".join(text(v) for v in [base, exponent] + row) + "\n")
        # At 0 and below the base alone is differentiated, and b where everything vanishes.
        for base, exponent in [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (0.0, 3.0), (0.0, 4.0), (-2.0, 0.0), (-2.0, 3.0), (-2.0, 1.0)]:
            t = sp.Symbol("t", real=True)
            row = []
            for i, j in kinds:
                if j:
                    vanishes = base == 0.0 and exponent - i > 0
                    row.append(0.0 if vanishes else None)
                else:
                    row.append(float(sp.diff(t ** int(exponent), t, i).subs(t, int(base))))
            out.write(",".join(text(v) for v in [base, exponent] + row) + "\n")


# --- Vectors

W = jnp.array([0.7, -1.3, 0.4, 1.1])
V = jnp.array([0.5, -0.2, 0.3, 0.9])
POINTS = {
    "ordinary": [0.3, -1.2, 2.5, 0.7], "zeros": [0.0, 0.0, 0.0, 0.0], "equal": [1.0, 1.0, 1.0, 1.0],
    "oneZero": [2.0, 0.0, 3.0, -1.0], "twoZeros": [2.0, 0.0, 0.0, 3.0], "firstZero": [0.0, 2.0, 3.0, 4.0],
    "lastZero": [2.0, 3.0, 4.0, 0.0], "tied": [3.0, 1.0, 3.0, 2.0], "great": [1e200, -2e200, 3e200, 5e199],
    "small": [1e-200, 2e-200, -3e-200, 5e-201], "masked": [-INF, 1.0, 2.0, -INF], "allMasked": [-INF] * 4,
}
FINITES = ["ordinary", "zeros", "equal", "oneZero", "twoZeros", "firstZero", "lastZero", "tied"]
UNTIED = ["ordinary", "firstZero", "lastZero", "oneZero"]


def powersOf(p):
    # An element that is 0 has no part in the derivative.
    def f(x):
        zero = x == 0
        return jnp.sum(jnp.where(zero, 0, jnp.abs(jnp.where(zero, 1, x)) ** p)) ** (1 / p)
    return f


def layerNorm(x):
    d = x - x.mean()
    return jnp.sum(W * d / jnp.sqrt((d * d).mean() + 1e-5))


def firstOfRunningMax(x):
    # The first element that reached the maximum has it.
    best, total = x[0], W[0] * x[0]
    for i in range(1, 4):
        best = jnp.where(x[i] > best, x[i], best)
        total += W[i] * best
    return total


def logSumExp(x):
    m = jax.lax.stop_gradient(x.max())
    m = jnp.where(jnp.isfinite(m), m, 0)
    s = jnp.exp(x - m).sum()
    return jnp.where(s == 0, -INF, jnp.log(jnp.where(s == 0, 1, s)) + m)


def attention(x):
    # One query, the elements are the scores; those that are -inf are masked.
    m = jax.lax.stop_gradient(x.max())
    e = jnp.exp(x - jnp.where(jnp.isfinite(m), m, 0))
    s = e.sum()
    return (e * W).sum() / jnp.where(s == 0, 1, s)


VECTORS = {
    "sum": (jnp.sum, FINITES + ["great", "small"]), "product": (jnp.prod, FINITES),
    "mean": (jnp.mean, FINITES + ["great", "small"]), "variance": (jnp.var, FINITES),
    "max": (jnp.max, FINITES + ["great", "small", "masked"]), "min": (jnp.min, FINITES + ["great", "small"]),
    # The square of a root has the derivatives of what stands under it.
    "normSquared": (lambda x: jnp.sum(x * x), FINITES), "normPower2": (lambda x: jnp.sum(x * x), FINITES),
    "deviationSquared": (jnp.var, FINITES), "rootSquared": (lambda x: jnp.sum(x * x), FINITES),
    "norm": (lambda x: jnp.sqrt(jnp.sum(x * x)), ["ordinary", "oneZero", "twoZeros", "equal"]),
    "normGreat": (lambda x: 1e200 * jnp.sqrt(jnp.sum((x / 1e200) ** 2)), ["great"]),
    "normSmall": (lambda x: 1e-200 * jnp.sqrt(jnp.sum((x / 1e-200) ** 2)), ["small"]),
    "deviation": (jnp.std, ["ordinary", "oneZero", "twoZeros", "tied"]),
    "deviationGreat": (lambda x: 1e200 * jnp.std(x / 1e200), ["great"]),
    "deviationSmall": (lambda x: 1e-200 * jnp.std(x / 1e-200), ["small"]),
    "norm0.5": (powersOf(0.5), ["ordinary", "oneZero", "twoZeros", "firstZero", "lastZero"]),
    "norm1.5": (powersOf(1.5), ["ordinary", "oneZero", "twoZeros", "firstZero", "lastZero"]),
    "norm3": (powersOf(3), ["ordinary", "oneZero", "twoZeros", "firstZero", "lastZero"]),
    "norm4": (lambda x: jnp.sum(x**4) ** 0.25, ["ordinary", "oneZero", "twoZeros", "firstZero", "lastZero"]),
    "norm1": (lambda x: jnp.sum(jnp.sign(x) * x), FINITES),
    "cumulativeSum": (lambda x: jnp.sum(W * jnp.cumsum(x)), FINITES),
    "cumulativeProduct": (lambda x: jnp.sum(W * jnp.cumprod(x)), FINITES),
    "cumulativeProductReverse": (lambda x: jnp.sum(W * jnp.cumprod(x[::-1])[::-1]), FINITES),
    "cumulativeMax": (firstOfRunningMax, FINITES),
    "sorted": (lambda x: jnp.sum(W * jnp.sort(x, stable=True) ** 2), FINITES),
    "scatterMultiply": (lambda x: jnp.sum(W * jnp.array([x[0] * x[1] * 2, 3 * x[2], -x[3], 1.5])), FINITES),
    "softmax": (lambda x: jnp.sum(W * jax.nn.softmax(x)), FINITES + ["great", "small", "masked"]),
    "logSoftmaxAt2": (lambda x: x[2] - jax.scipy.special.logsumexp(x), FINITES + ["small", "masked"]),
    "logSumExp": (logSumExp, FINITES + ["great", "small", "masked", "allMasked"]),
    "attention": (attention, FINITES + ["masked", "allMasked"]),
    "layerNorm": (layerNorm, FINITES),
    "layerNormGreat": (lambda x: jnp.sum(W * (x / 1e200 - (x / 1e200).mean()) / jnp.std(x / 1e200)), ["great"]),
    "rmsNorm": (lambda x: jnp.sum(W * x / jnp.sqrt((x * x).mean() + 1e-6)), FINITES),
    "rmsNormGreat": (lambda x: jnp.sum(W * (x / 1e200) / jnp.sqrt(((x / 1e200) ** 2).mean())), ["great"]),
    "maxPool": (lambda x: 0.7 * jnp.max(x[:2]) - 1.3 * jnp.max(x[2:]), FINITES),
    "matmul": (lambda x: x.reshape(2, 2) @ x.reshape(2, 2) @ jnp.array([1.0, 2.0]) @ jnp.array([0.5, -1.0]), FINITES),
    "atan2": (lambda x: jnp.arctan2(x[0], x[1]) * x[2] + x[3] ** 2, ["ordinary", "equal", "oneZero", "twoZeros", "firstZero"]),
    "quotient": (lambda x: x[0] / x[1] + x[2] * x[3], ["ordinary", "equal", "firstZero", "lastZero", "tied"]),
    "maximum": (lambda x: jnp.maximum(x[0], x[1]) * x[2] + jnp.minimum(x[2], x[3]), FINITES),
}


def vectors():
    with open(os.path.join(FOLDER, "vectors.csv"), "w") as out:
        out.write(f"# jax {jax.__version__} in f64; made by Utilities/derive_special_points.py\n")
        out.write("# function,point,value,4 x gradient,16 x hessian,4 x gradient of v H v for v = (0.5, -0.2, 0.3, 0.9)\n")
        for name, (f, points) in VECTORS.items():
            hessian = jax.hessian(f)
            third = jax.grad(lambda x: V @ hessian(x) @ V)
            for point in points:
                p = jnp.array(POINTS[point])
                row = [f(p)] + list(jax.grad(f)(p)) + list(hessian(p).reshape(-1)) + list(third(p))
                # A third derivative may be beyond f64. On the way to a Hessian at the smallest numbers something is.
                row = [float(v) for v in row]
                if name in ("normSmall", "deviationSmall"):
                    row[5:] = [NAN] * 20
                if name == "softmax":
                    row = [v if abs(v) > 1e-16 else 0.0 for v in row]
                assert not any(math.isnan(v) for v in row[: 5 if point == "small" else 21]), (name, point, row)
                out.write(",".join([name, point] + [text(None if math.isnan(v) else v) for v in row]) + "\n")


if __name__ == "__main__":
    os.makedirs(FOLDER, exist_ok=True)
    vectors()
    powers()
    scalars()
