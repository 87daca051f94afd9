"""Entries, indices and Kronecker deltas: what lies in ``1..m``, what is equal, what holds for all.

An index is an integer expression, affine in index symbols and sizes: ``i``, ``3``, ``m + 1 - j``.
The free indices ``i, j, k`` lie in ``1..m``, a summation index between its bounds. Whether an index
term is an entry for every batch size, and whether two of them can be equal, is decided by the least
value that an affine expression takes over these ranges.

Conditions on all entries (``Every``) are put to each index term that turns up, one after the other,
so that only finitely many instances of them are ever formed.

Start reading at :meth:`Entries.rewrite_entry` and :meth:`Entries.is_at_least_zero`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

from sympy import Dummy, Eq, Expr, Indexed, Integer, KroneckerDelta, Limit, Sum, Symbol

from bnproof.symbolic.equations import Equations
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.reading import FREE, Part, find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.setting import Every, m
from bnproof.symbolic.signsets import NONNEGATIVE, OF_RELATION, find_assumed_signs

# Index terms that conditions on all entries are put to. A condition that mentions other entries or
# sums brings up further terms with each instance, and one with two indices is put to all pairs of
# terms. Beyond this number nothing more is learned of entries, which leaves statements undecided
# and makes none wrong.
MOST_INSTANCES = 40


class Entries(Equations):
    """Generators for entries and Kronecker deltas.

    The class knows how indices lie, and leaves the rewriting of whole expressions to its subclasses
    (:class:`~bnproof.symbolic.power_sums.PowerSums`,
    :class:`~bnproof.symbolic.normal_form.NormalForm`).

    Parameters
    ----------
    ranges
        The bounds of the summation indices of a question.

    Attributes
    ----------
    ranges
        The bounds of the summation indices, in the order in which they were met.
    size
        The batch size: ``m``, or what the case at hand replaces it by.
    batches
        The bases with an entry whose index runs through ``1..m``.
    distinct
        The index terms that differ pairwise in the case at hand.
    every
        The conditions on all entries.
    """

    def __init__(self, ranges: dict[Symbol, tuple[Expr, Expr]] | None = None) -> None:
        super().__init__()
        self.ranges = dict(ranges or {})
        self.size: Expr = m
        self.batches: frozenset[Expr] = frozenset()
        self.distinct: frozenset[Expr] = frozenset()
        self.every: list[Every] = []
        # conditions on all entries that are being put to an index term, one inside the other
        self._inside = 0
        self._seen: list[Expr] = []  # index terms the conditions on all entries have been put to

    def normal_form(self, e: Expr) -> Quotient:
        """Rewrite an expression into generators.

        Raises
        ------
        Undecided
            Where the expression is not known to exist, or is beyond the normal form.
        """
        raise NotImplementedError

    def square_root(self, radicand: Quotient, shown: Expr) -> Quotient:
        """Take a root; raises ``Undecided`` where the radicand is not known to be non-negative.

        Parameters
        ----------
        radicand
            What is under the root, in generators.
        shown
            The same as it is written, where its sign may show better.
        """
        raise NotImplementedError

    def exists(self, part: Part, replace: dict[Expr, Expr]) -> None:
        """Make sure that a part of a statement exists.

        Parameters
        ----------
        part
            An expression that SymPy might cancel, or parts that have to exist near a limit or
            around a point.
        replace
            What the conditions put in for symbols.

        Raises
        ------
        Undecided
            Where it is not known to exist.
        """
        raise NotImplementedError

    def change_factors(self, q: Quotient, change: Callable[[Expr], Expr]) -> Quotient:
        """Change what every generator of a quotient stands for, and rewrite it.

        This is how another index is put into a summand that is in normal form already.

        Parameters
        ----------
        q
            The quotient.
        change
            What to do with the expression that a generator stands for. Equal expressions must give
            equal results.

        Raises
        ------
        Undecided
            Where a changed denominator is not known to differ from 0. What did not vanish for one
            index may vanish for another.
        """
        ring = self.ring
        total = self.number(0)
        for exponents, coefficient in ring.lift(q.top).terms():
            term = self.polynomial(ring.constant(coefficient))
            for place, exponent in enumerate(exponents):
                if exponent:
                    term = term * self._change_generator(place, change) ** exponent
            total = total + term
        for number, exponent in q.below.items():
            factor = ring.factors[number]
            below = self.change_factors(self.polynomial(factor), change)
            total = total * self.check_divisor(below, ring.expression(factor)).inverse() ** exponent
        return total

    def _change_generator(self, place: int, change: Callable[[Expr], Expr]) -> Quotient:
        before = self.ring.meaning[place]
        after = change(before)
        return self.resolve_place(place) if after == before else self.normal_form(after)

    # -- integers ----------------------------------------------------------------------------------

    def lower_bound(self, exponent: Expr) -> int | None:
        """Find a lower bound of an integer expression that is affine in sizes and indices.

        Returns
        -------
        int or None
            A number that the expression never falls below, for all values of the indices in it;
            ``None`` where none is known. It need not be attained.
        """
        # an index is no symbol with a bound of its own: it goes to an end of its range first
        e = self._minimise_indices(exponent)
        if e is None:
            return None
        least = 0
        for term in e.as_ordered_terms():
            coefficient, symbol = term.as_coeff_Mul()
            bound = 1 if symbol == 1 else self.signs.lower_bound(symbol)
            # only lower bounds of symbols are known, so a negative coefficient gives none for the
            # term
            if bound is None or (symbol != 1 and coefficient < 0) or not coefficient.is_Integer:
                return None
            least += int(coefficient) * bound
        return least

    def _minimise_indices(self, e: Expr) -> Expr | None:
        """Put each index of an affine expression to the end of its range that makes it least.

        Returns ``None`` for an expression that is not affine in its indices.
        """
        e = e.expand()
        # inner sums first: the ends of their ranges may hold the indices of the sums around them
        for index in [*reversed(self.ranges), *FREE]:
            if index not in e.free_symbols:
                continue
            slope = e.coeff(index)
            if slope == 0 and index not in _find_outside_symbols(e):
                continue  # the size of a part, n[k]
            rest = (e - slope * index).expand()
            if slope == 0 or not slope.is_number or index in rest.free_symbols:
                return None  # i - i^2 and i - n[i] are not affine
            low, high = self.ranges.get(index, (Integer(1), self.size))
            e = e.xreplace({index: low if slope > 0 else high}).expand()
        return e

    def is_at_least_zero(self, e: Expr) -> bool:
        """Tell whether an integer expression is known not to be negative, for all values of its
        indices.

        The expression is taken at the ends of the ranges where it is least. What is left holds
        sizes only, and its sign is asked for, with a certificate if need be. ``False`` means that
        nothing is known.
        """
        if e.is_Integer:
            return bool(e >= 0)
        extreme = self._minimise_indices(e)
        if extreme is None:
            return False
        if extreme.is_Integer:
            return bool(extreme >= 0)
        return self.signs.shows(self.normal_form(extreme), NONNEGATIVE)

    def lies_within(self, index: Expr, low: Expr, high: Expr) -> bool:
        """Tell whether an index is known to lie in ``low..high`` for all values it takes."""
        # the usual case, without any search for signs
        if self.ranges.get(index) == (low, high) or (
            index in FREE and (low, high) == (1, self.size)
        ):
            return True
        return self.is_at_least_zero(index - low) and self.is_at_least_zero(high - index)

    # -- entries -----------------------------------------------------------------------------------

    def rewrite_entry(self, e: Indexed) -> Quotient:
        """Rewrite an entry as its generator, or as the value that a condition gives it.

        An index term that is met for the first time is put into the conditions on all entries
        before that.
        """
        indices = tuple(index.expand() for index in e.indices)
        if self.every and len(indices) == 1 and indices[0] not in self._seen:
            self._instantiate(indices[0])
        return self.atom(e.base[indices], find_assumed_signs(e))

    def _instantiate(self, term: Expr) -> None:
        """Put an index term into the conditions on all entries.

        Nothing happens for a term that is not known to lie in ``1..m``, or whose summation indices
        may take no value at all.
        """
        if not self.lies_within(term, Integer(1), self.size) or not self.occurs(term):
            return
        self._seen.append(term)
        if len(self._seen) > MOST_INSTANCES:
            return
        # the index of a sum that stands in a condition: a condition with sums would go on without
        # end
        simple = self._inside and self.ranges.keys() & term.free_symbols
        # instances are rewritten into generators, which may bring up further index terms
        self._inside += 1
        try:
            for condition in self.every:
                if not (simple and condition.relation.has(Sum, Limit)):
                    for relation in self._list_instances(condition, term):
                        self._assume_instance(relation, term)
        finally:
            self._inside -= 1

    def occurs(self, e: Expr) -> bool:
        """Tell whether the summation indices in an expression are known to take some value.

        What is found out about an expression in a sum holds for each of its terms. If there may be
        none, something could follow from it in which the index no longer occurs, and that would be
        false. So nothing is learned for good but where every range is known to hold an index, and
        so are the ranges of the indices that its ends depend on. A sum from 1 to a negative end,
        which stands for entries at ``end + 1..0``, is left out by this as well.
        """
        indices, left = set[Symbol](), [e]
        while left:
            new = find_numbers(left.pop()) & self.ranges.keys() - indices
            indices |= new
            left += [end for index in new for end in self.ranges[index]]
        ranges = (self.ranges[index] for index in indices)
        return all(self.is_at_least_zero(high - low) for low, high in ranges)

    def _assume_instance(self, relation: Expr, term: Expr) -> None:
        """Learn what one instance of a condition on all entries says."""
        if isinstance(relation, Eq):
            self._assume_entry(relation, term)
        else:
            difference = self.normal_form(relation.lhs) - self.normal_form(relation.rhs)
            self.signs.learn(difference, OF_RELATION[relation.rel_op])

    def _list_instances(self, condition: Every, term: Expr) -> Iterator[Expr]:
        """List the instances of a relation that a new index term takes part in.

        With several indices the term is combined with itself and with each term met before. Bound
        symbols get new names: a term that is put in may be one of them, and their ranges may
        change.
        """
        relation = condition.relation
        bound = [limit[0] for e in relation.atoms(Sum) for limit in e.limits]
        bound += [e.args[1] for e in relation.atoms(Limit)]
        for chosen in product(self._seen, repeat=len(condition.indices)):
            if term in chosen:
                afresh = {symbol: Dummy(symbol.name, **symbol.assumptions0) for symbol in bound}
                put = afresh | dict(zip(condition.indices, chosen, strict=True))
                yield relation.func(*(side.xreplace(put) for side in relation.args), evaluate=False)

    def _assume_entry(self, equation: Eq, term: Expr) -> None:
        """Solve an equation for all entries for the entry itself, where that is possible."""
        difference = self.normal_form(equation.lhs) - self.normal_form(equation.rhs)
        top = self.ring.reduce_roots(self.ring.lift(self.substitute_solved(difference).top))
        for place in self.ring.list_places(top):
            meaning = self.ring.meaning[place]
            if (
                isinstance(meaning, Indexed)
                and meaning.indices == (term,)
                and self.solve(top, place)
            ):
                return
        # an equation of a summation index holds inside its sum only, and is not kept for outside
        if not self.ranges.keys() & term.free_symbols:
            self.assume(difference)

    # -- deltas ------------------------------------------------------------------------------------

    def rewrite_delta(self, e: KroneckerDelta) -> Quotient:
        """Rewrite a Kronecker delta as 0 or 1, or as a generator where it holds a summation index.

        Raises
        ------
        Undecided
            For free indices that may be equal or not. The cases of a statement are split so that
            this does not happen for the indices that it compares.
        """
        first, second = (a.expand() for a in e.args)
        difference = (first - second).expand()
        if difference.is_Integer:
            return self.number(int(difference == 0))
        if self.distinct.issuperset((first, second)):
            return self.number(0)
        # the sum over the index contracts it
        if difference.free_symbols & self.ranges.keys():
            return self.atom(KroneckerDelta(first, second), NONNEGATIVE)
        if self.differ(first, second):
            return self.number(0)
        raise Undecided(f"{text(e)}: whether its indices are equal is not known")

    def differ(self, first: Expr, second: Expr) -> bool:
        """Tell whether two index terms are known to differ for all values of their indices."""
        return self.is_at_least_zero(first - second - 1) or self.is_at_least_zero(
            second - first - 1
        )


def _find_outside_symbols(e: Expr) -> set[Symbol]:
    """The symbols of an integer expression that stand outside entries, such as ``k`` but not in
    ``n[k]``."""
    return {
        symbol
        for term in e.as_ordered_terms()
        if not term.has(Indexed)
        for symbol in term.free_symbols
    }
