"""Rational functions over Q whose generators are added as they are met.

A :class:`Quotient` is ``numerator / prod factor^exponent``.  Its numerator is a sparse polynomial
over Q, and the factors of its denominator are irreducible polynomials that the :class:`Ring` keeps
in one list, so that adding two quotients needs no greatest common divisor and cancelling is a trial
division by each factor.  The polynomials are those of FLINT: on the polynomials of the book they
multiply and factor 30 to 50 times as fast as SymPy's.

A quotient is only ever made where its denominator is known not to vanish. Whoever calls ``inverse``
has to have shown that; nothing here looks at signs.
"""

from __future__ import annotations

from copy import copy
from functools import cache
from math import comb

from flint import Ordering, fmpq, fmpq_mpoly, fmpq_mpoly_ctx
from sympy import Add, Expr, Mul, Pow, Rational

from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.signsets import ANY, SignSet

# Terms of a power that is multiplied out: the n-th power of t terms has up to comb(t + n - 1, n).
MOST_TERMS = 10_000
# Products of terms in one multiplication, which is what its time grows with.
MOST_PRODUCTS = 4_000_000
# Generators a ring starts with room for. Exponents are tuples of this length, so a large ring slows
# everything down, and growing copies every polynomial in use.
ROOM = 24


@cache
def _context(room: int) -> fmpq_mpoly_ctx:
    return fmpq_mpoly_ctx.get([f"t{place}" for place in range(room)], Ordering.lex)


@cache
def _variables(room: int) -> tuple[fmpq_mpoly, ...]:
    return tuple(_context(room).gens())


