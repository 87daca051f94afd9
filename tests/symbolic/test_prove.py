"""``prove``: the three outcomes, and every trap that once let a false statement through."""

import pytest
from sympy import (
    Abs,
    Add,
    And,
    Derivative,
    Eq,
    Function,
    Ge,
    Idx,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Mul,
    Ne,
    Or,
    Piecewise,
    Rational,
    Sum,
    Symbol,
    false,
    oo,
    sign,
    sqrt,
    symbols,
    true,
)

from bnproof.symbolic import (
    Batch,
    Proof,
    Refuted,
    Undecided,
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
    y,
)
from bnproof.symbolic.expectation import E
from bnproof.symbolic.normal_form import NormalForm
from bnproof.symbolic.reading import read

a, b, c = symbols("a b c")
M, sigma = symbols("M sigma", real=True)
n = Symbol("n", integer=True, positive=True)
T = Symbol("T", integer=True, nonnegative=True)
u, w = IndexedBase("u", real=True), IndexedBase("w", real=True)
# 0 wherever an integer is usually drawn
N = Mul(*(Symbol("z", integer=True) - q for q in range(-2, 6)))
loss = Sum(g[j] * y(j), (j, 1, m))
scaled = Batch(lambda r: a * x[r])


def total(summand, index=i):
    """The sum over the batch."""
    return Sum(summand, (index, 1, m))


TRUE = {
    "the example of the contract": (Eq(total(xhat(i)), 0),),
    "weighted sum of xhat": (
        Eq(total(g[i] * xhat(i)), total(g[i] * x[i]) / s - mu * total(g[i]) / s),
    ),
    "Jacobian, both index cases": (
        Eq(
            Derivative(y(i), x[k]),
            gamma / s * (KroneckerDelta(i, k) - 1 / m - xhat(i) * xhat(k) / m),
        ),
    ),
    "sum over the differentiation index": (Eq(total(Derivative(loss, x[k]), k), 0),),
    "derivative of the variance": (Eq(total(x[k] * Derivative(v, x[k]), k), 2 * v),),
    "mixed second derivative": (
        Eq(Derivative(v, x[i], x[k]), 2 * (KroneckerDelta(i, k) - 1 / m) / m),
    ),
    "double sum": (Eq(Sum((x[i] - x[j]) ** 2, (i, 1, m), (j, 1, m)), 2 * m**2 * v),),
    "Bessel given m >= 2": (Eq(m / (m - 1) * v, total((x[i] - mu) ** 2) / (m - 1)), m >= 2),
    "scale, a > 0, eps = 0": (Eq(scaled.y(i), y(i)), a > 0, Eq(eps, 0)),
    "scale, any a, eps scaled": (
        Eq(scaled.xhat(i), sign(a) * xhat(i).subs(eps, eps / a**2)),
        Ne(a, 0),
    ),
    "partial sum": (Eq(Sum(x[i], (i, 1, m - 1)), m * mu - x[m]),),
    "partial sum of a delta": (
        Eq(Sum(KroneckerDelta(k, j), (k, 1, m - 1)), 1 - KroneckerDelta(j, m)),
    ),
    "from the second entry": (Eq(Sum(x[i], (i, 2, m)), m * mu - x[1]),),
    "one value": (Eq(y(i), beta), Eq(m, 1)),
    "two values, eps = 0": (Eq(xhat(1) ** 2, 1), Eq(m, 2), Eq(eps, 0)),
    "linear hypotheses": (
        Eq(total((KroneckerDelta(i, j) - 1 / m - xhat(i) * xhat(j) / m) * w[j], j), w[i]),
        Eq(total(w[j], j), 0),
        Eq(total(w[j] * x[j], j), 0),
    ),
    "equal entries": (Eq(xhat(i), xhat(k)), Eq(x[i], x[k])),
    "limit": (
        Eq(Limit(v / (v + 1 / Symbol("q", positive=True)), Symbol("q", positive=True), oo), 1),
        v > 0,
    ),
    "one-sided limit": (Eq(Limit(v / (v + eps), eps, 0, "+"), 1), v > 0),
    "power with a symbolic exponent": (
        Eq(
            Sum((1 - a) ** (T + 1 - n) * u[n], (n, 1, T + 1)),
            (1 - a) * Sum((1 - a) ** (T - n) * u[n], (n, 1, T)) + u[T + 1],
        ),
    ),
    "Faulhaber": (Eq(total(i**2), m * (m + 1) * (2 * m + 1) / 6),),
    "inequality": ((m - 1) * v >= 0,),
    "a hidden number": (Ge((a + b - 1) ** 2, 0, evaluate=False), Eq(a + b, 1)),
    "variance at most the second moment": (Ge(total(x[i] ** 2) / m, v),),
    "a user's plain base": (Eq(total(IndexedBase("b")[i] + 1), total(IndexedBase("b")[i]) + m),),
    "an Idx": (Eq(Sum(x[Idx("r", (1, m))], (Idx("r", (1, m)), 1, m)), m * mu),),
    "a plain index": (Eq(Sum(x[Symbol("r")], (Symbol("r"), 1, m)), m * mu),),
    "same name bound twice": (Eq(Sum(x[i] * Sum(x[i], (i, 1, m)), (i, 1, m)), m**2 * mu**2),),
    "Piecewise of SymPy's own": (Eq(Sum(KroneckerDelta(i, k) * g[i], (i, 1, m)).doit(), g[k]),),
    "true": (true,),
    "a conjunction": (And(Eq(total(xhat(i)), 0), Eq(total(y(i)), m * beta)),),
}

