"""Square roots, absolute values and signs as generators with one relation each.

``sqrt(u^2 w) = |u| sqrt(w)`` for real ``u`` and ``w >= 0``; ``sqrt(a b) = sqrt(a) sqrt(b)`` where both are known to be
non-negative.  What is left under a root is squarefree and irreducible, so equal roots become equal generators.
"""

from __future__ import annotations

from sympy import Abs, Expr, Integer, Mul, Poly, Pow, Rational, Symbol, factor_list, fraction, together
from sympy import sign as sympy_sign
from sympy import sqrt as sympy_sqrt
from sympy.ntheory.factor_ import core

from bnproof.symbolic.atoms import Atoms, expanded
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signs import NEGATIVE, NONNEGATIVE, POSITIVE, ZERO


def square_root(form: Atoms, radicand: Expr, shown: Expr) -> Expr:
    """``sqrt(N/D) = sqrt(N D)/|D|``, squares taken out; refuses a radicand not known to be >= 0."""
    if not form.signs.of(radicand) <= NONNEGATIVE:
        raise Undecided(f"square root of {text(shown)}, which the conditions allow to be negative")
    numerator, denominator = (squares_replaced(part, form.relations) for part in fraction(together(radicand)))
    content, factors = factor_list(numerator * denominator)
    inside, outside = content, 1 / absolute(form, denominator)
    for factor, exponent in factors:
        outside *= absolute(form, factor) ** (exponent // 2)
        if exponent % 2:
            if form.signs.of(-factor) <= NONNEGATIVE:
                inside, factor = -inside, -factor
            if form.signs.of(factor) <= NONNEGATIVE:
                outside *= _root(form, factor)
            else:
                inside *= factor
    return outside * _split_content(form, inside)


def _split_content(form: Atoms, inside: Expr) -> Expr:
    """``sqrt(q w)`` for a rational ``q``: ``q = p/r``, ``p r = a^2 d`` with ``d`` squarefree, gives ``a/r sqrt(d w)``."""
    content, rest = inside.as_coeff_Mul()
    if content == 0:
        return Integer(0)
    size = abs(content.p * content.q)
    squarefree = Integer(core(size))
    scale = Rational(sympy_sqrt(Integer(size) / squarefree), content.q)
    remaining = (1 if content > 0 else -1) * rest
    result = scale
    for part in (squarefree, remaining):
        if part != 1:
            result *= _root(form, part)
    return result


def _root(form: Atoms, base: Expr) -> Expr:
    positive = form.signs.of(base) == POSITIVE
    known = {"positive": True} if positive else {"nonnegative": True}
    generator = form.atom(sympy_sqrt(form.unfold(base)), **known)
    form.relations[generator] = base
    return generator


def absolute(form: Atoms, e: Expr) -> Expr:
    """``|c prod f^n| = |c| prod |f|^n``; ``|f|`` is ``f``, ``-f`` or a generator with ``|f|^2 = f^2``."""
    signs = form.signs.of(e)
    if signs <= NONNEGATIVE:
        return e
    if signs <= NEGATIVE | ZERO:
        return -e
    result = Integer(1)
    for part, sense in zip(fraction(together(e)), (1, -1), strict=True):
        content, factors = factor_list(part)
        magnitudes = [_magnitude(form, f) ** (n % 2) * f ** (n - n % 2) for f, n in factors]
        result *= (abs(content) * Mul(*magnitudes)) ** sense
    return result


def _magnitude(form: Atoms, factor: Expr) -> Expr:
    signs = form.signs.of(factor)
    if signs <= NONNEGATIVE:
        return factor
    if signs <= NEGATIVE | ZERO:
        return -factor
    known = {"positive": True} if 0 not in signs else {"nonnegative": True}
    generator = form.atom(Abs(form.unfold(factor)), **known)
    form.relations[generator] = factor**2
    return generator


def sign(form: Atoms, e: Expr) -> Expr:
    """``sign(e) = e/|e|`` where ``e`` is known to differ from zero, else a generator of its own."""
    signs = form.signs.of(e)
    if len(signs) == 1:
        return Integer(next(iter(signs)))
    if 0 not in signs:
        return e / absolute(form, e)
    return form.atom(sympy_sign(form.unfold(e)))


def reduced(numerator: Expr, relations: dict[Symbol, Expr]) -> Expr:
    """A polynomial with every ``r^2`` of a root ``r`` replaced by its base until none is left."""
    rest = numerator
    for generator in reversed(relations):
        if generator not in rest.free_symbols:
            continue
        base, total = relations[generator], Integer(0)
        for (exponent,), coefficient in Poly(rest, generator).terms():
            total += coefficient * base ** (exponent // 2) * generator ** (exponent % 2)
        rest = expanded(fraction(together(total))[0])
    return rest


def squares_replaced(e: Expr, relations: dict[Symbol, Expr]) -> Expr:
    """``e``, multiplied out, with every ``r^n``, ``n >= 2``, of a root written ``base^(n // 2) r^(n % 2)``: the same value."""
    e = expanded(e)
    while any(_is_square(power, relations) for power in e.atoms(Pow)):
        e = expanded(e.replace(lambda power: _is_square(power, relations), lambda power: _rewritten(power, relations)))
    return e


def _is_square(e: Expr, relations: dict[Symbol, Expr]) -> bool:
    return isinstance(e, Pow) and e.base in relations and bool(e.exp.is_Integer) and e.exp >= 2


def _rewritten(power: Pow, relations: dict[Symbol, Expr]) -> Expr:
    return relations[power.base] ** (power.exp // 2) * power.base ** (power.exp % 2)
