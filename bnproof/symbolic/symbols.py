"""What the symbols of a statement mean, wherever they stand; what cannot be read as it is written
is refused.

Only ``i``, ``j``, ``k`` (which lie in ``1..m``), ``m``, the index of a sum, and symbols declared as
integers may stand in an index position: an index of an entry, an argument of a Kronecker delta, a
bound of a sum.  A plain symbol is a real number.  A name of the setting belongs to the setting.

A prover that guesses what was meant would prove something else than was asked. So every refusal is
an ``Unreadable`` whose sentence names the symbol and says what to write instead. Start reading at
``Symbols.collect``.

Examples
--------
>>> from sympy import Symbol
>>> from bnproof.symbolic import Unreadable, x
>>> from bnproof.symbolic.symbols import Symbols
>>> symbols = Symbols()
>>> symbols.collect(x[1] + Symbol("a"))
>>> [symbol.name for symbol in symbols.scalars], list(symbols.bases)
(['a'], ['x'])
>>> try:
...     symbols.collect(x[Symbol("b", real=True)])
... except Unreadable as refused:
...     print(str(refused).split(" and ")[0])
b stands in an index position of x[b]
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sympy import (
    Basic,
    Derivative,
    Dummy,
    Expr,
    Float,
    Idx,
    Indexed,
    IndexedBase,
    KroneckerDelta,
    Limit,
    Rational,
    S,
    Sum,
    Symbol,
    Wild,
)
from sympy.core.relational import Relational

from bnproof.symbolic import setting
from bnproof.symbolic.outcomes import Unreadable
from bnproof.symbolic.setting import Every, g, i, j, k, m, x

# Only the names that are symbols or bases. The others are expressions, such as ``mu``.
OWN = {
    name: getattr(setting, name) for name in ("m", "i", "j", "k", "gamma", "beta", "eps", "x", "g")
}
# A reader would take a symbol of one of these names for the statistic, and the prover would not.
TAKEN = {*OWN, "mu", "v", "s", "xhat", "y"}
# SymPy computes with these as if they were numbers. A real number they are not. The order matters:
# the second and the third are the targets that a limit may have.
NO_NUMBERS = (S.NaN, S.Infinity, S.NegativeInfinity, S.ComplexInfinity, S.ImaginaryUnit)

# Bits of a number: 900 digits, which Python prints and multiplies at once.
LONGEST = 3_000
# Of a derivative: the dual numbers of the exact check double with each order.
LARGEST_ORDER = 6

# the bound symbols in force, and whether each is an integer (it indexes a sum)
Bound = Mapping[Basic, bool]
NOTHING: Bound = {}

_READ_AS: dict[Basic, Basic] = {}  # equal symbols are read alike in every statement


class Symbols:
    """Collects the free symbols and bases of a statement and its conditions, and refuses what has
    two readings.

    Attributes
    ----------
    scalars
        The free symbols that stand for numbers, in the order in which they were met.
    bases
        The indexed bases by name.
    """

    def __init__(self) -> None:
        self.scalars: dict[Basic, None] = {}
        self._named: dict[str, Basic] = {}
        self.bases: dict[str, IndexedBase] = {}
        self._ranks: dict[IndexedBase, int] = {}

    @property
    def meaning(self) -> dict[Basic, Basic]:
        """What the user's symbols are read as, where that is not the symbol itself.

        A symbol that is not declared real is read as a real one, under a dummy of the same name. So
        is a symbol that is also the label of a base, and an ``Idx``, which is read as an integer.
        A base that is not declared real is read as a real one of the same name.

        Without this SymPy would keep ``sqrt(a^2)`` apart from ``|a|``, as it does for complex
        numbers.
        """
        labels = {base.label for base in self.bases.values()}
        read: dict[Basic, Basic] = {}
        for symbol in self.scalars:
            if isinstance(symbol, Idx) or symbol.is_real is None or symbol in labels:
                # The same dummy in every statement, so that what was compiled for one serves the
                # next.
                read[symbol] = _READ_AS.setdefault(symbol, _build_dummy(symbol))
        for base in self.bases.values():
            if base.is_real is None:
                known = base.assumptions0 | {"real": True}
                read[base] = _READ_AS.setdefault(base, IndexedBase(str(base.label), **known))
        return read

    def collect(self, e: Basic, bound: Bound = NOTHING, index_of: Basic | None = None) -> None:
        """Walk an expression and collect its symbols.

        Nothing is kept of bound symbols. A second call goes on with what the first one kept, so a
        statement and its conditions are walked one after the other.

        Parameters
        ----------
        e
            A statement, a condition, or a part of one.
        bound
            The bound symbols in force here, and whether each of them indexes a sum.
        index_of
            The node in whose index position ``e`` stands; ``None`` where it stands in none.

        Raises
        ------
        Unreadable
            For what has two readings or none: a name of the setting that is not the setting's, two
            symbols of one name, floating-point numbers, infinite sums, and the like.
        """
        match e:
            case Symbol() | Idx():
                if e not in bound:
                    self._collect_free(e, index_of)
            case IndexedBase():
                self._collect_base(e)
            case Indexed():
                self._collect_entry(e, bound)
            case KroneckerDelta():
                if len(e.args) != 2:
                    raise Unreadable(
                        f"{e} has a range: write KroneckerDelta({e.args[0]}, {e.args[1]}) and"
                        " conditions"
                    )
                for index in e.args:
                    self._collect_index(index, bound, e)
            case Sum():
                self._collect_sum(e, bound)
            case Limit():
                self._collect_limit(e, bound)
            case Every():
                for index in e.indices:
                    if index not in e.relation.free_symbols:
                        raise Unreadable(
                            f"{index} does not occur in {e.relation}: leave it out of Every"
                        )
                self.collect(e.relation, {**bound, **dict.fromkeys(e.indices, True)})
            case Derivative():
                orders = [order for _, order in e.variable_count if not order.is_Integer]
                if orders:
                    raise Unreadable(
                        f"a derivative of the order {orders[0]}: write the order as a number"
                    )
                if e.derivative_count > LARGEST_ORDER:
                    raise Unreadable(
                        f"a derivative of the order {e.derivative_count}: they go up to"
                        f" {LARGEST_ORDER}"
                    )
                for variable, _ in e.variable_count:
                    if variable.is_integer:
                        raise Unreadable(
                            f"a derivative by {variable}, an integer: differentiate by a real"
                            " number"
                        )
                for part in (e.expr, *(variable for variable, _ in e.variable_count)):
                    self.collect(part, bound)
            case Rational():
                if max(int(e.p).bit_length(), int(e.q).bit_length()) > LONGEST:
                    raise Unreadable(
                        f"a number of more than {LONGEST} bits: name it by a symbol, with a"
                        " condition"
                    )
            case Relational() if any(not isinstance(side, Expr) for side in e.args):
                raise Unreadable(f"{e} compares statements: write a relation of numbers")
            case Float():
                raise Unreadable(f"{e} is a floating-point number: write it as a Rational")
            case _:
                if e in NO_NUMBERS:
                    raise Unreadable(f"{e} is no real number")
                for argument in e.args:
                    self.collect(argument, bound, index_of)

    def _collect_free(self, symbol: Basic, index_of: Basic | None) -> None:
        """Keep a free symbol, once its name, its assumptions and its position allow only one
        reading.

        A complex symbol that is not known to be real is refused and not read as a real one: who
        declares ``complex`` may mean it.

        Parameters
        ----------
        symbol
            A ``Symbol`` or an ``Idx`` that is not bound where it stands.
        index_of
            The node in whose index position it stands; ``None`` where it stands in none.

        Raises
        ------
        Unreadable
            For a name that is taken or used twice, for a symbol that is not real, and for one in an
            index position that is not declared as an integer.
        """
        name = symbol.name
        if not name or isinstance(symbol, Wild):
            raise Unreadable("a Wild symbol, or one without a name: write Symbol('a', real=True)")
        _refuse_line_breaks(name)
        if name in TAKEN and symbol != OWN.get(name):
            raise Unreadable(
                f"your {name} is not bnproof's {name}: import it from bnproof.symbolic, or rename"
                " yours"
            )
        if isinstance(symbol, Idx):
            if symbol.lower is not None or symbol.upper is not None:
                raise Unreadable(
                    f"{symbol} has a range of its own: use a symbol declared integer, and"
                    " conditions"
                )
        elif (
            symbol.is_commutative is False
            or symbol.is_real is False
            or (symbol.is_complex and not symbol.is_real)
        ):
            raise Unreadable(f"{symbol} is not declared real: write Symbol('{name}', real=True)")
        elif index_of is not None and symbol not in (i, j, k, m) and not symbol.is_integer:
            raise Unreadable(
                f"{symbol} stands in an index position of {index_of} and is not declared integer: "
                f"write Symbol('{name}', integer=True), or use i, j or k"
            )
        self.scalars[symbol] = None
        if self._named.setdefault(name, symbol) != symbol:
            raise Unreadable(f"two different symbols are named {name}: rename one of them")

    def _collect_base(self, base: IndexedBase) -> None:
        """Keep an indexed base, once its name and its assumptions allow only one reading.

        Raises ``Unreadable`` for a name that is taken or used twice, for a base that is not real,
        and for one with a shape.
        """
        name = str(base.label)
        _refuse_line_breaks(name)
        if name in TAKEN and base not in (x, g):
            raise Unreadable(
                f"your {name} is not bnproof's {name}: import it from bnproof.symbolic, or rename"
                " yours"
            )
        if (
            base.is_real is False
            or base.is_commutative is False
            or (base.is_real is None and base.is_complex)
        ):
            raise Unreadable(f"{name} is not declared real: write IndexedBase('{name}', real=True)")
        if base.shape is not None:
            raise Unreadable(
                f"{name} has a shape, which counts from 0 where bnproof counts from 1: leave it out"
            )
        if self.bases.setdefault(name, base) != base:
            raise Unreadable(f"two different bases are named {name}: rename one of them")

    def _collect_entry(self, e: Indexed, bound: Bound) -> None:
        """The base and the indices of an entry; ``x`` and ``g`` take one index.

        Raises ``Unreadable`` where a base has more indices in one place than in another: an entry
        of a vector is no entry of a matrix.
        """
        self.collect(e.base)
        if e.base in (x, g) and len(e.indices) != 1:
            raise Unreadable(f"{e} has {len(e.indices)} indices, and {e.base} takes one")
        ranks = {len(e.indices), self._ranks.setdefault(e.base, len(e.indices))}
        if len(ranks) > 1:
            raise Unreadable(
                f"{e.base} takes {max(ranks)} indices in one place and {min(ranks)} in another:"
                " name one of the two otherwise"
            )
        for index in e.indices:
            self._collect_index(index, bound, e)

    def _collect_index(self, index: Expr, bound: Bound, node: Basic) -> None:
        """What stands in an index position, which has to be an integer for all values of its
        symbols.

        Parameters
        ----------
        index
            An index of an entry, an argument of a Kronecker delta, or a bound of a sum.
        bound
            The bound symbols in force there.
        node
            The entry, delta or sum, for the message.

        Raises
        ------
        Unreadable
            Where it is not known to be an integer, as ``i/2``.
        """
        self.collect(index, bound, node)
        # An index of a sum is an integer there, whatever is assumed of its symbol elsewhere.
        whole = {symbol: Dummy(integer=True) for symbol, is_index in bound.items() if is_index}
        if index.xreplace(whole).is_integer is not True:
            raise Unreadable(
                f"{index} stands in an index position of {node} and is not known to be an integer"
            )

    def _collect_sum(self, e: Sum, bound: Bound) -> None:
        """The bounds of a sum, from the outermost index inwards, then its summand.

        Raises ``Unreadable`` for a sum without bounds, over infinitely many terms, or over what is
        no symbol.
        """
        for limit in reversed(e.limits):  # the last one is the outermost
            if len(limit) != 3:
                raise Unreadable(f"the sum over {limit[0]} has no bounds: write ({limit[0]}, 1, m)")
            index, low, high = limit
            if not isinstance(index, (Symbol, Idx)):
                raise Unreadable(f"a sum over {index}: sum over a symbol")
            if (
                isinstance(index, Idx)
                and index.lower is not None
                and (index.lower, index.upper) != (low, high)
            ):
                raise Unreadable(
                    f"{index} has a range of its own, which is not {low}..{high}: use a plain"
                    " symbol"
                )
            for end in (low, high):
                if end in NO_NUMBERS:
                    raise Unreadable("an infinite sum: write a Limit of a finite one")
                self._collect_index(end, bound, e)
            # The bounds of the inner sums see this index, its own bounds do not.
            bound = {**bound, index: True}
        self.collect(e.function, bound)

    def _collect_limit(self, e: Limit, bound: Bound) -> None:
        """The target of a limit, then its function with the variable bound.

        Raises ``Unreadable`` for a limit by what is no symbol, such as an entry.
        """
        function, variable, target, _ = e.args
        if not isinstance(variable, Symbol):
            raise Unreadable(f"a limit by {variable}: let a symbol tend to {target}, and put it in")
        # A sequence has no limit at a number, and SymPy would take one of real numbers.
        if variable.is_integer and target.is_finite is not False:
            raise Unreadable(
                f"a limit where {variable}, an integer, tends to {target}: put it in, or let a real"
                " symbol tend there"
            )
        # A limit at infinity or minus infinity is the one place where these may stand.
        if target not in NO_NUMBERS[1:3]:
            self.collect(target, bound)
        self.collect(function, {**bound, variable: bool(variable.is_integer)})


def _build_dummy(symbol: Any) -> Basic:
    """A real symbol under the same name that is equal to no other; an integer for an ``Idx``."""
    if isinstance(symbol, Idx):
        return Dummy(str(symbol.label), integer=True)
    return Dummy(symbol.name, **(symbol.assumptions0 | {"real": True}))


def _refuse_line_breaks(name: str) -> None:
    """Refuse a name that would break a message over several lines."""
    if len(name.splitlines()) > 1:
        raise Unreadable(f"the name {name!r} has several lines: choose another one")