FALSE = {
    "s squared for s": (
        Eq(total(g[i] * xhat(i)), total(g[i] * x[i]) / s**2 - mu * total(g[i]) / s**2),
    ),
    "scale with eps": (Eq(scaled.y(i), y(i)), a > 0),
    "scale for any a": (Eq(scaled.y(i), y(i)), Ne(a, 0), Eq(eps, 0)),
    "true up to m = 8": (Eq(Mul(*(m - q for q in range(1, 9))) * v, 0),),
    "true only at m = 1": (Eq(y(i), beta),),
    "true only at i = k": (Eq(Derivative(x[i], x[k]), 1),),
    "true only off the diagonal": (Eq(Derivative(x[i], x[k]), 0),),
    "false only at gamma = 0": (Eq(sign(gamma) ** 2, 1),),
    "false only at v = 0": (Ne(v, 0),),
    "the mean's term dropped": (
        Eq(Derivative(loss, x[k]), gamma / s * (g[k] - xhat(k) * total(g[j] * xhat(j), j) / m)),
    ),
    "unbiased variance": (Eq(total(xhat(i) ** 2), (m - 1) * v / (v + eps)),),
    "a captured index": (Eq(total(w[k, j], k), total(w[k, k], k)),),
    "a bound name used outside": (Eq(Abs(a) + Sum(x[a], (a, 1, m)), a + m * mu),),
    "strict inequality": (v > 0,),
    "false": (false,),
}

NOT_PROVED = {
    "undefined at m = 1": (Eq(m / (m - 1) * v, total((x[i] - mu) ** 2) / (m - 1)),),
    "undefined at v = 0": (Eq(total((x[i] - mu) ** 2) / (m * v), 1),),
    "unevaluated a/a": (Eq(Mul(a, 1 / a, evaluate=False), 1),),
    "a conjunction that hides a division": (
        And(
            Eq(Mul(a, 1 / a, evaluate=False), 1, evaluate=False),
            Eq(total(x[i]), m * mu, evaluate=False),
        ),
    ),
    "unevaluated difference": (
        Eq(Add(1 / (m - 1), -1 / (m - 1), evaluate=False), Integer(0), evaluate=False),
    ),
    "a division hidden by a condition": (Eq(a * b / c, a), Eq(b, c)),
    "a condition put in before the derivative": (Eq(Derivative(N * a, b), 2 * N), Eq(a, 2 * b)),
    "a captured index, times 0 at most integers": (
        Eq(N * total(w[k, j], k), N * total(w[k, k], k)),
    ),
    "an entry that need not exist": (Eq(x[2] + a, a + x[2], evaluate=False),),
    "a second derivative by an entry that need not exist": (
        Eq(Derivative(mu**2, x[1], x[2]), 2 / m**2),
    ),
    "a limit of a sum in its own bound": (
        Eq(Limit(total(x[j] * g[j], j), m, oo), total(x[j] * g[j], j)),
    ),
    "a limit through a point where it jumps": (Eq(Limit(v / (v + 1 / n), n, oo), 1), m >= 2),
    "a free integer taken for an index": (Eq(Piecewise((1, n <= m), (0, True)), 1), m >= 5),
    "a size that no index shows": (
        Eq(KroneckerDelta(i, k) * Sum(j, (j, 1, 3)) / (m - 1), 6 * KroneckerDelta(i, k) / (m - 1)),
        Or(m >= 3, a > 100),
    ),
    "a root of what may be negative": (Eq(sqrt(x[i]) * 2 + a, a + 2 * sqrt(x[i]), evaluate=False),),
    "0^0 split apart": (Eq(a ** (T - n) * a**n, a**T),),
    "an unknown function": (Eq(Function("f")(a) + 1, 1 + Function("f")(a), evaluate=False),),
    "a condition put into an expected value": (
        Eq(N * (E(a * x[1], M, sigma) - M**2 - sigma**2 / m), 0),
        Eq(a, mu),
    ),
    "a derivative that need not exist, cancelled": (
        Eq(Derivative(sqrt(a - 1), a) * sqrt(a - 1) * b, b / 2),
        a >= 1,
        Eq(b, 1),
    ),
    "a derivative that need not exist, times 0": (
        Eq((b - 1) * Derivative(sqrt(a - 1), a), 0),
        a >= 1,
        Eq(b, 1),
    ),
    "a limit that need not exist, times 0": (Eq((b - 1) * Limit(a**n, n, oo), 0), Eq(b, 1)),
    "a division inside a limit": (Eq(Limit(a / (b - 3) + 1 / n, n, oo), 1), Eq(a, b - 3)),
    "a division inside a limit that a condition cancels": (
        Eq(Limit((a * n + a) / ((b - 3) * n + b - 3), n, oo), 1),
        Eq(a, b - 3),
    ),
    "a sum that may run backwards, times 0": (Eq((b - 1) * Sum(1, (i, 1, T - 1)), 0), Eq(b, 1)),
    "an entry that cancels on the way in": (
        Eq(Add(x[5], -x[5], evaluate=False), 0, evaluate=False),
    ),
    "an entry of a shorter base": (Ge(total(w[i] ** 2) + w[5] ** 2, 0, evaluate=False),),
    "a delta of the batch size": (
        Eq(N * (KroneckerDelta(m, 1) * a + KroneckerDelta(m, 2) * KroneckerDelta(m, 3)), 0),
    ),
    "a limit from two sides that differ": (Eq(N * Limit(Abs(a) / a, a, 0, "+-"), 0),),
    "contradictory conditions": (Eq(a, 5), a > 0, a < 0),
}


