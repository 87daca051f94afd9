"""Mechanisms that once led to a false proof, a false refutation, a traceback or a hang, each with
several statements."""

from contextlib import suppress
from itertools import pairwise
from types import SimpleNamespace

import pytest
from sympy import (
    Abs,
    AccumBounds,
    Add,
    And,
    CRootOf,
    Derivative,
    Dummy,
    Eq,
    Ge,
    Gt,
    Idx,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Le,
    Limit,
    Lt,
    MatrixSymbol,
    Max,
    Min,
    Mod,
    Mul,
    Ne,
    Or,
    Piecewise,
    Pow,
    Rational,
    Sum,
    Symbol,
    Wild,
    asin,
    cosh,
    exp,
    expand,
    factorial,
    log,
    nextprime,
    oo,
    prime,
    sign,
    sin,
    sqrt,
    symbols,
    tanh,
)

from bnproof.symbolic import (
    Every,
    Increasing,
    Induction,
    Refuted,
    Remainder,
    Undecided,
    Unreadable,
    beta,
    eps,
    g,
    gamma,
    i,
    j,
    k,
    m,
    mu,
    prove,
    s,
    v,
    x,
    xhat,
)
from bnproof.symbolic.expectation import E


def nest(function, start, times):
    """A function of a function of ... of something."""
    for _ in range(times):
        start = function(start)
    return start


def to_the_200th(e):
    """A power that SymPy leaves as it is."""
    return Pow(e, 200, evaluate=False)


a, b, c, t, u_scalar = symbols("a b c t u")
p, q, w = symbols("p q w", integer=True)
later, two_later = (Sum(x[p + shift], (p, 1, m - shift)) for shift in (1, 2))
n, whole = Symbol("n", integer=True, positive=True), Symbol("w", integer=True)
T, start = Symbol("T", integer=True, nonnegative=True), Symbol("f", integer=True)
u, B = IndexedBase("u", real=True), IndexedBase("B", real=True)
gone = Sum(u[p + 4], (p, 1, m - 4)) - Sum(u[q], (q, 5, m))  # 0
kink = Derivative(Abs(a), a)
chain = symbols("s0:61", real=True)
tower = Pow(2, Pow(2, Pow(2, 100, evaluate=False), evaluate=False), evaluate=False)
positive, negative = IndexedBase("P", positive=True), IndexedBase("N", integer=True, negative=True)
third, late = Rational(1, 3), a - Rational(17, 13)
large = nextprime(10**40) * nextprime(3 * 10**41)
# 0 wherever an integer is usually drawn
extended = IndexedBase("A", extended_positive=True)
late_a = Rational(17, 13)
between = (Every(x[i] >= late_a * i), Every(x[i] <= a))
part = Piecewise((1, a < 1001))
cube = (a - late_a - m + 2) ** 3 * (1 + b**2) >= 0
inner = Sum(x[p + 1], (p, q, q), (q, 1, m - 1))
below = Sum(sqrt(Sum(1, (q, p + 3, m))), (p, 1, m - 2))
free = Sum(sqrt(Sum(1, (q, p + 3, m)) + Sum(1, (w, 1, p - 1))), (p, 1, m - 2))
# the case i = k, in which no point that is drawn satisfies the conditions
same = KroneckerDelta(i, k)
never_sampled = Ge(-same * (t - late_a) ** 2, 0, evaluate=False)
negated = -(a**2 - 2) * (b**2 - 2 * b + 2)
squares = expand((a - b) ** 2 + b**2)
opposite = (a >= 0, b <= 0, Ge(same * a * b, 0, evaluate=False), never_sampled)
pressed = (Ge(same * (c - a**2), 0), Ge(same * (-c - b**2), 0), never_sampled)


def rare(e):
    """A condition under which a root of e exists."""
    return Ge(e, 0, evaluate=False)


def lemma(name):
    """A sum whose terms are sums that are not negative; ``name`` keeps two of them apart."""
    return Sum(p * Sum(name * Sum(name, (q, p + 3, m)), (name, 1, m)), (p, 1, m - 2))


hider = Mul(*(Symbol("z", integer=True) - value for value in range(-4, 10)))

