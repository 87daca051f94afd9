"""Limits in normal form: Laurent series in ``t`` whose coefficients are quotients of generators.

The variable becomes ``1/t^2``, or ``target + t^2`` and ``target - t^2`` with ``t > 0`` (for a limit
from both sides ``target + t`` with ``t != 0``). Numerator and denominator are expanded in powers of
t, the roots in them by their series. The limit is the quotient of the leading coefficients. A power
``c^T`` with ``|c| < 1`` vanishes for ``T -> oo``.

A coefficient may be an expression in other generators. It counts as the leading one of a
denominator only if the conditions show that it differs from 0. That the parts of the function exist
near the target is checked on its own, in :func:`exists_near`.

Start reading at :func:`rewrite_limit`.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mpoly
from sympy import Dummy, Expr, Limit, Pow, Symbol, oo

from bnproof.symbolic.entries import Entries
from bnproof.symbolic.moments import take_all
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.reading import Near, Part, find_numbers
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signsets import POSITIVE, find_assumed_signs

# Coefficients that are looked at, of ``t^0`` to ``t^6``. With fewer of them a limit in which the
# first terms cancel is left undecided. More of them cost time, since the coefficients are quotients
# that grow.
ORDER = 7
Series = list[Quotient]


def rewrite_limit(form: Entries, e: Limit) -> Quotient:
    """Rewrite a limit into generators.

    Parameters
    ----------
    form
        The normal form, whose ring gets a generator for ``t``.
    e
        The limit.

    Returns
    -------
    Quotient
        The limit, in which ``t`` does not occur.

    Raises
    ------
    Undecided
        Where the limit is not known to exist, or a sum or a power depends on the variable.
    """
    function, variable, target, _ = e.args
    if target == oo and any(variable in find_numbers(power.exp) for power in function.atoms(Pow)):
        return _find_geometric_limit(form, function, variable)
    near, moved = _approach(e)
    function = take_all(function)
    place = form.ring.place(near, find_assumed_signs(near))
    # while it is set, signs are those for t as close to 0 as it takes
    outside, form.signs.near = form.signs.near, place
    try:
        inside = form.normal_form(function.xreplace({variable: moved}))
        for generator in (
            _find_under_roots(form, inside.list_places()) - form.ring.relations.keys() - {place}
        ):
            # only t itself and roots have a series here
            if form.depends(generator, near):
                raise Undecided(
                    f"the limit of {text(function)}: a sum or a power in it depends on {variable}"
                )
        return _divide_leading(form, inside, place, function)
    finally:
        form.signs.near = outside


def _find_under_roots(form: Entries, places: set[int]) -> set[int]:
    """The generators, and those under the roots among them, at any depth."""
    reached, left = set(places), [*places]
    while left:
        base = form.ring.relations.get(left.pop())
        deeper = set(form.ring.list_places(base)) - reached if base is not None else set()
        reached |= deeper
        left += deeper
    return reached


def _approach(e: Limit) -> tuple[Symbol, Expr]:
    """A symbol t near 0, and the expression in t that stands for the variable of a limit."""
    _, _, target, direction = e.args
    if str(direction) == "+-" and not target.is_infinite:
        # a limit from both sides: no square, so that t may have either sign
        near = Dummy("t", real=True, nonzero=True)
        return near, target + near
    near = Dummy("t", positive=True)
    sense = -1 if target == -oo or (str(direction) == "-" and target != oo) else 1
    return near, sense / near**2 if target.is_infinite else target + sense * near**2


def exists_near(form: Entries, near: Near, replace: dict[Expr, Expr]) -> None:
    """Make sure that what depends on the variable of a limit exists near its target.

    At the target itself it need not: ``(x^2 - 1)/(x - 1)`` has a limit at 1.

    Parameters
    ----------
    form
        The normal form of the case at hand.
    near
        The limit and the parts of its function.
    replace
        What the conditions put in for symbols.

    Raises
    ------
    Undecided
        Where a part is not known to exist.
    """
    _, variable, target, _ = near.limit.args
    if target == oo and any(variable in find_numbers(p.exp) for p in near.limit.atoms(Pow)):
        for part in near.parts:
            if not _is_power_of_number(part, variable):
                form.exists(part, replace)
        return
    symbol, moved = _approach(near.limit)
    outside, form.signs.near = form.signs.near, form.ring.place(symbol, find_assumed_signs(symbol))
    try:
        for part in near.parts:
            form.exists(part, {**replace, variable: take_all(moved).xreplace(replace)})
    finally:
        form.signs.near = outside


def _is_power_of_number(part: Part, variable: Symbol) -> bool:
    """``c^(T + n)``, which exists for every T that is large enough."""
    return (
        isinstance(part, Pow)
        and bool((part.exp - variable).is_Integer)
        and variable not in find_numbers(part.base)
    )


def _divide_leading(form: Entries, inside: Quotient, near: int, shown: Expr) -> Quotient:
    """The limit of a quotient by the leading coefficients of its numerator and its denominator."""
    above = _expand(form, inside.top, near)
    below: Series = _constant_series(form, form.number(1))
    for number, exponent in inside.below.items():
        factor = _expand(form, form.ring.factors[number], near)
        for _ in range(exponent):
            below = _multiply_series(form, below, factor)
    form.signs.near = None  # coefficients do not depend on t
    # the first coefficient that is not known to be 0; then it has to be known to differ from 0
    start = _find_leading(form, below)
    if start is None:
        raise Undecided(f"the limit of {text(shown)}: its denominator vanishes to a high order")
    form.check_divisor(below[start], shown)
    first = _find_leading(form, above)
    # no known term of the numerator is left: a polynomial then starts beyond the start of the
    # denominator, and the limit is 0
    if first is None:
        if any(
            form.depends(p, form.ring.meaning[near])
            for p in form.ring.list_places(form.ring.lift(inside.top))
            if p in form.ring.relations
        ):
            raise Undecided(f"the limit of {text(shown)}: the first terms of its series cancel")
        return form.number(0)
    if first < start:
        raise Undecided(f"the limit of {text(shown)} is not known to be finite")
    return form.number(0) if first > start else above[first] * below[start].inverse()


def _find_leading(form: Entries, series: Series) -> int | None:
    """The place of the first coefficient that is not known to be 0."""
    return next((n for n, c in enumerate(series) if not form.vanishes(c)), None)


def _constant_series(form: Entries, value: Quotient) -> Series:
    """A number as a series in t."""
    return [value, *(form.number(0) for _ in range(ORDER - 1))]


def _multiply_series(form: Entries, a: Series, b: Series) -> Series:
    """The product of two series up to the order."""
    result = []
    for n in range(ORDER):
        total = form.number(0)
        for p in range(n + 1):
            if not (a[p].is_zero or b[n - p].is_zero):
                total = total + a[p] * b[n - p]
        result.append(total.reduce_roots())
    return result


def _expand(form: Entries, poly: fmpq_mpoly, near: int) -> Series:
    """Expand a polynomial in t, and in roots that depend on t, as a series.

    The roots are taken out one by one, the latest first, since others may stand under it.
    """
    ring = form.ring
    poly = ring.lift(poly)
    root = next(
        (
            p
            for p in reversed(ring.relations)
            if poly.degrees()[p] > 0 and form.depends(p, ring.meaning[near])
        ),
        None,
    )
    if root is not None:
        series, total = _root_series(form, root, near), _constant_series(form, form.number(0))
        for exponent, part in ring.split_powers(poly, root).items():
            term = _expand(form, part, near)
            for _ in range(exponent):
                term = _multiply_series(form, term, series)
            total = [a + b for a, b in zip(total, term, strict=True)]
        return total
    parts = ring.split_powers(poly, near)
    return [form.polynomial(parts.get(n, ring.constant(0))) for n in range(ORDER)]


def _root_series(form: Entries, root: int, near: int) -> Series:
    """The series of a root: ``r^2 = b_0 + b_1 t + ...`` gives ``r_0 = sqrt(b_0)`` and
    ``r_n = (b_n - sum_{0<p<n} r_p r_{n-p})/(2 r_0)``."""
    base = _expand(form, form.ring.relations[root], near)
    if form.vanishes(base[0]):
        # such as sqrt(t), which has no series in t
        raise Undecided("a limit in which a root tends to 0")
    shown = base[0].expression()
    series = [form.square_root(base[0], shown)]
    half = form.check_divisor(series[0], shown).inverse() * form.polynomial(
        form.ring.constant(fmpq(1, 2))
    )
    for n in range(1, ORDER):
        rest = base[n]
        for p in range(1, n):
            rest = rest - series[p] * series[n - p]
        series.append((rest * half).reduce_roots())
    return series


def _find_geometric_limit(form: Entries, function: Expr, variable: Symbol) -> Quotient:
    """The limit for ``T -> oo`` of a polynomial in powers ``c^T`` with ``c^2 < 1``: they vanish.

    A power in the denominator, and a variable that occurs anywhere else, are left undecided.
    """
    inside, ring = form.normal_form(function), form.ring
    powers = [place for place in inside.list_places() if form.depends(place, variable)]
    for place in powers:
        power = ring.meaning[place]
        if (
            not isinstance(power, Pow)
            or not (power.exp - variable).is_number
            or variable in find_numbers(power.base)
        ):
            raise Undecided(f"the limit of {text(function)} for {variable} -> oo")
        # c^2 < 1 says the same as |c| < 1 and needs no absolute value
        square = form.normal_form(power.base) ** 2
        if not form.signs.shows(form.number(1) - square, POSITIVE):
            raise Undecided(
                f"the limit of {text(power)}: {text(power.base)} is not known to lie inside (-1, 1)"
            )
    below = {place for number in inside.below for place in ring.list_places(ring.factors[number])}
    if below & set(powers):
        raise Undecided(f"the limit of {text(function)} for {variable} -> oo")
    top = ring.lift(inside.top)
    for place in powers:
        top = ring.split_powers(top, place).get(0, ring.constant(0))
    return Quotient(ring, top, inside.below).cancel()