@pytest.mark.parametrize("claim", TRUE.values(), ids=TRUE)
def test_true_statements_are_proved(claim):
    """A true statement comes back as a proof that was also checked at exact points."""
    proof = prove(*claim)
    assert isinstance(proof, Proof)
    assert proof.points > 0, "the independent check found no point to evaluate at"


@pytest.mark.parametrize("claim", FALSE.values(), ids=FALSE)
def test_false_statements_are_refuted(claim):
    """A false statement is refuted at a small exact point with both sides evaluated and
    different."""
    with pytest.raises(Refuted) as refuted:
        prove(*claim)
    counterexample = refuted.value.counterexample
    assert counterexample.m >= 1
    assert counterexample.lhs != counterexample.rhs or claim[0].rel_op != "=="


@pytest.mark.parametrize("claim", NOT_PROVED.values(), ids=NOT_PROVED)
def test_what_is_undefined_or_unknown_is_not_proved(claim):
    """A statement that need not exist, or that nothing decides, never comes back as a proof."""
    with pytest.raises((Undecided, Refuted)):
        prove(*claim)


def test_the_batch_size_does_not_matter_to_the_proof():
    """The counterexample search stops at m = 9 for a claim that holds up to m = 8."""
    with pytest.raises(Refuted) as refuted:
        prove(*FALSE["true up to m = 8"])
    assert refuted.value.counterexample.m == 9


def test_a_proof_reads_as_one():
    """The printed proof names the range of m, the statement by name, the rules and the check."""
    shown = str(prove(*TRUE["weighted sum of xhat"]))
    assert "every batch size m >= 1" in shown
    assert "sum_i g[i]*xhat[i] = " in shown
    assert "left minus right: 0" in shown
    assert "exact arithmetic" in shown


def test_a_refutation_shows_exact_numbers():
    """The message holds the statement, the point and both sides."""
    with pytest.raises(
        Refuted,
        match=r"is false at m = \d+, g = \(.*\), x = \(.*\), eps = .*: left side .*, right side",
    ):
        prove(*FALSE["s squared for s"])


def test_undecided_says_what_stands_in_the_way():
    """The reason names the quantity one may not divide by."""
    with pytest.raises(Undecided, match="division by m - 1"):
        prove(*NOT_PROVED["undefined at m = 1"])


@pytest.mark.parametrize("nonsense", [3, x[i]])
def test_what_is_no_statement_is_refused(nonsense):
    """Numbers and expressions are no statements: one line says what to write."""
    with pytest.raises(TypeError, match="write an equation such as"):
        prove(nonsense)


def test_multiple_sums_capture_no_index():
    """A three-fold sum in either order has one normal form, and a transposed entry another."""
    p, q, r = symbols("p q r", integer=True, positive=True)
    A = IndexedBase("A", real=True)

    def normal(summand, *order):
        question = read(Eq(Sum(summand, *((index, 1, m) for index in order)), 0, evaluate=False))
        return form.normal_form(question.statement.lhs).expression()

    form = NormalForm()
    chain, transposed = x[p] * w[q] * A[p, q] * A[q, r], x[p] * w[q] * A[p, q] * A[r, q]
    assert normal(chain, p, q, r) == normal(chain, r, q, p) == normal(chain, q, p, r)
    assert normal(chain, p, q, r) != normal(transposed, p, q, r)


def test_fractions_are_exact():
    """A refutation in rationals stays in rationals."""
    with pytest.raises(Refuted) as refuted:
        prove(Eq(a / 3, a * Rational(33, 100)))
    assert str(refuted.value.counterexample.lhs).replace("-", "").replace("/", "").isdigit()


@pytest.mark.parametrize("last", [m - 1, m])
def test_an_empty_sum_checks_nothing(last):
    """Where the summand can be evaluated nowhere, the point m = 1, at which the sum is empty, is no
    check of the proof."""
    nested = sqrt(1 + sqrt(3 + 3 * x[j] ** 2))  # 3 (1 + x^2) is no square of a rational number
    sides = (2 * Sum(nested, (j, 1, last)), Sum(2 * nested, (j, 1, last)))
    with pytest.raises(Undecided, match="the exact check has to pass: a root of a root"):
        prove(Eq(*sides, evaluate=False))