# What cannot be read exactly as it is written is refused, and the sentence names the mend.
REFUSED = {
    "a real scalar in a delta": (
        (Eq(KroneckerDelta(gamma, 0) * xhat(i), 0), "gamma stands in an index position"),
        (Eq(KroneckerDelta(a, 1) * a, KroneckerDelta(a, 1)), "Symbol\\('a', integer=True\\)"),
        (Eq(KroneckerDelta(i, eps), 0), "eps stands in an index position"),
    ),
    "a real scalar in a bound": (
        (Ge(a + Sum(1, (j, 1, a)), 2), "a stands in an index position"),
        (Eq(Sum(j, (j, beta, beta)), beta), "beta stands in an index position"),
        (
            Eq(Sum(u[j], (j, 1, a + 1)), Sum(u[j], (j, 1, a)) + u[1]),
            "a stands in an index position",
        ),
    ),
    "a real scalar in an index": (
        (Eq(x[a], x[1] + 1), "a stands in an index position of x\\[a\\]"),
        (Ge(u[b / 2] ** 2, 0, evaluate=False), "b stands in an index position"),
        (Eq(x[whole / 2], x[1]), "w/2 stands in an index position"),
    ),
    "an Idx with a range of its own": (
        (
            Eq(Sum(x[Idx("r", (1, 3))], (Idx("r", (1, 3)), 1, m)), m * mu),
            "r has a range of its own",
        ),
        (Eq(x[Idx("r", (1, 1))], x[1] + 0 * a), "r has a range of its own"),
        (
            Eq(Sum(u[Idx("r", n)], (Idx("r", n), 1, m)), Sum(u[j], (j, 1, m))),
            "r has a range of its own",
        ),
    ),
    "a base that is not real": (
        (Ge(IndexedBase("U", complex=True)[i] ** 2, 0), "U is not declared real"),
        (Eq(sqrt(IndexedBase("U", complex=True)[i] ** 2), 1), "IndexedBase\\('U', real=True\\)"),
        (Ge(IndexedBase("U", imaginary=True)[i] ** 2, 0, evaluate=False), "U is not declared real"),
    ),
    "bases of one label": (
        (
            Eq(IndexedBase("B")[i], IndexedBase("B", positive=True)[i]),
            "two different bases are named B",
        ),
        (Eq(B[i], IndexedBase("B", integer=True)[i]), "two different bases are named B"),
        (Eq(B[i], IndexedBase("B", real=True, shape=(m,))[i]), "B has a shape"),
    ),
    "a name of the setting": (
        (Eq(Sum(IndexedBase("x")[j], (j, 1, m)), m * mu), "your x is not bnproof's x"),
        (Eq(Sum(1, (j, 1, Symbol("m", integer=True))), m), "your m is not bnproof's m"),
        (Ge(Symbol("v", real=True), 0), "your v is not bnproof's v"),
        (Eq(x[Symbol("i", integer=True)], x[i]), "your i is not bnproof's i"),
        (Eq(gamma, Symbol("gamma", positive=True)), "your gamma is not bnproof's gamma"),
    ),
    "two symbols of one name": (
        (Eq(Symbol("a", positive=True), a), "two different symbols are named a"),
        (Ge(Symbol("a", positive=True) + a, 0), "two different symbols are named a"),
        (Eq(Symbol("n", integer=True), n), "two different symbols are named n"),
    ),
    "forms that are not read": (
        (Eq(KroneckerDelta(i, j, (1, 3)), KroneckerDelta(j, i)), "has a range"),
        (Eq(x[i, j], x[j, i]), "x\\[i, j\\] has 2 indices"),
        (Eq(Derivative(u[i, j], u[k]), 0, evaluate=False), "u takes 2 indices in one place and 1"),
        (Eq(u[i, j], u[i]), "u takes 2 indices in one place and 1 in another"),
        (Eq(0.5 * a, a / 2 + b), "floating-point number"),
        (Eq(Sum(u[j], (j, 1, oo)), a), "an infinite sum"),
        (Eq(Symbol("c", complex=True), a), "c is not declared real"),
        (Eq(a + Wild("w"), a), "a Wild symbol"),
        (Eq(Dummy("d"), Dummy("d")), "two different symbols are named d"),
        (Eq(a > 0, b > 0), "compares statements"),
    ),
    "an entry as the variable of a sum or limit": (
        (Eq(Limit(a * u[1], u[1], 2), a * u[1]), "a limit by u\\[1\\]"),
        (Eq(Limit(mu, x[1], 2), mu), "a limit by x\\[1\\]"),
        (Eq(Limit(Abs(T - 3) / (T - 3), T, 3), 1, evaluate=False), "T, an integer, tends to 3"),
        (Eq(Sum(x[1] * x[p], (p, 1, m), (x[1], 1, 3)), a), "a sum over x\\[1\\]"),
    ),
    "numbers that are too large": (
        (Eq(a, 10**5000), "more than 3000 bits"),
        (Eq(Pow(10, 10**10, evaluate=False), 1, evaluate=False), "a power of more than 3000 bits"),
        (Ge(a, Pow(2, -(10**9), evaluate=False), evaluate=False), "a power of more than 3000 bits"),
        (Eq(tower, 1, evaluate=False), "a power of more than 3000 bits"),
        (Eq(log(1 + exp(10**6)), 10**6, evaluate=False), "a power of more than 3000 bits"),
        (Le(sin(exp(exp(Integer(20)))), 1, evaluate=False), "a power of more than 3000 bits"),
        (Gt(cosh(cosh(cosh(Integer(40)))), 1, evaluate=False), "a power of more than 3000 bits"),
        (Ge(Max(*symbols("s:18", real=True)), a, evaluate=False), "more than 20000 nodes"),
        (Ge(Max(*(x[t] for t in range(1, 21))), mu, evaluate=False), "more than 20000 nodes"),
        (Gt(2 ** (n + 10**12), 1, evaluate=False), "a power of more than 3000 bits"),
        (Eq(Sum(2**p, (p, 10**12, 10**12)), 2, evaluate=False), "a power of more than 3000 bits"),
        (Eq(Limit(2**n, n, 10**12), a, evaluate=False), "a power of more than 3000 bits"),
        (Eq(log(Pow(2, Pow(3, 30, evaluate=False), evaluate=False)), a), "more than 3000 bits"),
        (Eq(Derivative(a**20, (a, 12)), 0, evaluate=False), "a derivative of the order 12"),
    ),
    "a derivative by an integer": (
        (Eq(Derivative(v, m), 0), "a derivative by m, an integer"),
        (Eq(Derivative(n**2 * a, n), 2 * n * a), "a derivative by n, an integer"),
        (Eq(Derivative(a * whole, whole), a), "a derivative by w, an integer"),
    ),
}

# True or false for the values usually drawn; for some value it is false or has no value.


def cancelled(part):
    """``0 part = 0``, which SymPy does not see."""
    return Eq(Mul(0, part, evaluate=False), 0, evaluate=False)


edge = (a - Rational(17, 13) - m + 2) ** 3 * (1 + b**2)  # is 0 where no sampled point lies
root, slope = sqrt(edge), 3 * (a - Rational(17, 13) - m + 2) ** 2 * (1 + b**2)
beside_root = Add(a, Mul(0, root, evaluate=False), evaluate=False)
entry_root = sqrt((x[i] - Rational(17, 13) - m + 2) ** 3 * (1 + b**2))
beside_power = Add(a, Mul(0, edge ** (n / 2), evaluate=False), evaluate=False)
beside_case = Add(a, Mul(0, Piecewise((1, edge >= 0)), evaluate=False), evaluate=False)
jump = Limit(1 / (1 + a**2 * t**2), t, oo)  # 1 at a = 0, else 0
beside_limit = Add(a, Mul(0, sqrt(2 * jump - 1), evaluate=False), evaluate=False)
late_log = log(1 - KroneckerDelta(i, j) * a / 1000)
second_log = log(1 - KroneckerDelta(i, 2) * a / 1000)
far = (Every(x[i] > 0), b > 2 * c, c >= 0)