class Ring:
    """The generators, what each stands for, the signs declared of it, and the relations of roots.

    Attributes
    ----------
    room
        How many generators the polynomials have room for at the moment.
    meaning
        The SymPy expression that each generator stands for, by its place.
    declared
        The signs that each generator is known to have whatever the conditions say, by its place.
    factors
        The irreducible polynomials that occur in denominators. A quotient names them by their
        number in this list.
    relations
        ``{place: base}`` for a root r with ``r^2 = base``. Roots under a root come before it.
    """

    def __init__(self) -> None:
        self.room = ROOM
        self.meaning: list[Expr] = []
        self.declared: list[SignSet] = []
        self.factors: list[fmpq_mpoly] = []
        self.relations: dict[int, fmpq_mpoly] = {}
        self._place: dict[Expr, int] = {}

    def fork(self) -> Ring:
        """A copy that can get more generators without this one knowing."""
        other = copy(self)
        for name, table in vars(self).items():
            if isinstance(table, (list, dict)):
                setattr(other, name, copy(table))
        return other

    def place(self, stands_for: Expr, signs: SignSet = ANY) -> int:
        """The place of the generator that stands for an expression; a new one where there is none.

        Parameters
        ----------
        stands_for
            The expression. Expressions that SymPy takes for equal get the same generator.
        signs
            The signs it is known to have. For a generator that exists they narrow what was known.

        Notes
        -----
        When the room is used up it doubles. The factors and relations are lifted at once; a
        polynomial elsewhere is lifted when it is used next.
        """
        if stands_for not in self._place:
            self._place[stands_for] = len(self.meaning)
            self.meaning.append(stands_for)
            self.declared.append(signs)
            if len(self.meaning) > self.room:
                self.room *= 2
                self.factors = [self.lift(factor) for factor in self.factors]
                self.relations = {place: self.lift(base) for place, base in self.relations.items()}
        elif signs != ANY:
            # Both are true of the expression, so the signs are in the intersection.
            self.declared[self._place[stands_for]] &= signs
        return self._place[stands_for]

    def find_place(self, stands_for: Expr) -> int | None:
        """The place of a generator that exists already, or ``None``."""
        return self._place.get(stands_for)

    def lift(self, poly: fmpq_mpoly) -> fmpq_mpoly:
        """A polynomial from before the ring grew, in the ring as it is."""
        context = _context(self.room)
        # Contexts are cached by their size, so identity is enough and costs nothing.
        if poly.context() is context:
            return poly
        padding = (0,) * (self.room - poly.context().nvars())
        return context.from_dict({tuple(exponents) + padding: c for exponents, c in poly.terms()})

    def variable(self, place: int) -> fmpq_mpoly:
        """The generator at a place as a polynomial."""
        return _variables(self.room)[place]

    def constant(self, number: fmpq | int) -> fmpq_mpoly:
        """A number as a polynomial."""
        return _context(self.room).constant(number)

    def from_terms(self, terms: dict[tuple[int, ...], fmpq]) -> fmpq_mpoly:
        """A polynomial from its coefficients by exponents.

        Parameters
        ----------
        terms
            Coefficients by tuples of exponents, one for each generator there is room for.
        """
        return _context(self.room).from_dict(terms)

    def generator(self, stands_for: Expr, signs: SignSet = ANY) -> Quotient:
        """The generator that stands for an expression, as a quotient."""
        return Quotient(self, self.variable(self.place(stands_for, signs)))

    def number(self, number: Rational | int) -> Quotient:
        """A rational number, as a quotient."""
        value = fmpq(int(number.p), int(number.q)) if isinstance(number, Rational) else fmpq(number)
        return Quotient(self, self.constant(value))

    def register_factor(self, factor: fmpq_mpoly) -> int:
        """The number of an irreducible polynomial in the list of factors; it is added where it is
        new.

        The polynomial has to be as FLINT's factoring returns it, with its content split off.
        Otherwise the same factor would count as two.
        """
        for number, known in enumerate(self.factors):
            if known == factor:
                return number
        self.factors.append(factor)
        return len(self.factors) - 1

    def list_places(self, poly: fmpq_mpoly) -> list[int]:
        """The places of the generators that occur in a polynomial."""
        return [place for place, degree in enumerate(poly.degrees()) if degree > 0]

    def split_powers(self, poly: fmpq_mpoly, place: int) -> dict[int, fmpq_mpoly]:
        """The coefficients of the powers of one generator.

        Returns
        -------
        dict
            ``{n: p_n}`` with ``poly = sum_n p_n t^n``, where no ``p_n`` holds the generator t.
        """
        parts: dict[int, dict[tuple[int, ...], fmpq]] = {}
        for exponents, coefficient in self.lift(poly).terms():
            without = (*exponents[:place], 0, *exponents[place + 1 :])
            parts.setdefault(exponents[place], {})[without] = coefficient
        return {exponent: self.from_terms(part) for exponent, part in parts.items()}

    def reduce_roots(self, poly: fmpq_mpoly) -> fmpq_mpoly:
        """The polynomial with ``r^n`` of every root written ``base^(n // 2) r^(n % 2)``: it has
        the same value."""
        # The youngest root first: what stands under it may hold older roots, which are reduced
        # after it.
        for place in reversed(self.relations):
            poly = self.lift(poly)
            if poly.degrees()[place] < 2:
                continue
            base, root = self.relations[place], self.variable(place)
            parts = self.split_powers(poly, place).items()
            poly = sum(
                (part * base ** (n // 2) * root ** (n % 2) for n, part in parts), self.constant(0)
            )
        return poly

    def expression(self, poly: fmpq_mpoly) -> Expr:
        """A polynomial as SymPy writes it."""
        return Add(*(self._term(exponents, coefficient) for exponents, coefficient in poly.terms()))

    def _term(self, exponents: tuple[int, ...], coefficient: fmpq) -> Expr:
        """One monomial as SymPy writes it."""
        powers = [Pow(self.meaning[place], n) for place, n in enumerate(exponents) if n]
        return Mul(Rational(int(coefficient.p), int(coefficient.q)), *powers)


class Quotient:
    """``numerator / prod factor^exponent``; every factor is known to differ from zero.

    Attributes
    ----------
    ring
        The ring of its generators.
    top
        The numerator. It may still be in the ring as it was before it grew.
    below
        ``{number: exponent}``: the factors of the denominator by their number in ``ring.factors``,
        with positive exponents.
    """

    __slots__ = ("below", "ring", "top")

    def __init__(self, ring: Ring, top: fmpq_mpoly, below: dict[int, int] | None = None) -> None:
        self.ring, self.top, self.below = ring, top, below or {}

    def _lift(self) -> fmpq_mpoly:
        """The numerator in the ring as it is."""
        self.top = self.ring.lift(self.top)
        return self.top

    def __add__(self, other: Quotient) -> Quotient:
        mine, others = self._lift(), other._lift()
        if self.below == other.below:
            return Quotient(self.ring, mine + others, self.below).cancel()
        # The least common denominator: each factor with the larger exponent.
        below = dict(self.below)
        for number, exponent in other.below.items():
            below[number] = max(exponent, below.get(number, 0))
        for number, exponent in below.items():
            factor = self.ring.factors[number]
            if missing := exponent - self.below.get(number, 0):
                mine = mine * factor**missing
            if missing := exponent - other.below.get(number, 0):
                others = others * factor**missing
        return Quotient(self.ring, mine + others, below).cancel()

    def __neg__(self) -> Quotient:
        return Quotient(self.ring, -self._lift(), self.below)

    def __sub__(self, other: Quotient) -> Quotient:
        return self + (-other)

    def __mul__(self, other: Quotient) -> Quotient:
        below = dict(self.below)
        for number, exponent in other.below.items():
            below[number] = below.get(number, 0) + exponent
        first, second = self._lift(), other._lift()
        if len(first) * len(second) > MOST_PRODUCTS:
            raise Undecided(f"a product of polynomials with {len(first)} and {len(second)} terms")
        return Quotient(self.ring, first * second, below).cancel()

    def __pow__(self, exponent: int) -> Quotient:
        if comb(max(len(self.top), 1) + exponent - 1, exponent) > MOST_TERMS:
            raise Undecided(f"the power {exponent} of a polynomial with {len(self.top)} terms")
        # To the power 0 the denominator is gone, and ``0^0`` is 1.
        below = {number: n * exponent for number, n in self.below.items() if exponent}
        # Nothing cancels in a power that did not cancel in the base, since the factors are
        # irreducible.
        return Quotient(self.ring, self._lift() ** exponent, below)

    def cancel(self) -> Quotient:
        """The same value with every factor that divides the numerator taken out."""
        if not self.below:
            return self
        if self.top == 0:
            return Quotient(self.ring, self.top)
        top, below = self.top, {}
        for number, exponent in self.below.items():
            factor = self.ring.factors[number]
            # One factor at a time: trial division tells at once where it stops dividing.
            while exponent:
                quotient, rest = divmod(top, factor)
                if rest != 0:
                    break
                top, exponent = quotient, exponent - 1
            if exponent:
                below[number] = exponent
        return Quotient(self.ring, top, below)

    def inverse(self) -> Quotient:
        """``1/self``; that the numerator differs from zero has been shown before.

        The numerator is factored, and its irreducible factors are registered with the ring.
        """
        content, factors = self._lift().factor()
        top = self.ring.constant(1 / content)
        for number, exponent in self.below.items():
            top = top * self.ring.factors[number] ** exponent
        below = {self.ring.register_factor(factor): int(exponent) for factor, exponent in factors}
        return Quotient(self.ring, top, below)

    @property
    def bottom(self) -> fmpq_mpoly:
        """The denominator, multiplied out."""
        product = self.ring.constant(1)
        for number, exponent in self.below.items():
            product = product * self.ring.factors[number] ** exponent
        return product

    @property
    def constant(self) -> fmpq | None:
        """The value where it is a rational number, else ``None``.

        A number that only the relations of roots show to be one, such as ``r^2`` for ``r^2 = 2``,
        does not count.
        """
        if self.below or not self._lift().is_constant():
            return None
        return self.top.leading_coefficient() if self.top != 0 else fmpq(0)

    @property
    def is_zero(self) -> bool:
        """Whether the numerator is 0 as a polynomial."""
        return bool(self.top == 0)

    def reduce_roots(self) -> Quotient:
        """The same value with no power of a root beyond the first in the numerator."""
        # A relation may bring in a factor of the denominator, so this cancels once more.
        return Quotient(self.ring, self.ring.reduce_roots(self._lift()), self.below).cancel()

    def list_places(self) -> set[int]:
        """The places of the generators that occur, in the numerator or the denominator."""
        occurring = set(self.ring.list_places(self._lift()))
        for number in self.below:
            occurring.update(self.ring.list_places(self.ring.factors[number]))
        return occurring

    def expression(self) -> Expr:
        """The quotient as SymPy writes it, term by term."""
        ring = self.ring
        below = [Pow(ring.expression(ring.factors[number]), -n) for number, n in self.below.items()]
        if not below:
            return ring.expression(self._lift())
        return Add(*(Mul(ring._term(*term), *below) for term in self._lift().terms()))


def pad_exponents(exponents: tuple[int, ...], room: int) -> tuple[int, ...]:
    """The exponents of a monomial in a ring that has grown since.

    Parameters
    ----------
    exponents
        One exponent for each generator there was room for.
    room
        How many generators there is room for now.
    """
    return exponents + (0,) * (room - len(exponents))
