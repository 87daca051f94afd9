"""Power sums: algebra and sums rewritten into independent generators.

Generators are free entries ``x[i]``, scalars, and *atoms*: the power sums ``sum_j x_j^a g_j^b``
that are left when each Kronecker delta is contracted, each summand expanded into monomials of the
indexed symbols, and everything that does not depend on the summation index pulled out
(``sum_j 1 = m``).  The first two power sums of one base are written by its mean and variance,
``sum b = m mean``, ``sum b^2 = m (var + mean^2)``, so that positivity shows. Square roots and
absolute values are generators with one relation each (:mod:`bnproof.symbolic.roots`).

Equality of two expressions becomes equality of two rational functions, which is decided by
cancelling. This is sound because every step is an identity; that the generators are independent is
what makes it strong, and nothing rests on it. Start reading at ``PowerSums.normal_form``.
"""

from __future__ import annotations

from functools import reduce
from operator import add, mul

from sympy import (
    Abs,
    Add,
    Expr,
    Indexed,
    KroneckerDelta,
    Max,
    Min,
    Mul,
    Pow,
    Rational,
    Sum,
    Symbol,
    atan,
    cos,
    cosh,
    exp,
    log,
    sign,
    sin,
    sinh,
    tanh,
)

from bnproof.symbolic import powers, roots, summation
from bnproof.symbolic.entries import Entries
from bnproof.symbolic.maxima import replace_maximum
from bnproof.symbolic.outcomes import Undecided
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.rendering import text
from bnproof.symbolic.signsets import NONNEGATIVE, find_assumed_signs
from bnproof.symbolic.visible import find_visible_signs

# Written by exponentials, which are generators, so that their addition theorems hold.
HYPERBOLIC = (tanh, sinh, cosh)
TOTAL = (sin, cos, atan)  # real and defined for every real argument
# A power is multiplied out. Larger exponents are refused with Undecided.
MOST_POWER = 200
# A bound on the time that one case may take: what needs more is left undecided.
MOST_REWRITINGS = 2_000


