"""Germs: a function of ``t`` near ``t = 0``, ``t > 0``, by the first terms of its Laurent series.

The exact check finds a limit by evaluating with a germ in place of the variable: ``1/t^2`` for one
that tends to infinity, ``target + t^2`` or ``target - t^2`` for one that tends to a number. The
coefficients are exact. The limit is the coefficient of ``t^0``, if none of a negative power is
left.

A series that does not end is cut off. Every germ therefore knows up to which power its terms are
known, and the arithmetic keeps account of it: an answer that would need an unknown term is refused,
never guessed.

Start reading at :class:`Germ` and :meth:`Germ.limit`.
"""

from __future__ import annotations

from typing import Any

from flint import fmpq

from bnproof.symbolic.intervals import Interval
from bnproof.symbolic.surds import NotExact, Surd, exact_root

# Terms that are kept of a series without end. Each division and each root costs as many
# multiplications. With fewer terms more limits are refused, those in which the first terms cancel.
ORDER = 12


class Diverges(ArithmeticError):
    """The function tends to no number."""


class Germ:
    """``sum c_n t^n``, where the terms from ``t^known`` on are not known.

    Attributes
    ----------
    terms
        The coefficients that are not 0, by their powers of ``t``. They are rationals, surds or
        intervals.
    known
        The first power whose coefficient is unknown; ``None`` where the series ends, so that the
        germ is exact.

    Notes
    -----
    A sum is known as far as both of its parts are. A product ``a b`` is known up to the limit of
    ``a`` plus the lowest power of ``b``, and up to the limit of ``b`` plus the lowest power of
    ``a``, whichever is less.
    """

    __slots__ = ("known", "terms")

    def __init__(self, terms: dict[int, Any], known: int | None = None) -> None:
        # a term beyond the limit would only pretend to be known
        self.terms = {
            n: c for n, c in terms.items() if not _is_zero(c) and (known is None or n < known)
        }
        self.known = known

    @classmethod
    def from_number(cls, number: Any) -> Germ:
        """Read a number as a constant germ; a germ stays as it is."""
        return number if isinstance(number, Germ) else cls({0: number})

    @property
    def _lowest(self) -> int:
        """The lowest power there is, or could be."""
        if self.terms:
            return min(self.terms)
        # an exact 0 has no lowest power; times an unknown error it is 0, so any number is safe here
        return ORDER if self.known is None else self.known

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, (fmpq, Surd, Interval, Germ)):
            # hands over to a dual number, whose own arithmetic takes germs
            return NotImplemented
        other = Germ.from_number(other)
        total = dict(self.terms)
        for n, c in other.terms.items():
            total[n] = total.get(n, fmpq(0)) + c
        ends = [end for end in (self.known, other.known) if end is not None]
        return Germ(total, min(ends, default=None))

    __radd__ = __add__

    def __neg__(self) -> Germ:
        return Germ({n: -c for n, c in self.terms.items()}, self.known)

    def __sub__(self, other: Any) -> Any:
        return self + (-other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, (fmpq, Surd, Interval, Germ)):
            return NotImplemented
        other = Germ.from_number(other)
        total: dict[int, Any] = {}
        for n, c in self.terms.items():
            for p, d in other.terms.items():
                total[n + p] = total.get(n + p, fmpq(0)) + c * d
        ends = [
            a.known + b._lowest for a, b in ((self, other), (other, self)) if a.known is not None
        ]
        return Germ(total, min(ends, default=None))

    __rmul__ = __mul__

    def _split(self) -> tuple[int, Any, Germ]:
        """Write the germ as ``c t^n (1 + rest)``, where ``rest`` tends to 0.

        Raises
        ------
        ZeroDivisionError
            For an exact 0.
        NotExact
            Where every known term is 0: the leading one is then not known.
        """
        if not self.terms:
            if self.known is None:
                raise ZeroDivisionError("division by a function that is 0")
            raise NotExact("a function whose first terms vanish")
        lowest = min(self.terms)
        leading = self.terms[lowest]
        scale = 1 / leading if isinstance(leading, fmpq) else leading.inverse()
        known = None if self.known is None else self.known - lowest
        return (
            lowest,
            leading,
            Germ({n - lowest: c * scale for n, c in self.terms.items() if n > lowest}, known),
        )

    def inverse(self) -> Germ:
        """``1/(c t^n (1 + r)) = t^-n/c (1 - r + r^2 - ...)``.

        Raises
        ------
        ZeroDivisionError
            For an exact 0.
        NotExact
            Where every known term is 0.
        """
        lowest, leading, rest = self._split()
        scale = 1 / leading if isinstance(leading, fmpq) else leading.inverse()
        return self._expand_series(rest, lambda n: fmpq((-1) ** n)) * Germ({-lowest: scale})

    def sqrt(self) -> Germ:
        """``sqrt(c t^n (1 + r)) = sqrt(c) t^(n/2) (1 + r/2 - r^2/8 + ...)``.

        Raises
        ------
        ValueError
            Where the leading coefficient is negative.
        NotExact
            For an odd ``n``, where the root is no series in ``t``, and where every known term is 0.
        """
        if not self.terms and self.known is None:
            return self
        lowest, leading, rest = self._split()
        if (leading < 0) if isinstance(leading, fmpq) else (leading.sign() < 0):
            raise ValueError("square root of a negative number")
        if lowest % 2:
            raise NotExact("a root that is no series in t")
        root = exact_root(leading) if isinstance(leading, fmpq) else leading.sqrt()
        return self._expand_series(rest, _half_binomial) * Germ({lowest // 2: root})

    @staticmethod
    def _expand_series(rest: Germ, coefficient: Any) -> Germ:
        """``1 + sum_n coefficient(n) rest^n``, cut off at ``t^ORDER``.

        ``rest`` starts at ``t^1`` or later, so its n-th power has no term below ``t^n``.
        """
        # the only case in which the series is sure to end
        if not rest.terms and rest.known is None:
            return Germ({0: fmpq(1)})
        total, power = Germ({0: fmpq(1)}, ORDER), Germ({0: fmpq(1)})
        for n in range(1, ORDER):
            power = Germ((power * rest).terms, min(ORDER, (power * rest).known or ORDER))
            total = total + power * Germ({0: coefficient(n)})
        return total

    def __pow__(self, exponent: int) -> Germ:
        base = self if exponent >= 0 else self.inverse()
        power = Germ({0: fmpq(1)})
        for _ in range(abs(exponent)):
            power = power * base
        return power

    def sign(self) -> int:
        """The sign near 0, which is that of the leading coefficient; 0 for an exact 0.

        Raises
        ------
        NotExact
            Where every known term is 0.
        """
        if not self.terms and self.known is None:
            return 0
        _, leading, _ = self._split()
        return (1 if leading > 0 else -1) if isinstance(leading, fmpq) else int(leading.sign())

    def limit(self) -> Any:
        """The limit for ``t -> 0``.

        Raises
        ------
        Diverges
            Where a term with a negative power is left.
        NotExact
            Where the coefficient of ``t^0`` is not known.
        """
        if any(n < 0 for n in self.terms):
            raise Diverges("a limit that does not exist")
        if self.known is not None and self.known <= 0:
            raise NotExact("a limit of a function whose first terms cancel")
        return self.terms.get(0, fmpq(0))


def _half_binomial(n: int) -> fmpq:
    """``binom(1/2, n) = (1/2)(1/2 - 1) ... (1/2 - n + 1)/n!``."""
    result = fmpq(1)
    for p in range(n):
        result = result * (fmpq(1, 2) - p) / (p + 1)
    return result


def _is_zero(number: Any) -> bool:
    """Tell whether a coefficient is 0; an interval that contains 0 does not say."""
    if isinstance(number, Interval) and number.contains_zero:
        raise NotExact("a coefficient that may be 0")
    return isinstance(number, fmpq) and number == 0