NOT_PROVED = {
    # putting a value in brings its own symbol back under a root, for ever
    "a value that rests on itself": (
        (Ge(b, 0, evaluate=False), Eq(Min(b, mu), 0), Gt(b * Min(b, mu) ** 2, -1)),
        (Ge(Min(b, v), 0, evaluate=False), Eq(Min(b, v), 0), Gt(b * Min(b, v) ** 2, 0)),
        (Ge(b, 0, evaluate=False), Eq(sqrt(mu**2 + 1), mu + a), Eq(Min(b, mu), 0)),
    ),
    # sqrt(f g) is no product of two roots where f may be 0 and g negative
    "a factor under a root that may be 0": (
        (
            Gt(sqrt(same * (a**2 - 2) * b) + 1 - same, 0),
            a**2 >= 2,
            b <= -1,
            rare(same * b * (a**2 - 2)),
        ),
        (Gt(sqrt(same * negated) + 1 - same, 0), a**2 >= 2, rare(same * negated)),
        (Gt(sqrt(expand(same * negated)) + 1 - same, 0), a**2 >= 2, rare(expand(same * negated))),
        (Gt(sqrt(same * a * b) + 1 - same, 0), *opposite),
        (Lt(sqrt(same * a * b) - 1 + same, 0), *opposite),
        (Gt(1 / (sqrt(same * a * b) + 1 - same), 0), *opposite),
        (Gt(sqrt(same * a * b) * c + 1 - same, 0), *opposite),
        (Gt(sqrt(same * squares) + 1 - same, 0), Le(same * squares, 0), never_sampled),
        (Ne(sqrt(same * squares) + 1 - same, 0), Le(same * squares, 0), never_sampled),
        (Gt(sqrt(-same * a**2 - same * b**2) + 1 - same, 0), *pressed),
        (Lt(sqrt(-same * a**2 - same * b**2) - 1 + same, 0), *pressed),
        (Gt(1 / (sqrt(-same * a**2 - same * b**2) + 1 - same), 0), *pressed),
    ),
    "a scalar beside a base of its name": (
        (Eq(u[i], 3), Eq(u_scalar, 3)),
        (Eq(hider * u[1], hider * b), Eq(u_scalar, b)),
        (Ge(u[i], 0, evaluate=False), u_scalar >= 0),
    ),
    "what cancels when SymPy rebuilds": (
        (Eq(Add(kink, -kink, evaluate=False), 0, evaluate=False),),
        (Eq(Mul(0, kink, evaluate=False), 0, evaluate=False),),
        (Eq(Add(log(a), -log(a), evaluate=False), 0, evaluate=False),),
        (Eq(Mul(a, 1 / a, evaluate=False), 1, evaluate=False),),
        (Eq(Mul(0, Limit(1 / t, t, a), evaluate=False), 0, evaluate=False),),
        (Eq(Add(x[2], -x[2], evaluate=False), 0, evaluate=False),),
        (Eq(Mul(0, sqrt(gamma), evaluate=False), 0, evaluate=False),),
    ),
    "a declared integer beyond 1..m": (
        (Ge(hider**2 * x[n] ** 2, 0, evaluate=False),),
        (Eq(hider * Sum(KroneckerDelta(j, n) * x[j], (j, 1, m)), hider * x[1]),),
        (Eq(hider * Sum(KroneckerDelta(j, n), (j, 1, m)), hider),),
        (Eq(Sum(1, (j, 1, whole)), whole),),
    ),
    "a sum that runs backwards": (
        (Eq(Sum(0 * j + 1, (j, 1, m - 2)), m - 2),),
        (Eq(Mul(0, Sum(u[j], (j, 3, n)), evaluate=False), 0, evaluate=False),),
        (Eq(hider * Sum(1, (q, p + 2, m), (p, 1, m)), hider * (m - 1) * (m - 2) / 2),),
    ),
    "pairs of what is not a product": (
        (
            Eq(
                hider * Sum(B[p, q], (q, p + 1, m), (p, 1, m)),
                hider * Sum(B[q, p], (q, p + 1, m), (p, 1, m)),
            ),
        ),
        (
            Eq(
                hider * Sum(x[p] * g[q], (q, p + 1, m), (p, 1, m)),
                hider * Sum(g[p] * x[q], (q, p + 1, m), (p, 1, m)),
            ),
        ),
        (
            Eq(
                hider * Sum(p * x[q], (q, p, m), (p, 1, m)),
                hider * Sum(p * x[q], (q, p + 1, m), (p, 1, m)),
            ),
        ),
    ),
    "an index below 1 after a shift": (
        (
            Eq(
                hider * Sum(Abs(p - 3) * u[p - 3], (p, 1, m)),
                hider * Sum((p - 3) * u[p - 3], (p, 1, m)),
            ),
        ),
        (
            Eq(
                hider * Sum(sqrt((p - 2) ** 2) * u[p - 2], (p, 1, n)),
                hider * Sum((p - 2) * u[p - 2], (p, 1, n)),
            ),
        ),
        (Ge(hider**2 * Sum((p - 2) * u[p - 2] ** 2, (p, 1, m)), 0),),
        (
            Ge(hider**2 * Sum(u[p - 1] ** 2 * u[p] ** 2, (p, 1, T)) + hider**2, 2 * hider**2),
            Eq(T, 0),
        ),
    ),
    "a condition on all entries that captures a bound name": (
        (
            Ge(hider**2 * Sum(x[p] * g[p], (p, 1, m)), hider**2),
            Every(Sum(x[p] * g[i], (p, 1, m)) >= 1),
        ),
        (
            Ge(hider**2 * Sum(x[p] ** 3, (p, 1, m)), 0),
            Every(Sum(x[p] ** 2 * x[i] + g[p] - g[i], (p, 1, m)) >= 0),
        ),
        (Eq(hider * Sum(x[p] * g[p], (p, 1, m)), hider), Every(Eq(Sum(x[p] * g[i], (p, 1, m)), 1))),
    ),
    "an index that is not affine": (
        (u[i**2 - i + 1] > 0, Every(u[i] > 0)),
        (Eq(u[i * j - i + 1], 3), Every(Eq(u[i], 3))),
        (Eq(Sum(late ** (i - i**2) * x[p], (p, 1, m)), late ** (i - i**2) * Sum(x[p], (p, 1, m))),),
    ),
    "a logarithm whose argument cancels": (
        (
            Eq(
                hider * log(sqrt(a * b) * sqrt(a * c) / a),
                hider * (log(b) / 2 + log(c) / 2 - log(a)),
            ),
            a > 0,
            b > 0,
            c > 0,
        ),
        (Eq(hider * log(sqrt(a) ** 2 / a), hider * log(1 / a)), a > 0),
        (Eq(hider * log(a * b), hider * (log(a) + log(b))), a * b > 0),
    ),
    "near the target of a limit": (
        (Eq(Sum(Limit(sign(1 - t * exp(1 / t)), t, 0, "+"), (p, 1, m - 1)), m - 1),),
        (Eq(Sum(Limit((a - b) * log(1 - t * exp(1 / t)), t, 0, "+"), (p, 1, m - 1)), 0), Eq(a, b)),
        (Eq(hider * Limit(sign(t**T - t), t, 0, "+"), hider),),
        (
            Eq(Sum(Limit(c**T + (a - b) * log(-1 - c**T), T, oo), (p, 1, m - 1)), 0),
            Eq(a, b),
            c**2 < 1,
        ),
        (Eq(Limit(Abs(sqrt(t) * (t**3 + 3)), t, 0, "-"), 0),),
    ),
    "an index with another range elsewhere": (
        (
            Eq(
                hider * Sum(Abs(u[q]), (q, 1 - p, m), (p, 0, 1)),
                hider * Sum(u[q], (q, 1 - p, m), (p, 0, 1)),
            ),
            Every(u[i] > 0),
        ),
        (Eq(hider * Sum(u[q], (q, 1 - p, m), (p, 0, 1)), hider * (10 * m + 5)), Every(Eq(u[i], 5))),
        (
            Eq(
                hider * Sum(Sum(Piecewise((x[q], q >= 3), (0, True)), (q, 4 - p, m)), (p, 1, 3)),
                hider * Sum(Sum(x[q], (q, 4 - p, m)), (p, 1, 3)),
            ),
            m >= 3,
        ),
    ),
    "a value put in before a derivative or an expected value is taken": (
        (Eq(hider * a, hider * 3 * c**2), Eq(b, c), Eq(a, Derivative(b**2 * c, b), evaluate=False)),
        (
            Eq(hider * a, hider * (b**2 + c**2 / m)),
            Eq(t, mu),
            Eq(a, E(t * x[i], b, c), evaluate=False),
        ),
        (Eq(hider * Limit(E(t * x[i], b, c), t, mu), hider * (b**2 + c**2 / m)),),
        (
            Eq(b / Derivative(a * (c - 100) - c**2 + 101 * c, a), 0, evaluate=False),
            Eq(b, 0),
            Eq(a, c),
        ),
    ),
    "an index of 0 or less under an expected value": (
        (Eq(hider * E(Sum(KroneckerDelta(p, 0) * x[p + 1], (p, 0, m - 1)), b, c), 0),),
        (
            Eq(
                hider * E(Sum(Abs(p) * x[p + 3], (p, -2, m - 3)), b, c),
                hider * E(Sum(p * x[p + 3], (p, -2, m - 3)), b, c),
            ),
        ),
        (
            Eq(
                hider * E(Sum(sign(p) * x[p + 1], (p, 0, m - 1)), b, c),
                hider * E(Sum(x[p + 1], (p, 0, m - 1)), b, c),
            ),
        ),
    ),
    "a delta outside a sum that starts at a symbol": (
        (Eq(hider * Sum(KroneckerDelta(p, 0) * u[p], (p, whole, m)), 0), whole <= -1),
        (Eq(hider * Sum(KroneckerDelta(p, -1) * p**2, (p, whole, m)), 0), whole <= -5),
        (Eq(hider * Sum(KroneckerDelta(p, -2), (p, whole, m)), 0), whole <= -3),
    ),
    "corners": (
        (
            Eq(Derivative(Piecewise((x[i] - third, x[i] >= third), (third - x[i], True)), x[i]), 1),
            x[i] >= third,
        ),
        (Eq(Derivative(Max(a, 0), a), 1), a >= 0),
        (Eq(hider * Derivative(sqrt(a**2), a), hider * sign(a)),),
        (Eq(Derivative(sqrt(a) ** 3, a), 3 * sqrt(a) / 2), a >= 0),
        (Eq(hider * Derivative(Max(a, b), a), hider),),
    ),
    "an end of the domain, cancelled in a derivative": (
        (Eq(Derivative(Add(a, root, -root, evaluate=False), a), 1), edge >= 0),
        (Eq(Derivative(Mul(root, root, evaluate=False), a), slope), edge >= 0),
        (Gt(Derivative(beside_root, a), 0, evaluate=False), edge >= 0),
        (Eq(Derivative(Mul(0, root, evaluate=False), a), 0, evaluate=False), edge >= 0),
        (
            Eq(Derivative(Add(x[i], Mul(0, entry_root, evaluate=False), evaluate=False), x[i]), 1),
            Every(entry_root**2 >= 0),
        ),
        (Eq(Derivative(beside_power, a), 1, evaluate=False), edge >= 0),
        (Eq(Derivative(beside_case, a), 1, evaluate=False), edge >= 0),
        (Eq(Limit(Derivative(beside_root, a) * t, t, 2), 2), edge >= 0),
        (Eq(Derivative(beside_limit, a), 1, evaluate=False), Eq(a, 0)),
    ),
    "a delta between free indices, cancelled": (
        (cancelled(1 / (1 - KroneckerDelta(i, j) * (a - Rational(4, 13)))),),
        (cancelled(late_log),),
        (cancelled(sqrt(1 - KroneckerDelta(i, j) * a / 1000)),),
        (Eq(Add(x[i] * x[j], late_log, -late_log, evaluate=False), x[j] * x[i], evaluate=False),),
        (cancelled(1 / (1 - Derivative(x[i] * (a - Rational(4, 13)), x[j]))),),
        (cancelled(log(1000 - E((x[i] - b) * (x[j] - b), b, c))),),
        (
            Ge(Add(x[2] ** 2, cancelled(second_log).lhs, evaluate=False), 0, evaluate=False),
            m >= 2,
        ),
        (
            cancelled(sqrt((a - 1) * KroneckerDelta(i, j))),
            Every(x[i] >= a),
            Every(x[i] ** 2 <= a),
        ),
        (Eq(Pow(log(1000 - a * KroneckerDelta(i, j)), 0, evaluate=False), 1, evaluate=False),),
    ),
    "a part of no known kind, cancelled": (
        (cancelled(CRootOf(t**2 + 1, 0)),),
        (cancelled(AccumBounds(0, 1)),),
        (cancelled(MatrixSymbol("M", 2, 2)[0, 0]),),
    ),
    "a part of an expected value that exists for the batch at hand": (
        (Eq(E(Mul(x[i], Pow(x[i], -1, evaluate=False), evaluate=False), b, c), 1), *far),
        (Eq(E(Add(x[i], sqrt(x[i]), -sqrt(x[i]), evaluate=False), b, c), b), *far),
        (Eq(E(Add(x[i], Mul(0, log(x[i]), evaluate=False), evaluate=False), b, c), b), *far),
    ),
    "conditions on one entry": (
        (mu > 0, x[i] > 0),
        (Eq(hider * v, 0), Eq(x[i], x[1])),
        (Ge(hider**2 * mu, hider**2 * c), x[k] >= c),
    ),
    "a bound name captured": (
        (Eq(hider * x[k], hider * u[k]), Eq(Sum((x[j] - u[i]) ** 2, (j, 1, m)), 0)),
        (Eq(hider * a, hider * (a + 1)), Eq(a, x[i]), Every(x[i] >= a)),
        (Eq(hider * Sum(B[p, n], (p, 1, m)), hider * Sum(B[n, n], (n, 1, m))), Eq(n, 1)),
    ),
    "what vanishes for one index alone": (
        (Eq(hider * x[k], hider * mu), Eq((x[i] - mu) ** 2, 0)),
        (Eq(hider * v, 0), Eq(Sum((x[j] - mu) ** 3, (j, 1, m)), 0)),
        (Eq(hider * a, 0), Eq(a**2 - b**2, 0)),
    ),
    "contradictory conditions": (
        (Eq(a, a + 1), a > b, b > a),
        (Eq(v, 7), Every(x[i] > x[j])),
        (Eq(mu, 1), Eq(v, 0), x[i] > mu),
    ),
    "a condition on all entries, put to entries beyond the batch": (
        (Eq(Sum(u[j], (j, -20, m)), m + 21), Every(Eq(u[i], 1))),
        (Eq(Sum(u[j], (j, 0, whole)), whole + u[0]), whole >= -1, whole <= m, Every(Eq(u[i], 1))),
        (
            Eq(Sum(u[j], (j, whole, 3)), 3 - whole + u[whole]),
            whole <= 3,
            m >= 3,
            Every(Eq(u[i], 1)),
        ),
        (Eq(Sum(Abs(u[j]), (j, -20, m)), Sum(u[j], (j, -20, m))), Every(u[i] > 0)),
    ),
    "what is decided in a range that runs backwards": (
        (Eq(Sum(KroneckerDelta(whole, 0) * u[whole], (whole, -20, m)), 0),),
        (Eq(hider * Sum(KroneckerDelta(whole, 0) * u[whole], (whole, start, m)), 0), start <= m),
        (Eq(Sum(Abs(whole), (whole, -25, m)), Sum(whole, (whole, -25, m)), evaluate=False),),
    ),
    "an entry that need not exist": (
        (Gt(a, late_a), *between, Sum((x[p + 1] - x[p]) ** 2, (p, 1, m - 1)) <= b),
        (Gt(a + later, later + late_a, evaluate=False), *between),
        (Ne(a + gone, 4), m >= 4, Every(i <= a)),
        (Eq(Mul(a - 4, 1 / (a - 4), evaluate=False), 1 + gone), m >= 4, Every(i <= a)),
        (Ge(a + later, later, evaluate=False), Every(a * (i - 1) >= 0)),
        (Gt(a + two_later, two_later + 2 * late_a, evaluate=False), *between, m >= 2),
    ),
    "a sum in a sum that need not have a term": (
        (Gt(a + inner, inner + late_a, evaluate=False), *between),
        (Gt(a, late_a), *between, Sum((x[p + 1] - x[p]) ** 2, (p, q, q), (q, 1, m - 1)) <= b),
        (Gt(a + below, below + late_a, evaluate=False), m >= 2, cube),
        (Gt(a + free, free + late_a, evaluate=False), m >= 2, cube),
        (Gt(a, late_a), m >= 2, cube, Every(x[i] + below >= 0)),
        (
            Gt(a + lemma(T) + i, late_a + lemma(n) + i, evaluate=False),
            *(m >= 2, cube, m * (m + 1) * (2 * m + 1) / 6 - i**2 > 0, i < m),
        ),
    ),
    "an index named like one that is positive": (
        (Eq(Sum(Abs(q), (q, j, m), (j, w, m)), Sum(q, (q, j, m), (j, w, m))), w <= m, m >= 10),
        (Ge(hider**2 * Sum(q * u[q] ** 2, (q, k, m), (k, -3, 1)), 0),),
        (
            Eq(
                hider * Sum(sqrt(q**2), (q, i, m), (i, -3, 1)),
                hider * Sum(q, (q, i, m), (i, -3, 1)),
            ),
        ),
    ),
    "cases that do not cover everything, or functions that are not known, cancelled": (
        (Eq(Mul(0, part, evaluate=False), 0, evaluate=False),),
        (Eq(Add(part, -part, evaluate=False), 0, evaluate=False),),
        (Eq(Mul(0, asin(a), evaluate=False), 0, evaluate=False),),
        (Eq(Piecewise((0, a < 1001), (Mul(0, asin(a), evaluate=False), True)), 0, evaluate=False),),
    ),
    "what depends on a limit's variable under a root": (
        (Eq(Limit(sqrt(1 + t ** (n - T + 9)), t, 0, "+"), 1),),
        (Eq(Limit(sqrt(t) / sqrt(Sum(sqrt(x[j] ** 2 + t**2), (j, 1, m))), t, 0), 0),),
        (
            Eq(
                Limit(
                    sqrt(1 + Sum(1 / (1 + sqrt(1 + t * (x[j] ** 2 - 2) ** 2)), (j, 1, m))), t, oo
                ),
                1,
            ),
        ),
        (Eq(Limit(sqrt(1 + Sum(exp(t), (j, 2, m)) / t), t, oo), 1),),
        (Eq(Limit(sqrt(t) / sqrt(Sum(Abs(x[j] - mu + t), (j, 1, m))), t, 0), 0), m >= 2),
    ),
}

