"""Which signs an expression can have, given the conditions: sets of -1, 0, 1, never a guess.

A sign is read off a polynomial whose terms are all visibly non-negative, or off a condition it is a constant
multiple of.  What cannot be shown stays ``ANY``, and the prover then refuses to divide by it.
"""

from __future__ import annotations

from sympy import Dummy, Expr, Poly, Symbol, factor_list, fraction, together
from sympy.polys.polyerrors import PolificationFailed

SignSet = frozenset[int]
POSITIVE, NEGATIVE, ZERO = frozenset({1}), frozenset({-1}), frozenset({0})
NONNEGATIVE, NONZERO, ANY = frozenset({0, 1}), frozenset({-1, 1}), frozenset({-1, 0, 1})


def product(a: SignSet, b: SignSet) -> SignSet:
    """The signs a product can have."""
    return frozenset(p * q for p in a for q in b)


def power(a: SignSet, exponent: int) -> SignSet:
    """The signs of an integer power (a negative exponent: of the reciprocal, where it exists)."""
    return frozenset(p if exponent % 2 else abs(p) for p in a)


def declared(generator: Expr) -> SignSet:
    """The signs SymPy's assumptions leave to a generator."""
    signs = set(ANY)
    if generator.is_nonnegative:
        signs.discard(-1)
    if generator.is_nonpositive:
        signs.discard(1)
    if generator.is_zero is False:
        signs.discard(0)
    return frozenset(signs)


