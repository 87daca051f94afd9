"""What symbols are read as, and what is refused because it has two readings or none."""

import pytest
from sympy import (
    Derivative,
    Eq,
    Ge,
    Idx,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Pow,
    Rational,
    Sum,
    Symbol,
    oo,
    zoo,
)

from bnproof.symbolic import Unreadable, eps, g, i, k, m, x
from bnproof.symbolic.symbols import LARGEST_ORDER, LONGEST, Symbols

a, b = Symbol("a", real=True), Symbol("b", real=True)
p = Symbol("p")
n = Symbol("n", integer=True)
u = IndexedBase("u", real=True)


def collect(*expressions):
    """The symbols of some expressions."""
    symbols = Symbols()
    for e in expressions:
        symbols.collect(e)
    return symbols


def test_plain_symbols_are_read_as_real_numbers():
    """Under a dummy of the same name with the assumptions that were declared."""
    plain, odd = Symbol("c"), Symbol("o", odd=True)
    meaning = collect(plain + odd + a + eps).meaning
    assert meaning.keys() == {plain}
    assert meaning[plain].is_real
    assert (meaning[plain].name, meaning[plain].is_integer) == ("c", None)
    commuting = Symbol("d", finite=True)
    assert collect(commuting).meaning[commuting].is_finite


def test_a_base_and_a_symbol_of_one_name_are_told_apart():
    """The label of a base is a symbol to SymPy; as a number it is read as another one."""
    label = Symbol("u", real=True)
    symbols = collect(u[i] + label)
    assert symbols.meaning[label] != label
    assert u not in symbols.meaning
    plain = IndexedBase("w")
    assert collect(plain[i]).meaning[plain].is_real


def test_an_idx_is_read_as_an_integer():
    """The same dummy in every statement."""
    index = Idx("r")
    first, second = collect(u[index]), collect(u[index + 1] * a)
    assert first.meaning[index] == second.meaning[index]
    assert first.meaning[index].is_integer


def test_free_symbols_are_collected_and_bound_ones_are_not():
    """In the order in which they are met; a bound of a sum is outside of it."""
    symbols = collect(Sum(a * u[p], (p, 1, n)) + Limit(b * p, p, oo), KroneckerDelta(i, k))
    assert set(symbols.scalars) == {n, a, b, i, k}
    assert symbols.bases == {"u": u}
    assert set(collect(Sum(a, (n, 1, m))).scalars) == {a, m}
    assert set(collect(Sum(1, (n, 1, n))).scalars) == {n}


REFUSED = {
    "a number that is too long": (Integer(2) ** LONGEST + a, f"more than {LONGEST} bits"),
    "a denominator that is too long": (a / (Integer(2) ** LONGEST), f"more than {LONGEST} bits"),
    "a matrix that is a vector": (u[i, k] - u[i], "u takes 2 indices in one place"),
    "an order that is too high": (Derivative(a**9, (a, LARGEST_ORDER + 1)), "they go up to"),
    "a derivative by an integer": (Derivative(n * a, n), "a derivative by n, an integer"),
    "infinity": (a + oo * b, "no real number"),
    "complex infinity": (zoo, "no real number"),
    "a limit by an entry": (Limit(x[1] * a, x[1], 0), "a limit by x"),
    "a sum to infinity": (Sum(u[p], (p, 1, oo)), "an infinite sum"),
    "a real index": (u[a], "a stands in an index position of u"),
    "half of an index": (Sum(u[n / 2], (n, 1, m)), "not known to be an integer"),
    "a limit variable for an index": (Limit(u[p], p, 0), "not known to be an integer"),
    "two indices of g": (g[i, k], "has 2 indices, and g takes one"),
    "a base with a shape": (IndexedBase("s1", shape=(3,))[1], "leave it out"),
    "a float": (a + 0.5, "write it as a Rational"),
    "compared statements": (Eq(a > 0, b > 0, evaluate=False), "compares statements"),
}


@pytest.mark.parametrize(("e", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_in_one_line(e, sentence):
    """The sentence names what stands there."""
    with pytest.raises(Unreadable, match=sentence) as refused:
        collect(e)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "e",
    [
        (Integer(2) ** (LONGEST - 1)) * a,
        Pow(1, LONGEST**2, evaluate=False) + Pow(2, LONGEST // 2, evaluate=False),
        Derivative(a**9, (a, LARGEST_ORDER)),
        Limit(a * b, a, -oo),
        Limit(u[n], n, oo),
        Sum(u[p + 1], (p, 1, m)),
        u[2 * n + 1],
        x[Rational(4, 2)],
        Ge(a, b, evaluate=False),
    ],
)
def test_what_stands_just_inside_is_read(e):
    """Next to each refusal there is a form that is read."""
    assert collect(e).scalars is not None


def test_two_symbols_of_one_name_are_refused_across_expressions():
    """In the statement and in a condition, say; one symbol may come twice."""
    collect(a > 0, a < 1)
    with pytest.raises(Unreadable, match="two different symbols are named a"):
        collect(a > 0, Symbol("a", positive=True) < 1)
    with pytest.raises(Unreadable, match="two different bases are named u"):
        collect(u[1], IndexedBase("u", positive=True)[1])
    with pytest.raises(Unreadable, match="your m is not bnproof's m"):
        collect(Symbol("m", integer=True) + 1)
