"""The linear expectation functional on power sums, for every batch size.

A polynomial in the entries is written as multiple sums of products ``x[a] x[b] ...``; each product
is replaced by its moment, with a Kronecker delta for every pair of entries that may be one and the
same:

    E[x_a rest] = M E[rest] + sigma^2 sum_b delta_ab E[rest without x_b].

Up to degree two this needs no more than uncorrelated entries; beyond, it is Stein's lemma for
independent normal ones (Isserlis 1918 for the fourth moment).

The result holds no expected value any more. Its sums and deltas are then left to the normal form,
like those of any other expression. Start reading at ``take_expectation``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sympy import (
    Add,
    Derivative,
    Dummy,
    Expr,
    Indexed,
    Integer,
    KroneckerDelta,
    Mul,
    Pow,
    Sum,
    Symbol,
)

from bnproof.symbolic.differentiation import differentiate
from bnproof.symbolic.expectation import Expectation, degree
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import x

# Terms of a product under an expected value. More are refused, with ``Undecided``, before they fill
# the memory.
MOST_TERMS = 2_000

Range = tuple[Symbol, Expr, Expr]


@dataclass(frozen=True)
class Term:
    """``coefficient sum_ranges x[entries[0]] x[entries[1]] ...``: one product of entries, summed.

    Attributes
    ----------
    coefficient
        A factor that holds no entry of x. It may depend on the indices of ``ranges``.
    entries
        The indices of the entries, one for each factor. An index may occur more than once.
    ranges
        The sums around the product, the innermost first, as ``(index, low, high)``.
    """

    coefficient: Expr
    entries: tuple[Expr, ...] = ()
    ranges: tuple[Range, ...] = ()

    def __mul__(self, other: Term) -> Term:
        product = self.coefficient * other.coefficient
        return Term(product, self.entries + other.entries, self.ranges + other.ranges)


def take_expectation(e: Expectation) -> Expr:
    """The expected value without ``Expectation``: sums of deltas and moments.

    Parameters
    ----------
    e
        ``E(f, M, sigma)`` or ``NormalE(f, M, sigma)`` with a polynomial f in the entries of x.

    Returns
    -------
    Expr
        An expression in M, sigma, Kronecker deltas and sums, equal to ``E[f]`` for every batch
        size.

    Raises
    ------
    Undecided
        Where f is no polynomial in the entries, is of a higher degree than the presumptions of
        ``e`` decide, or has too many terms.
    """
    f, mean, std = e.args
    # The degree of the written form, before anything is multiplied out: that is cheap.
    highest = degree(f)
    if highest is not None and highest > e.most:
        raise Undecided(
            f"{text(e)}: of degree {highest}, where {type(e).__name__} goes to {e.most}"
        )
    return Add(*(_take_moment(term, mean, std, e) for term in expand_terms(f)))


def _take_moment(term: Term, mean: Expr, std: Expr, e: Expectation) -> Expr:
    """The expected value of one term: its moment, summed over the ranges of the term."""
    # Beyond its degree the rule would presume more than the class states, which would be unsound.
    # So every term is counted here once more.
    if len(term.entries) > e.most:
        raise Undecided(
            f"{text(e)}: of degree {len(term.entries)}, where {type(e).__name__} goes to {e.most}"
        )
    summand = term.coefficient * moment(term.entries, mean, std)
    return Sum(summand, *term.ranges) if term.ranges else summand


def moment(entries: tuple[Expr, ...], mean: Expr, std: Expr) -> Expr:
    """``E[x_a x_b ...]`` for the given indices.

    Parameters
    ----------
    entries
        The indices ``a, b, ...``. Two of them may be equal or not; a Kronecker delta tells them
        apart.
    mean, std
        The mean M and the standard deviation sigma of every entry. Only even powers of sigma enter.

    Notes
    -----
    The recursion of the module takes one entry out at a time. There is one summand for each way to
    join some of the entries in pairs, so five entries, the most that ``NormalE`` takes, give 26.
    """
    if not entries:
        return Integer(1)
    first, *rest = entries
    total = mean * moment(tuple(rest), mean, std)
    for place, other in enumerate(rest):
        without = tuple(rest[:place] + rest[place + 1 :])
        total += std**2 * KroneckerDelta(first, other) * moment(without, mean, std)
    return total


def expand_terms(e: Expr) -> list[Term]:
    """A polynomial in the entries of x as a sum of terms, every summation index fresh.

    Parameters
    ----------
    e
        An expression of sums, products and powers. What holds no entry of x may be anything.

    Returns
    -------
    list of Term
        Terms whose sum is ``e``.

    Raises
    ------
    Undecided
        Where ``e`` is no polynomial in the entries, and where it has too many terms.
    """
    if not _has_entries(e):
        return [Term(e)]
    match e:
        case Indexed():
            return [Term(Integer(1), (e.indices[0],))]
        case Add():
            return [term for a in e.args for term in expand_terms(a)]
        case Mul():
            return _multiply_terms([expand_terms(a) for a in e.args])
        case Pow() if e.exp.is_Integer and e.exp > 0:
            return _multiply_terms([expand_terms(e.base) for _ in range(int(e.exp))])
        # A bound that depends on an entry is random itself.
        case Sum() if not any(_has_entries(end) for limit in e.limits for end in limit[1:]):
            return _expand_sum(e)
    raise Undecided(
        f"the expected value of {text(e)}, which is no polynomial in the entries of the batch"
    )


def _has_entries(e: Expr) -> bool:
    """Whether an entry of the batch ``x`` occurs, also inside a sum."""
    return any(entry.base == x for entry in e.atoms(Indexed))


def _multiply_terms(factors: list[list[Term]]) -> list[Term]:
    """The product of several sums of terms, multiplied out."""
    result = [Term(Integer(1))]
    for factor in factors:
        if len(result) * len(factor) > MOST_TERMS:
            raise Undecided(f"an expected value of more than {MOST_TERMS} terms")
        result = [a * b for a in result for b in factor]
    return result


def _expand_sum(e: Sum) -> list[Term]:
    """A sum as terms, with a new dummy for each of its indices.

    In a square the same sum is expanded twice. With one name for both indices ``(sum_j x_j)^2``
    would turn into ``sum_j x_j^2``.
    """
    fresh = {
        index: Dummy(index.name, integer=True, **({"positive": True} if low.is_positive else {}))
        for index, low, _ in e.limits
    }
    ranges = tuple(
        (fresh[index], low.xreplace(fresh), high.xreplace(fresh)) for index, low, high in e.limits
    )
    return [
        Term(t.coefficient, t.entries, (*t.ranges, *ranges))
        for t in expand_terms(e.function.xreplace(fresh))
    ]


def take_all(e: Expr) -> Expr:
    """The expression with its derivatives and expected values taken, before anything is put into
    it.

    A value that is put in for a variable first would be a constant to both. Derivatives are taken
    first, then expected values. Raises ``Undecided`` where one of them cannot be taken.
    """
    e = e.replace(lambda n: isinstance(n, Derivative), differentiate)
    return e.replace(lambda n: isinstance(n, Expectation), take_expectation)