class PowerSums(Entries):
    """Rewrites algebra, sums, deltas, roots and powers into generators.

    The sums themselves are the work of :mod:`bnproof.symbolic.summation`, powers with symbolic
    exponents of :mod:`bnproof.symbolic.powers`.
    """

    def normal_form(self, e: Expr) -> Quotient:
        """Rewrite an expression into generators.

        Parameters
        ----------
        e
            An expression over the names of the setting, its bound symbols renamed apart.

        Returns
        -------
        Quotient
            A rational function of generators that equals ``e`` wherever the conditions hold.

        Raises
        ------
        Undecided
            Where ``e`` is not known to exist, is beyond this normal form, or takes too much work.

        Notes
        -----
        What was rewritten once is remembered until an equation gives a generator a value.
        """
        known = self._normal.get(e)
        if known is None:
            self.rewritings += 1
            if self.rewritings > MOST_REWRITINGS:
                raise Undecided(f"its normal form takes more than {MOST_REWRITINGS} rewritings")
            known = self._normal[e] = self._rewrite(e)
        return known

    def _rewrite(self, e: Expr) -> Quotient:
        """One level of an expression; its parts go through ``normal_form`` again."""
        match e:
            case Rational():
                return self.number(e)
            case Symbol():
                return self.atom(e, find_assumed_signs(e))
            case Indexed():
                return self.rewrite_entry(e)
            case Add():
                return reduce(add, (self.normal_form(a) for a in e.args))
            case Mul():
                return reduce(mul, (self.normal_form(a) for a in e.args))
            case Pow():
                return self._rewrite_power(e)
            case Sum():
                return summation.rewrite_sum(self, e)
            case KroneckerDelta():
                return self.rewrite_delta(e)
            case Abs():
                return roots.absolute_value(self, self.normal_form(e.args[0]))
            case sign():
                return roots.sign(self, self.normal_form(e.args[0]))
            case Max() | Min():
                return self.normal_form(replace_maximum(e))
        return self._rewrite_function(e)

    def _rewrite_function(self, e: Expr) -> Quotient:
        """A function of one argument, which goes through the normal form before it becomes a
        generator."""
        match e:
            case exp():
                return powers.exponential(self, self.normal_form(e.args[0]))
            case log():
                return powers.logarithm(self, self.normal_form(e.args[0]), e.args[0])
        if isinstance(e, HYPERBOLIC):
            return powers.hyperbolic_function(self, e, self.normal_form(e.args[0]))
        if isinstance(e, TOTAL):
            # Equal arguments have equal normal forms, so equal values become one generator.
            return self.atom(e.func(self.normal_form(e.args[0]).expression()))
        raise Undecided(f"{text(e)} is beyond the power-sum normal form ({type(e).__name__})")

    # -- powers ------------------------------------------------------------------------------------

    def _rewrite_power(self, e: Pow) -> Quotient:
        """A power, by its exponent: an integer, half of an integer, or an integer expression.

        ``b^(n/2) = sqrt(b)^n`` reduces half integers to roots. Any other exponent is refused.
        """
        base, exponent = self.normal_form(e.base), e.exp
        if exponent.is_Integer:
            return self._rewrite_integer_power(base, int(exponent), e.base)
        if exponent.is_Rational and exponent.q == 2:
            return self._rewrite_integer_power(
                self.square_root(base, e.base), int(exponent.p), e.base
            )
        if exponent.is_integer:
            return self._rewrite_symbolic_power(base, exponent, e.base)
        if (2 * exponent).is_integer:
            return self._rewrite_symbolic_power(
                self.square_root(base, e.base), 2 * exponent, e.base
            )
        raise Undecided(f"the power {text(e)} is not a square root and has no integer exponent")

    def _rewrite_integer_power(self, base: Quotient, exponent: int, shown: Expr) -> Quotient:
        """``base^exponent`` for a number; a negative one takes the inverse, once the base is
        known not to be 0.

        Raises ``Undecided`` for an exponent beyond ``MOST_POWER``.
        """
        if abs(exponent) > MOST_POWER:
            raise Undecided(f"a power of {text(shown)}: exponents go up to {MOST_POWER} here")
        if exponent >= 0:
            return base**exponent
        return self.check_divisor(base, shown).inverse() ** -exponent

    def square_root(self, radicand: Quotient, shown: Expr) -> Quotient:
        """The non-negative root of a radicand.

        Parameters
        ----------
        radicand
            What is under the root, in generators.
        shown
            The same as it was written. Its sign is read where that of ``radicand`` does not show,
            and it stands in the message.

        Returns
        -------
        Quotient
            The root, by the rules of :mod:`bnproof.symbolic.roots`.

        Raises
        ------
        Undecided
            Where the radicand is not known to be >= 0, neither multiplied out nor as it is written.
        """
        if not self.signs.shows(radicand, NONNEGATIVE):
            if not find_visible_signs(self, shown) <= NONNEGATIVE:
                allowed = "" if shown.is_number else ", which the conditions allow to be negative"
                raise Undecided(f"square root of {text(shown)}{allowed}")
            # What shows of one term holds for good only where the sums around it have terms.
            if self.occurs(shown):
                self.signs.learn(radicand, NONNEGATIVE)
        return roots.square_root(self, radicand)

    def _rewrite_symbolic_power(self, base: Quotient, exponent: Expr, shown: Expr) -> Quotient:
        """``b^(c + n) = b^c b^n``: for ``b = 0`` too, as long as neither exponent is negative.

        Where no bound of the exponent from below is known, or a negative one, b has to differ from
        0; then every way to split the exponent is allowed.
        """
        constant, terms = exponent.as_coeff_Add()
        bounds = [self.lower_bound(term) for term in Add.make_args(terms)]
        known = [bound for bound in bounds if bound is not None]
        if len(known) == len(bounds) and constant + sum(known) >= 0:
            # Every term apart, so that ``b^(p + q)`` and ``b^p b^q`` become the same product.
            result = self._rewrite_integer_power(base, int(constant) + sum(known), shown)
            for term, bound in zip(Add.make_args(terms), known, strict=True):
                result = result * powers.symbolic_power(self, base, (term - bound).expand())
            return result
        least = self.lower_bound(exponent)
        if least is None or least < 0:
            self.check_divisor(base, shown)
            # The base is known to differ from 0, so the number in the exponent may be split off
            # whatever its sign.
            least = int(exponent.as_coeff_Add()[0])
        rest = (exponent - least).expand()
        parts = Add.make_args(rest)
        if any(
            (self.lower_bound(part) or 0) < 0 or self.lower_bound(part) is None for part in parts
        ):
            # ``0^(p - q)`` is not ``0^p 0^(-q)``: parts that may be negative stay together.
            parts = (rest,)
        result = self._rewrite_integer_power(base, least, shown)
        for part in parts:
            # base differs from 0 here
            if part.could_extract_minus_sign() and self.lower_bound(part) is None:
                result = result * powers.symbolic_power(self, base, -part).inverse()
            elif part != 0:
                result = result * powers.symbolic_power(self, base, part)
        return result