TRUE = {
    "a case that conditions on indices exclude": (
        (Eq(s * x[i], s * x[k], evaluate=False), Eq(i, k)),
        (Eq(Sum(x[p], (p, 2, m)), m * mu - x[1]), Eq(i, k), x[i] > 0),
        (Eq(KroneckerDelta(i, k) * x[i], 0, evaluate=False), i < k),
    ),
    "a value that rests on itself": (
        (Gt(mu**2, -(a**2) - 1, evaluate=False), Eq(sqrt(mu**2 + 1), mu + a)),
        (Ge(a**2, 0, evaluate=False), Eq(Min(b, mu), 0), Ge(b * Min(b, mu) ** 2, 0)),
        (Ge(b**2, 0, evaluate=False), Eq(Min(b, mu), 0), Gt(b * Min(b, mu) ** 2, -1)),
    ),
    "powers with exponents that start elsewhere": (
        (Eq(Mul(a**n, a**T, evaluate=False), a ** (n + T), evaluate=False),),
        (Eq(2**m * 2**T, 2 ** (m + T)),),
        (Eq(a ** (n + T - 1) * a, a**n * a**T),),
    ),
    "a factor's sign behind the product's": (
        (b > 0, a * b > 0, a > 0),
        (b < 0, a * b < 0, a > 0),
        (c > 0, a * b * c > 0, b > 0, a > 0),
    ),
    "a derivative of what exists around the point": (
        (Eq(Derivative(beside_root, a), 1, evaluate=False), edge > 0),
        (Eq(Derivative(Mul(root, root, evaluate=False), a), slope), edge > 0),
        (
            Eq(Derivative(Add(a, Mul(0, sqrt(b), evaluate=False), evaluate=False), a), 1),
            b >= 0,
        ),
        (Eq(Derivative(a**n, a), n * a ** (n - 1)), a > 0),
    ),
    "v + eps > 0 without x in the statement": (
        (eps > 0, Eq(m, 1)),
        (m >= 2, Eq(eps, 0)),
        (Ne(m, 1), Eq(eps, 0)),
    ),
    "a limit whose target is a symbol": (
        (Eq(Limit(a * b, b, c), a * c),),
        (Eq(Limit((t**2 - a**2) / (t - a), t, a, "+-"), 2 * a),),
        (Eq(Limit(sqrt(t + c), t, a), sqrt(a + c)), a + c > 0),
    ),
    "a scalar beside a base of its name": (
        (Eq(u[i] * u_scalar, 3 * u[i]), Eq(u_scalar, 3)),
        (Ge(u[i] ** 2 * u_scalar, 0), u_scalar >= 0),
        (Eq(Sum(u[j] + u_scalar, (j, 1, m)), Sum(u[j], (j, 1, m)) + m * b), Eq(u_scalar, b)),
    ),
    "a declared integer": (
        (Eq(Sum(KroneckerDelta(j, n) * x[j], (j, 1, m)), x[n]), n <= m),
        (Eq(Sum(KroneckerDelta(j, n), (j, 1, m)), 0), n > m),
        (Ge(n - 1, 0, evaluate=False),),
        (whole >= 1, whole > 0),
    ),
    "a large fixed size": (
        (Eq(KroneckerDelta(m, 45) * (m - 45), 0),),
        (Eq(Sum(j + a, (j, 1, 10**6)), 500000500000 + 10**6 * a),),
        (Eq(Sum(x[j], (j, 1, m)), 12 * mu), Eq(m, 12)),
    ),
    "conditions on every entry": (
        (mu > 0, Every(x[i] > 0)),
        (Eq(v, 0), Every(Eq(x[i], x[j]))),
        (Eq(x[k], c), Every(Eq(x[i], c)), x[i] > 5),
        (mu > 0, Every(x[i] > 0), Eq(i, 3)),
    ),
}

