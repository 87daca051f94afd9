"""Square roots, absolute values and signs as generators with one relation each.

``sqrt(u^2 w) = |u| sqrt(w)`` for real ``u`` and ``w >= 0``; ``sqrt(a b) = sqrt(a) sqrt(b)`` where
both are known to be non-negative.  What is left under a root is squarefree and irreducible, so
equal roots become equal generators.

The relation of a root is ``r^2 = base``, that of an absolute value ``|f|^2 = f^2``. Reducing by
them decides most identities; the sign of the generator (non-negative) decides the rest. Each
function takes the ``form`` in which generators are made.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mpoly
from sympy import Abs
from sympy import sign as sympy_sign
from sympy import sqrt as sympy_sqrt

from bnproof.symbolic.equations import Equations
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.signsets import NEGATIVE, NONNEGATIVE, POSITIVE, ZERO, product
from bnproof.symbolic.surds import NotExact, split_square


def _factor(q: Quotient) -> tuple[fmpq, list[tuple[fmpq_mpoly, int]]]:
    """The content and the irreducible factors, those of the denominator with negative exponents."""
    ring = q.ring
    content, factors = ring.lift(q.top).factor()
    above = [(f, int(n)) for f, n in factors]
    return content, above + [(ring.factors[number], -n) for number, n in q.below.items()]


def square_root(form: Equations, radicand: Quotient) -> Quotient:
    """The root of a quotient that is known not to be negative.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    radicand
        What is under the root. The caller has shown that it is not negative.

    Returns
    -------
    Quotient
        Absolute values of what stands under the root in even powers, times the roots of factors of
        known sign, times one root of the factors of unknown sign.

    Raises
    ------
    Undecided
        Where the number under the root is too large to be taken apart.

    Notes
    -----
    ``sqrt(f g) = sqrt(f) sqrt(g)`` needs ``g >= 0`` also where ``f = 0``, and that does not follow
    from ``f g >= 0``. So a factor leaves the root only where it is not 0, or where all that stays
    behind is known to be >= 0 by itself. The same holds for ``sqrt(f^2 g) = |f| sqrt(g)``.

    A factor known to be <= 0 is negated, and the sign goes to the content. Where the content is
    negative at last and all factors are >= 0, the radicand is <= 0 and >= 0: it is 0.
    """
    if radicand.is_zero:
        return radicand
    ring = form.ring
    content, factors = _factor(
        # A root of a root may hide a square, which shows once the inner root is reduced.
        Quotient(ring, ring.reduce_roots(ring.lift(radicand.top)), radicand.below).cancel()
    )
    known, unknown = [], ring.constant(1)
    for factor, exponent in factors:
        signs = form.signs.find_polynomial_signs(factor)
        if exponent % 2 and signs <= NEGATIVE | ZERO:
            content, factor, signs = -content, -factor, product(signs, NEGATIVE)
        if exponent % 2 and not signs <= NONNEGATIVE:
            unknown = unknown * factor
            exponent -= 1
        # what is divided by is not 0
        known.append((factor, exponent, exponent < 0 or 0 not in signs))
    if not unknown.is_constant():
        rest = unknown if content > 0 else -unknown
        if not form.signs.shows(form.polynomial(rest), NONNEGATIVE):
            # What may be 0 stays under the root, with all of its powers.
            staying = [(f, n) for f, n, leaves in known if not leaves]
            known = [entry for entry in known if entry[2]]
            for factor, exponent in staying:
                unknown = unknown * factor**exponent
    elif content < 0:
        return form.number(0)
    outside = form.number(1)
    for factor, exponent, _ in known:
        half = exponent // 2  # rounded down: f^-1 = f^-2 f
        if half:
            magnitude = absolute_value(form, form.polynomial(factor))
            outside = outside * (magnitude if half > 0 else magnitude.inverse()) ** abs(half)
        if exponent % 2:
            outside = outside * _root(form, factor)
    return outside * _split_content(form, content, unknown)


def _split_content(form: Equations, content: fmpq, inside: fmpq_mpoly) -> Quotient:
    """``sqrt(q w)`` for a rational ``q``: ``q = p/r``, ``p r = a^2 d`` with ``d`` squarefree,
    gives ``a/r sqrt(d w)``."""
    try:
        outside, squarefree = split_square(abs(int(content.p * content.q)))
    except NotExact as error:
        raise Undecided(str(error)) from None
    scale = fmpq(outside, int(content.q))
    result = form.polynomial(form.ring.constant(scale))
    if squarefree != 1:
        result = result * _root(form, form.ring.constant(squarefree))
    # The radicand is >= 0. With a negative content it is the negated rest that has the root.
    rest = inside if content > 0 else -inside
    return result if rest == 1 else result * _root(form, rest)


def _root(form: Equations, base: fmpq_mpoly) -> Quotient:
    """The generator of a root with its relation ``r^2 = base``; positive where the base is."""
    positive = form.signs.shows(form.polynomial(base), POSITIVE)
    stands_for = sympy_sqrt(form.ring.expression(base))
    place = form.ring.place(stands_for, POSITIVE if positive else NONNEGATIVE)
    # The base was made of generators that exist already, so its own roots come before this one.
    form.ring.relations[place] = form.ring.lift(base)
    return form.resolve_place(place)


def absolute_value(form: Equations, q: Quotient) -> Quotient:
    """``|c prod f^n| = |c| prod |f|^n``; ``|f|`` is ``f``, ``-f`` or a generator with
    ``|f|^2 = f^2``.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    q
        Any quotient.

    Returns
    -------
    Quotient
        ``q`` or ``-q`` where the sign of ``q`` shows. Even powers need no absolute value.
    """
    if q.is_zero:
        return q
    signs = form.signs.find_signs(q)
    if signs <= NONNEGATIVE:
        return q
    if signs <= NEGATIVE | ZERO:
        return -q
    content, factors = _factor(q)
    result = form.polynomial(form.ring.constant(abs(content)))
    for factor, exponent in factors:
        magnitude = _magnitude(form, factor) if exponent % 2 else form.polynomial(factor)
        power = form.polynomial(factor) if exponent % 2 == 0 else magnitude
        result = result * (power if exponent > 0 else power.inverse()) ** abs(exponent)
    return result


def _magnitude(form: Equations, factor: fmpq_mpoly) -> Quotient:
    """``|f|`` of an irreducible factor: ``f`` or ``-f`` where its sign shows, else a generator."""
    q = form.polynomial(factor)
    if form.signs.shows(q, NONNEGATIVE):
        return q
    if form.signs.shows(q, NEGATIVE | ZERO):
        return -q
    known = POSITIVE if 0 not in form.signs.find_polynomial_signs(factor) else NONNEGATIVE
    place = form.ring.place(Abs(form.ring.expression(factor)), known)
    form.ring.relations[place] = form.ring.lift(factor * factor)
    # Certificates use ``|f| >= f`` and ``|f| >= -f``, for which they need to know f.
    form.signs.magnitudes[place] = factor
    return form.resolve_place(place)


def sign(form: Equations, q: Quotient) -> Quotient:
    """``sign(e) = e/|e|`` where ``e`` is known to differ from zero, else a generator of its own.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    q
        The argument e as a quotient.

    Returns
    -------
    Quotient
        A number where the sign shows. The generator comes with ``sign(e) e = |e|`` and
        ``sign(e) |e| = e``, which hold for ``e = 0`` too.
    """
    signs = form.signs.find_signs(q)
    if len(signs) == 1:
        return form.number(next(iter(signs)))
    if 0 not in signs:
        return q * absolute_value(form, q).inverse()
    atom, magnitude = form.atom(sympy_sign(q.expression())), absolute_value(form, q)
    form.keep_identity(atom * q - magnitude)
    form.keep_identity(atom * magnitude - q)
    return atom