class Signs:
    """What is known of signs: lower bounds of integers, and polynomials whose signs the conditions give."""

    def __init__(self) -> None:
        self.lower: dict[Symbol, int] = {}
        self.facts: list[tuple[Expr, SignSet]] = []
        self._known: dict[Expr, SignSet] = {}

    def least(self, symbol: Symbol) -> int | None:
        """The greatest known lower bound of an integer symbol."""
        known = self.lower.get(symbol)
        if known is None and symbol.is_integer:
            known = 1 if symbol.is_positive else 0 if symbol.is_nonnegative else None
        return known

    def fork(self) -> Signs:
        """A copy that can learn more without this one knowing."""
        other = Signs()
        other.lower, other.facts = dict(self.lower), list(self.facts)
        return other

    def learn(self, e: Expr, signs: SignSet) -> None:
        """Take it as known that the sign of the rational expression ``e`` lies in ``signs``."""
        numerator, denominator = fraction(together(e))
        below = self.of(denominator)
        self._known.clear()
        if len(below) == 1:
            self._learn_polynomial(numerator, product(signs, below))
        elif signs == NONZERO:
            self._learn_polynomial(numerator, signs)

    def _learn_polynomial(self, e: Expr, signs: SignSet) -> None:
        if self._learn_bound(e, signs):
            return
        coefficient, factors = factor_list(e)
        if signs == NONZERO or len(factors) == 1:
            for factor, exponent in factors:
                if signs == NONZERO:
                    self.facts.append((factor, NONZERO))
                elif exponent == 1:
                    self.facts.append((factor, signs if coefficient > 0 else product(signs, NEGATIVE)))
                elif 0 not in signs:
                    self.facts.append((factor, NONZERO))
        elif len(factors) > 1:
            self.facts.append((e, signs))
            if 0 not in signs:
                self.facts.extend((factor, NONZERO) for factor, _ in factors)

    def _learn_bound(self, e: Expr, signs: SignSet) -> bool:
        """``n - c > 0``, ``>= 0`` or ``!= 0`` of an integer symbol ``n`` raises its lower bound."""
        symbols = [n for n in e.free_symbols if n.is_integer]
        if len(symbols) != 1 or e.free_symbols != set(symbols) or not e.is_polynomial():
            return False
        (n,) = symbols
        poly = Poly(e, n)
        if poly.degree() != 1 or abs(poly.LC()) != 1:
            return False
        root = int(-poly.TC() / poly.LC())
        signs = signs if poly.LC() > 0 else product(signs, NEGATIVE)
        least = self.least(n)
        if signs == POSITIVE or (signs == NONZERO and least == root):
            root += 1
        elif signs != NONNEGATIVE:
            return False
        if least is None or root > least:
            self.lower[n] = root
        return True

    def of(self, e: Expr) -> SignSet:
        """The signs the rational expression ``e`` can have."""
        if e not in self._known:
            self._known[e] = self._of(e)
        return self._known[e]

    def _of(self, e: Expr) -> SignSet:
        if e.is_number:
            return POSITIVE if e > 0 else NEGATIVE if e < 0 else ZERO
        signs = POSITIVE
        for part in fraction(together(e)):
            try:
                coefficient, factors = factor_list(part)
            except PolificationFailed:  # a number that shows only when multiplied out
                coefficient, factors = part.expand(), []
            signs = product(signs, POSITIVE if coefficient > 0 else NEGATIVE if coefficient < 0 else ZERO)
            for factor, exponent in factors:
                signs = product(signs, power(self._factor(factor), exponent))
        return signs & self._as_given(e) or signs

    def _as_given(self, e: Expr) -> SignSet:
        """What the conditions say of ``e`` as a whole, up to a constant."""
        signs = ANY
        for fact, known in self.facts:
            ratio = _constant_ratio(e, fact) if e.is_polynomial() else None
            if ratio is not None:
                signs &= known if ratio > 0 else product(known, NEGATIVE)
        return signs

    def nonzero(self, e: Expr) -> bool:
        """Whether ``e`` is known to differ from zero."""
        return 0 not in self.of(e)

    def _factor(self, f: Expr) -> SignSet:
        return self._visible(f) & self._as_given(f) or ANY

    def _generator(self, generator: Expr) -> SignSet:
        signs = declared(generator)
        for fact, known in self.facts:
            if fact == generator:
                signs &= known
            elif fact == -generator:
                signs &= product(known, NEGATIVE)
        return signs

    def _visible(self, f: Expr) -> SignSet:
        """The sum rule on the terms of ``f``, integers written as their lower bound plus something >= 0."""
        terms = self._terms(f)
        every = frozenset().union(*(signs for signs, _ in terms))
        for sense in (1, -1):
            if sense * -1 not in every:
                definite = any(signs == {sense} for signs, _ in terms) or self._covered(terms, sense)
                return frozenset({sense}) if definite else frozenset({0, sense})
        return ANY

    def _covered(self, terms: list[tuple[SignSet, Expr]], sense: int) -> bool:
        """Non-negative terms cannot all vanish if those of a positive condition would have to as well."""
        for fact, known in self.facts:
            if known != {sense}:
                continue
            needed = self._terms(fact)
            if all(-sense not in signs for signs, _ in needed) and all(
                any(self._vanishes_only_with(term, other) for _, term in terms) for _, other in needed
            ):
                return True
        return False

    def _vanishes_only_with(self, term: Expr, other: Expr) -> bool:
        """Every generator of the monomial ``term`` is non-zero, or a generator of ``other``."""
        generators = other.as_powers_dict()
        return all(
            base.is_number or base in generators or 0 not in self._generator(base) for base in term.as_powers_dict()
        )

    def _terms(self, f: Expr) -> list[tuple[SignSet, Expr]]:
        shifts = {}
        for symbol in () if f.is_number else Poly(f).gens:
            least = self.least(symbol) if isinstance(symbol, Symbol) else None
            if least:
                shifts[symbol] = _EXCESS.setdefault(symbol, Dummy(f"{symbol}'", integer=True, nonnegative=True)) + least
        shifted = f.xreplace(shifts) if shifts else f
        if shifted.is_number:
            return [(self.of(shifted), shifted)]
        poly = Poly(shifted)
        terms = []
        for exponents, coefficient in poly.terms():
            signs = POSITIVE if coefficient > 0 else NEGATIVE
            term = coefficient
            for generator, exponent in zip(poly.gens, exponents, strict=True):
                if exponent:
                    signs = product(signs, power(self._generator(generator), exponent))
                    term *= generator**exponent
            terms.append((signs, term))
        return terms


def _constant_ratio(f: Expr, fact: Expr) -> Expr | None:
    """``f/fact`` where it is a rational number."""
    if f.free_symbols != fact.free_symbols or not fact.free_symbols:
        return None
    first, second = Poly(f), Poly(fact)
    if first.gens != second.gens or first.monic() != second.monic():
        return None
    return first.LC() / second.LC()


_EXCESS: dict[Symbol, Dummy] = {}