NOT_REFUTED = {
    "a size that is given two values": (Eq(c, 0), Eq(m, 2 + c * exp(-150)), m <= 2, m >= 2),
    "a symbol that is no integer": (
        *(Ne(a, 2, evaluate=False), Eq(Symbol("ni", real=True, noninteger=True), log(exp(a) + b))),
        Eq(b, 0),
    ),
    "a symbol that is given two values": (Eq(c, 0), Eq(a, 1), Eq(a, 1 + c * exp(-150))),
    "values that rest on each other": (Eq(c, 0), Eq(a, exp(b)), Eq(b, log(a) + c * exp(-150))),
    "a base whose entries are positive": (Ge(extended[i], 0, evaluate=False),),
    "a symbol that is algebraic": (Ne(b, 1), Eq(Symbol("al", algebraic=True, real=True), exp(b))),
    "a power that grows past a threshold": (Eq(Limit(sign(2**n - 20), n, oo), 1),),
    "a power that grows past a case": (Eq(Limit(Piecewise((1, 2**n > 20), (0, True)), n, oo), 1),),
    "a polynomial of a high degree": (Ge(m**50 * n**50 * k**50 * j**50 - a, 0),),
    "many signs": (Ge(Add(*map(sign, symbols("s1:10"))) * b**2 + 10 * b**2 + c**2, 0),),
    "a high moment": (Eq(E((x[i] + x[j]) ** 24, b, c), 0),),
    "a condition that two intervals allow": (Eq(a, 0), Eq(1 + a * exp(-150), 1)),
    "a condition that holds nearly": (Le(a, b), Le(tanh(150 * a), tanh(150 * b))),
    "a case that an interval allows": (Eq(Piecewise((1, tanh(150 * a) >= 1), (0, True)), 0),),
    "a case distinction at a double zero": (
        Eq(Limit(Piecewise((1, t**2 > 0), (0, True)), t, 0), 1),
    ),
    "a derivative at a double zero": (Eq(Derivative(Piecewise((a, a**2 > 0), (0, True)), a), 1),),
    "a derivative by an exponent": (Eq(Derivative(2**a, a), 2**a * log(2)),),
    "a limit of a power of 0": (Eq(Limit(0**t, t, 0), 0),),
    "a power that is not linear": (Eq(Limit(1 / (1 + 2**n * (2**n - 1) * (2**n - 2)), n, oo), 0),),
    "a delta in a limit": (Eq(Limit(KroneckerDelta(n, m) * x[1], n, oo), 0),),
    "entries that have to be negative": (Sum(negative[p], (p, 1, m)) < 0,),
    "a batch that is too large to write out": (Eq(x[10**20], 0), Eq(m, 10**20)),
    "an exponential that is large": (Eq(log(1 + exp(200)), 200, evaluate=False),),
    "entries that have to be positive": (
        Le(Sum(positive[p] ** 2, (p, 1, m)), 25),
        Eq(Sum(positive[p], (p, 1, m)), 5),
    ),
    "an irrational value of a negative symbol": (
        c < 0,
        Eq(Symbol("d", negative=True), sqrt(2) * c),
    ),
    "a case distinction in a limit": (Eq(Limit(Piecewise((a, t > b), (c, True)), t, b, "+"), a),),
    "a derivative in a limit": (Eq(Limit(Derivative(Abs(t), t), t, 0, "+"), 1),),
    "a number that is hard to factor": (Ge(sqrt(large * a) + b**2, 0, evaluate=False), a > 0),
    "a power that a bound makes too large": (Gt(2**n, 1, evaluate=False), n >= 10**12),
    "a batch that makes a power too large": (Eq(2 * 2**m, 2 ** (m + 1)), m >= 10**12),
    "a base that a condition makes a number": (
        Gt(a**n, -1, evaluate=False),
        n >= 10**12,
        Eq(a, 2),
    ),
    "a power of powers of an entry": (Ge(nest(to_the_200th, x[1], 5), 0, evaluate=False),),
    "a power of powers of a scalar": (Ge(nest(to_the_200th, a * b, 5), 0, evaluate=False),),
    "a square of squares": (Ge(nest(lambda e: Pow(e, 2, evaluate=False), a, 60), 0),),
    "a sum from far below": (Eq(Sum(u[p], (p, -(10**12), -(10**12))), u[-(10**12)]),),
    "a factorial of a large number": (
        Eq(factorial(10**12, evaluate=False), factorial(10**12, evaluate=False), evaluate=False),
    ),
    "a factorial that a condition makes large": (Ge(factorial(n), 1), Eq(n, 10**7)),
    "the inverse of many roots": (
        Eq(1 / Add(*(sqrt(prime(number)) for number in range(1, 14))), a, evaluate=False),
        Eq(a, 1 / Add(*(sqrt(prime(number)) for number in range(1, 14))), evaluate=False),
    ),
    "an exponent between two bounds": (
        Ge(2**n, 0, evaluate=False),
        n >= 10**12,
        n <= 10**12,
    ),
    "a power that is too long": (
        Eq(
            (a + b + c + t + eps) ** 40 * a,
            (a + b + c + t + eps) ** 39 * (a**2 + a * (b + c) + a * (t + eps)),
        ),
    ),
}

