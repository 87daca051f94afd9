"""Powers with symbolic exponents, exponentials and logarithms, as products and sums of generators.

``(c f g^n)^p = c^p f^p (g^p)^n`` for an integer ``p >= 0`` and real factors (``0^0 = 1``), and for
negative exponents where the factor is known not to vanish;
``exp(a + 2 b) = exp(a/2)^2 exp(b/2)^4``, and tanh, sinh, cosh by their definitions;
``log(c f g^n) = log c + log f + n log g`` for positive factors.
"""

from __future__ import annotations

from flint import fmpq, fmpq_mpoly
from sympy import Abs, Expr, Integer, Pow, cosh, exp, log, sinh, tanh

from bnproof.symbolic.equations import Equations
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient, pad_exponents
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signsets import NONNEGATIVE, POSITIVE, ZERO
from bnproof.symbolic.surds import factor_integer as factorized

LARGEST_EXPONENT = 200  # of an exponential: it is multiplied out


def symbolic_power(form: Equations, base: Quotient, exponent: Expr) -> Quotient:
    """``base^exponent`` for an integer exponent known not to be negative, in generators."""
    base = base.reduce_roots()
    if base.is_zero:
        return _build_power(form, form.ring.constant(0), exponent)
    content, factors = form.ring.lift(base.top).factor()
    if not base.below and abs(content) == 1 and [n for _, n in factors] == [1]:
        # irreducible: it stays as it was written
        return _build_power(form, form.ring.lift(base.top), exponent)
    result = form.number(1)
    for prime, count in _factor_rational(content):
        result = result * _integer_power(
            _build_power(form, form.ring.constant(prime), exponent), count
        )
    below = [(form.ring.factors[number], -n) for number, n in base.below.items()]
    for factor, count in [*factors, *below]:
        if count < 0:
            form.check_divisor(form.polynomial(factor), form.ring.expression(factor))
        result = result * _integer_power(_build_power(form, factor, exponent), int(count))
    return result


def _integer_power(q: Quotient, count: int) -> Quotient:
    return q**count if count > 0 else q.inverse() ** -count


def _factor_rational(content: fmpq) -> list[tuple[int, int]]:
    """The factors of a rational with their exponents; what is hard to factor counts as a prime."""
    sign = [(-1, 1)] if content < 0 else []
    return sign + [
        (prime, sense * count)
        for part, sense in ((abs(int(content.p)), 1), (int(content.q), -1))
        for prime, count in factorized(part).items()
    ]


def _build_power(form: Equations, base: fmpq_mpoly, exponent: Expr) -> Quotient:
    if base == 1:
        return form.number(1)
    signs = form.signs.find_polynomial_signs(base)
    known = (
        POSITIVE if signs == POSITIVE else NONNEGATIVE if -1 not in signs else frozenset({-1, 0, 1})
    )
    if -1 in signs and 0 not in signs:
        known = known - ZERO
    return form.atom(Pow(form.ring.expression(base), exponent, evaluate=False), known)


def _check_size(argument: Quotient) -> None:
    """Raise ``Undecided`` where an exponential would be raised to a power too large to be
    multiplied out."""
    sizes = [abs(coefficient) for _, coefficient in argument.top.terms()]
    if any(size > LARGEST_EXPONENT for size in sizes):
        raise Undecided(
            f"an exponential with a factor of {max(sizes)} in its exponent: they go up to"
            f" {LARGEST_EXPONENT}"
        )


def exponential(form: Equations, argument: Quotient) -> Quotient:
    """``exp(argument)``: a product over its terms ``c t``, ``exp(t/2)^(2c)`` where ``2c`` is an
    integer."""
    _check_size(argument)
    result = form.number(1)
    for exponents, coefficient in form.ring.lift(argument.top).terms():
        term = form.ring.from_terms({pad_exponents(exponents, form.ring.room): fmpq(1)})
        if (
            not argument.below
            and (power := _exponential_of_log(form, term, coefficient)) is not None
        ):
            result = result * power
            continue
        twice = 2 * coefficient
        if twice.q != 1:
            twice, term = fmpq(2), term * coefficient
        half = Quotient(form.ring, term, argument.below) * form.number(2).inverse()
        place = form.ring.place(exp(half.expression()), POSITIVE)
        form.exponents[place] = half
        result = result * _integer_power(form.resolve_place(place), int(twice.p))
    return result


def _exponential_of_log(form: Equations, term: fmpq_mpoly, coefficient: fmpq) -> Quotient | None:
    """``exp(n log f) = f^n`` for an integer ``n``."""
    used = form.ring.list_places(term)
    if coefficient.q != 1 or len(used) != 1 or term.total_degree() != 1:
        return None
    meaning = form.ring.meaning[used[0]]
    if not isinstance(meaning, log):
        return None
    inside = form.logarithms.get(used[0])
    return None if inside is None else _integer_power(inside, int(coefficient.p))


def hyperbolic_function(form: Equations, e: Expr, argument: Quotient) -> Quotient:
    """``tanh``, ``sinh`` or ``cosh`` by exponentials."""
    _check_size(argument)
    up, down = exponential(form, argument), exponential(form, -argument)
    half = form.number(2).inverse()
    if isinstance(e, tanh):
        return (up - down) * (up + down).inverse()
    return {sinh: up - down, cosh: up + down}[e.func] * half


def logarithm(form: Equations, argument: Quotient, shown: Expr) -> Quotient:
    """``log`` of a positive quotient: a sum over its factors, those of negative sign by their
    absolute values."""
    if not form.signs.shows(argument, POSITIVE):
        raise Undecided(
            f"the logarithm of {text(shown)}, which the conditions do not show to be positive"
        )
    argument = argument.reduce_roots()
    content, factors = form.ring.lift(argument.top).factor()
    total = form.number(0)
    for prime, count in _factor_rational(abs(content)):
        total = total + form.atom(log(Integer(prime)), POSITIVE) * form.number(count)
    below = [(form.ring.factors[number], -n) for number, n in argument.below.items()]
    for factor, count in [*factors, *below]:
        total = total + _log_of_factor(form, factor) * form.number(int(count))
    return total


def _log_of_factor(form: Equations, factor: fmpq_mpoly) -> Quotient:
    """``log |f|`` of an irreducible factor; of a root, half the logarithm of what is under it."""
    used = form.ring.list_places(factor)
    if factor.total_degree() == 1 and len(factor) == 1 and used[0] in form.ring.relations:
        inside = form.polynomial(form.ring.relations[used[0]])
        content, factors = form.ring.lift(inside.top).factor()
        total = form.number(0)
        for prime, count in _factor_rational(abs(content)):
            total = total + form.atom(log(Integer(prime)), POSITIVE) * form.number(count)
        for part, count in factors:
            total = total + _log_of_factor(form, part) * form.number(int(count))
        return total * form.number(2).inverse()
    if len(factor) == 1 and (inner := form.exponents.get(used[0])) is not None:
        return inner
    signs = form.signs.find_polynomial_signs(factor)
    sense = 1 if signs == POSITIVE else -1
    if len(signs) > 1:
        expression = Abs(form.ring.expression(factor))
        return form.atom(log(expression))
    atom = form.atom(log(form.ring.expression(factor * sense)))
    place = form.ring.find_place(log(form.ring.expression(factor * sense)))
    if place is not None:
        form.logarithms[place] = form.polynomial(factor * sense)
    return atom
