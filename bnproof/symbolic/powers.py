"""Powers with symbolic exponents, exponentials and logarithms, as products and sums of generators.

``(c f g^n)^p = c^p f^p (g^p)^n`` for an integer ``p >= 0`` and real factors (``0^0 = 1``), and for
negative exponents where the factor is known not to vanish;
``exp(a + 2 b) = exp(a/2)^2 exp(b/2)^4``, and tanh, sinh, cosh by their definitions;
``log(c f g^n) = log c + log f + n log g`` for positive factors.

Each function takes the ``form`` in which generators are made, and returns a quotient of its ring.
Taking an argument apart into irreducible factors is what makes equal powers equal generators.
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

# Of an exponential. Its powers are multiplied out where they meet a sum, so larger ones are
# refused.
LARGEST_EXPONENT = 200


def symbolic_power(form: Equations, base: Quotient, exponent: Expr) -> Quotient:
    """``base^exponent`` for a symbolic integer exponent, in generators.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    base
        The base. It may be 0 only where the exponent is known not to be negative; the caller sees
        to that.
    exponent
        An integer expression.

    Returns
    -------
    Quotient
        A product of powers of primes and of irreducible factors, each of them a generator. A base
        that is irreducible stays as it is written.

    Raises
    ------
    Undecided
        Where a factor of the denominator is not known to differ from 0.
    """
    # So that no factor ``r^2`` of a root is left, which is a polynomial without the root.
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
    """``q^count`` for a number; q is known to differ from 0 where the number is negative."""
    return q**count if count > 0 else q.inverse() ** -count


def _factor_rational(content: fmpq) -> list[tuple[int, int]]:
    """The factors of a rational with their exponents, -1 among them.

    What is hard to factor counts as a prime: the product stays right.
    """
    sign = [(-1, 1)] if content < 0 else []
    return sign + [
        (prime, sense * count)
        for part, sense in ((abs(int(content.p)), 1), (int(content.q), -1))
        for prime, count in factorized(part).items()
    ]


def _build_power(form: Equations, base: fmpq_mpoly, exponent: Expr) -> Quotient:
    """The generator of ``base^exponent`` with the signs it can have.

    A positive base gives a positive power, a non-negative one a non-negative power, and one that is
    never 0 a power that is never 0.
    """
    if base == 1:
        return form.number(1)
    signs = form.signs.find_polynomial_signs(base)
    known = (
        POSITIVE if signs == POSITIVE else NONNEGATIVE if -1 not in signs else frozenset({-1, 0, 1})
    )
    if -1 in signs and 0 not in signs:
        known = known - ZERO
    # Unevaluated: SymPy would rewrite some powers, and equal ones have to stay equal.
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
    integer.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    argument
        The exponent as a quotient.

    Returns
    -------
    Quotient
        A product of powers of positive generators. A term ``n log f`` becomes the power ``f^n``.

    Notes
    -----
    The generator is ``exp(t/2)`` and not ``exp(t)``, so that identities of half arguments show,
    such as ``1/(1 + exp(-z)) = (1 + tanh(z/2))/2``. Where ``2c`` is no integer the generator is
    ``exp(c t/2)``, and no relation to ``exp(t)`` is known.
    """
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
        # Kept beside the generator, so that the logarithm of it is found again.
        half = Quotient(form.ring, term, argument.below) * form.number(2).inverse()
        place = form.ring.place(exp(half.expression()), POSITIVE)
        form.exponents[place] = half
        result = result * _integer_power(form.resolve_place(place), int(twice.p))
    return result


def _exponential_of_log(form: Equations, term: fmpq_mpoly, coefficient: fmpq) -> Quotient | None:
    """``exp(n log f) = f^n`` for an integer ``n``; ``None`` where the term is not of that form."""
    used = form.ring.list_places(term)
    if coefficient.q != 1 or len(used) != 1 or term.total_degree() != 1:
        return None
    meaning = form.ring.meaning[used[0]]
    if not isinstance(meaning, log):
        return None
    inside = form.logarithms.get(used[0])
    return None if inside is None else _integer_power(inside, int(coefficient.p))


def hyperbolic_function(form: Equations, e: Expr, argument: Quotient) -> Quotient:
    """``tanh``, ``sinh`` or ``cosh`` by exponentials.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    e
        The function as it is written; only which one it is matters.
    argument
        Its argument as a quotient.
    """
    _check_size(argument)
    up, down = exponential(form, argument), exponential(form, -argument)
    half = form.number(2).inverse()
    if isinstance(e, tanh):
        # Both exponentials are positive, so their sum is not 0.
        return (up - down) * (up + down).inverse()
    return {sinh: up - down, cosh: up + down}[e.func] * half


def logarithm(form: Equations, argument: Quotient, shown: Expr) -> Quotient:
    """``log`` of a positive quotient: a sum over its factors, those of negative sign by their
    absolute values.

    Parameters
    ----------
    form
        The ring with what is known of its generators.
    argument
        The argument as a quotient.
    shown
        The argument as it was written, for the message.

    Raises
    ------
    Undecided
        Where the argument is not known to be positive.
    """
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
    # The factors multiply to what is positive, so their absolute values have the same product.
    for factor, count in [*factors, *below]:
        total = total + _log_of_factor(form, factor) * form.number(int(count))
    return total


def _log_of_factor(form: Equations, factor: fmpq_mpoly) -> Quotient:
    """``log |f|`` of an irreducible factor.

    Of a root it is half the logarithm of what is under it, of an exponential its argument. Any
    other factor gives a generator, ``log f`` or ``log(-f)`` where the sign of f is known and
    ``log |f|`` where not.
    """
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