MALFORMED = {
    "parts that are shared many times": (
        lambda: prove(Eq(nest(lambda e: Add(e, e, evaluate=False), a, 20), b, evaluate=False)),
        Unreadable,
        "more than 20000 nodes",
    ),
    "a power that a chain of conditions makes too large": (
        lambda: prove(Ge(2**n, 0, evaluate=False), Eq(n, q**12), Eq(q, 10)),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "powers along a chain of conditions": (
        lambda: prove(
            Eq(chain[0], 0), *(Eq(s, t**2) for s, t in pairwise(chain)), Eq(chain[-1], 2)
        ),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "an exponential under a maximum that a condition makes too large": (
        lambda: prove(Ge(Max(sin(exp(a)), 0), 0, evaluate=False), Eq(a, 10**7)),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "a remainder by what a condition makes 0": (
        lambda: prove(Eq(Mod(a, b, evaluate=False), 0, evaluate=False), Eq(b, 0)),
        Undecided,
        "Modulo by zero",
    ),
    "a condition on a remainder by 0": (
        lambda: prove(Ge(a**2, 0, evaluate=False), Eq(Mod(a, b), 0, evaluate=False), Eq(b, 0)),
        Undecided,
        "Modulo by zero",
    ),
    "an induction from a remainder by 0": (
        lambda: prove(Eq(Mod(a, T), 0, evaluate=False), by=Induction(T)),
        Undecided,
        "SymPy cannot follow it|not",
    ),
    "a power that a condition makes too large": (
        lambda: prove(Ge(2**n, 0, evaluate=False), Eq(n, 10**12)),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "a root that conditions make too large": (
        lambda: prove(Eq(sqrt(b) ** n, 0, evaluate=False), Eq(b, 4), Eq(n, T), Eq(T, 10**12)),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "an exponential that a condition makes too large": (
        lambda: prove(Eq(exp(a * log(2)), b, evaluate=False), Eq(a, 10**12)),
        Unreadable,
        "a power of more than 3000 bits",
    ),
    "what SymPy cannot evaluate": (
        lambda: prove(Eq(a, Mod(a, 0, evaluate=False), evaluate=False)),
        Unreadable,
        "Modulo by zero",
    ),
    "an order that SymPy cannot evaluate": (
        lambda: prove(
            Eq(
                Piecewise((1, Ge(cancelled(b).lhs, 0, evaluate=False)), (2, True), evaluate=False),
                1,
                evaluate=False,
            )
        ),
        Unreadable,
        "SymPy cannot evaluate it",
    ),
    "a Python bool": (lambda: prove(xhat(i) == 0), TypeError, r"write Eq\(a, b\)"),
    "a bool of NumPy": (lambda: prove(SimpleNamespace(dtype="bool")), TypeError, "of NumPy's"),
    "None for an index": (
        lambda: prove(Eq(x[None], 0, evaluate=False)),
        Unreadable,
        "holds None, which is no SymPy expression",
    ),
    "None in a condition": (
        lambda: prove(Eq(a, 0, evaluate=False), Eq(x[None], 0, evaluate=False)),
        Unreadable,
        "holds None",
    ),
    "None in a witness": (
        lambda: prove(Ge(a, 0, evaluate=False), by=Remainder(x[None])),
        Unreadable,
        "holds None",
    ),
    "None under Every": (lambda: Every(Eq(x[None], i, evaluate=False)), TypeError, "of SymPy's"),
    "a name of several lines": (
        lambda: prove(Eq(Symbol("a\nb", real=True), 0, evaluate=False)),
        Unreadable,
        "has several lines",
    ),
    "a base with a name of several lines": (
        lambda: prove(Eq(IndexedBase("a\nb", real=True)[i], 0, evaluate=False)),
        Unreadable,
        "has several lines",
    ),
    "a list of conditions": (lambda: prove(Eq(a, b), [Eq(a, b)]), TypeError, "one by one"),
    "a witness that is none": (
        lambda: prove(Ge(a**2, 0, evaluate=False), by="me"),
        TypeError,
        "takes a witness",
    ),
    "a witness for a conjunction": (
        lambda: prove(
            And(Ge(a**2, 0, evaluate=False), Ge(b**2, 0, evaluate=False)), by=Remainder(a**2)
        ),
        Undecided,
        "one by one",
    ),
    "Every as a statement": (lambda: prove(Every(x[i] > 0)), TypeError, "no statement"),
    "Every inside a condition": (
        lambda: prove(mu > 0, Or(Every(x[i] > 0), a > 0)),
        Unreadable,
        "of its own",
    ),
    "Every without an index": (lambda: Every(a > 0), ValueError, "none of the indices"),
    "Every of an expression": (lambda: Every(x[i]), TypeError, "takes a relation"),
    "a derivative of symbolic order": (
        lambda: prove(Eq(Derivative(a**3, (a, n)), 0)),
        Unreadable,
        "order",
    ),
    "a text": (lambda: prove("a > b"), TypeError, "'a > b' is a text"),
    "a text for a condition": (lambda: prove(Eq(v, 0), "m >= 2"), TypeError, "'m >= 2' is a text"),
    "no condition": (lambda: prove(Eq(v, 0), m), TypeError, "m is no condition"),
    "induction over a text": (lambda: Induction("T"), TypeError, "runs over a symbol"),
    "increasing in nothing": (lambda: Increasing(None, 1), TypeError, "runs over a symbol"),
    "lemmas that are none": (lambda: Increasing(a, 1, (5,)), TypeError, "a tuple of lemmas"),
    "Every over a text": (lambda: Every(x[i] > 0, "i"), TypeError, "runs over indices"),
    "Every over a term": (lambda: Every(x[i] > 0, i + 1), TypeError, "runs over indices"),
    "Every over what does not occur": (
        lambda: prove(mu > 0, Every(x[i] > 0, j)),
        Unreadable,
        "j does not occur",
    ),
    "what SymPy cannot rebuild": (
        lambda: prove(Eq(Limit(Max(sqrt(t), 2), t, 0, "-"), 2)),
        Undecided,
        "SymPy cannot follow it",
    ),
    "a derivative of a limit": (
        lambda: prove(Eq(Derivative(Limit(a * t, t, 3), a), 3)),
        Undecided,
        "a derivative of a limit",
    ),
}


def cases(table):
    """Every statement of every mechanism, with a name."""
    return [
        pytest.param(one, id=f"{name} {number}")
        for name, all_ in table.items()
        for number, one in enumerate(all_)
    ]


@pytest.mark.parametrize("mechanism", [*REFUSED, *NOT_PROVED, *TRUE])
def test_a_mechanism_has_three_statements(mechanism):
    """Each mechanism is shown by at least three different statements."""
    assert len({**REFUSED, **NOT_PROVED, **TRUE}[mechanism]) >= 3


@pytest.mark.parametrize("refused", cases(REFUSED))
def test_what_has_two_readings_is_refused(refused):
    """One sentence names the symbol and what to write."""
    statement, sentence = refused
    with pytest.raises(Unreadable, match=sentence) as error:
        prove(statement)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("claim", cases(NOT_PROVED))
def test_nothing_false_or_undefined_is_proved(claim):
    """What is false, or has no value, somewhere is refuted or left undecided."""
    with pytest.raises((Refuted, Undecided)):
        prove(*claim)


@pytest.mark.parametrize("claim", cases(TRUE))
def test_true_neighbours_are_proved(claim):
    """What stands next to a trap and is true is proved, at exact points too."""
    assert prove(*claim).points > 0


@pytest.mark.parametrize("claim", NOT_REFUTED.values(), ids=NOT_REFUTED)
def test_what_is_true_is_never_refuted(claim):
    """Proved or undecided, and soon."""
    with suppress(Undecided):
        assert prove(*claim).points > 0


@pytest.mark.parametrize(("attempt", "error", "sentence"), MALFORMED.values(), ids=MALFORMED)
def test_malformed_input_gets_one_sentence(attempt, error, sentence):
    """Neither a traceback from within nor a proof: one line that says what to do."""
    with pytest.raises(error, match=sentence) as caught:
        attempt()
    assert "\n" not in str(caught.value)


def test_the_message_tells_one_entry_from_all():
    """A condition on the entry of a free index is easily taken for one on all entries."""
    with pytest.raises(Refuted, match=r"write Every\(x\[i\] > 0\)"):
        prove(mu > 0, x[i] > 0)


def test_a_fraction_for_an_index_is_never_an_entry():
    """Half of an index is no index."""
    with pytest.raises(Unreadable):
        prove(Eq(x[i * Rational(1, 2)], x[1]))


def test_the_standard_deviation_is_positive_without_saying():
    """``v + eps > 0`` is assumed of every batch."""
    assert prove(Ge(s, 0, evaluate=False)).points > 0
    with pytest.raises(Refuted):
        prove(v > 0)
