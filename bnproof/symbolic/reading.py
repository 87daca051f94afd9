"""Reading a statement: what its symbols mean, bound indices renamed apart, and what has to exist.

SymPy lets two sums share an index name and captures it when it substitutes or differentiates; after
reading, every summation index is a fresh dummy, so nothing later can capture anything.  SymPy may
also cancel a part when it rebuilds an expression, and yet the part has to exist: each one is
recorded while the statement is read.

What is read here serves the normal form. The exact check evaluates the statement as it was
received, so that a fault of this module would show as a disagreement of the two. Start reading at
:func:`read`, then at :func:`rename_bound`.

Examples
--------
SymPy cancels ``b`` here, and still ``1/b`` has to exist:

>>> from sympy import Eq, Mul, Symbol
>>> from bnproof.symbolic.reading import read
>>> a, b = Symbol("a", real=True), Symbol("b", real=True)
>>> question = read(Eq(Mul(a * b, 1 / b, evaluate=False), a, evaluate=False))
>>> question.statement, question.present
(Eq(a, a), (1/b,))
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sympy import (
    Abs,
    Add,
    Basic,
    Derivative,
    Dummy,
    Expr,
    Function,
    Idx,
    Indexed,
    IndexedBase,
    Integer,
    KroneckerDelta,
    Limit,
    Max,
    Min,
    Mod,
    Mul,
    Piecewise,
    Pow,
    Sum,
    Symbol,
    Tuple,
    acos,
    asin,
    atan,
    ceiling,
    cos,
    cosh,
    exp,
    floor,
    log,
    oo,
    sign,
    sin,
    sinh,
    sympify,
    tan,
    tanh,
    true,
)
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import And, Boolean, BooleanFunction

from bnproof.symbolic.expectation import Expectation, degree
from bnproof.symbolic.lengths import (
    refuse_foreign_parts,
    refuse_large_trees,
    refuse_long_powers,
)
from bnproof.symbolic.outcomes import Undecided, Unreadable
from bnproof.symbolic.setting import Every, eps, i, j, k, m, x
from bnproof.symbolic.symbols import Symbols

# The order is that of the cases a statement is split into, and of the indices in messages.
FREE = (i, j, k)
Range = tuple[Expr, Expr]
Part = Any  # an expression that has to exist, ``Near`` or ``Around``


@dataclass(frozen=True)
class Near:
    """Parts that depend on the variable of a limit: they have to exist near its target.

    Attributes
    ----------
    limit
        The limit as it is read. It names the variable, the target and the side.
    parts
        Expressions, or further parts of limits and derivatives inside.
    """

    limit: Limit
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Around:
    """Parts of an expression that is differentiated: they have to exist around the point, not only
    at it.

    At an end of the domain, such as ``a = 1`` for ``sqrt(a - 1)``, there is no derivative.

    Attributes
    ----------
    variables
        What is differentiated by, each variable once.
    parts
        The parts of the expression under the derivative.
    """

    variables: tuple[Expr, ...]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Read:
    """An expression as it is read: bound symbols renamed, the ranges of sums, and the parts that
    have to exist.

    Attributes
    ----------
    expression
        The expression, evaluated by SymPy. It may have lost parts that cancel.
    parts
        The parts of the expression as it was received, those SymPy has cancelled among them, each
        of them once.
    ranges
        ``(index, (low, high))`` for each sum, in bound symbols that are renamed already. Outer sums
        come before those inside.
    """

    expression: Basic
    parts: tuple[Part, ...] = ()
    ranges: tuple[tuple[Symbol, Range], ...] = ()


@dataclass(frozen=True)
class Question:
    """A statement and its conditions as they were received, and what their symbols are read as.

    Everything else is derived from these four when it is first asked for.

    Attributes
    ----------
    received
        The statement.
    conditions
        The conditions, conjunctions taken apart.
    symbols
        The free symbols and bases that occur in any of them.
    aside
        Of an inequality, what its sides are claimed to differ by, as it was received; ``None``
        where nothing is claimed.
    """

    received: Basic
    conditions: tuple[Basic, ...]
    symbols: Symbols
    aside: Expr | None = None

    @cached_property
    def meaning(self) -> dict[Basic, Basic]:
        """What the user's own symbols are read as; symbols that are read as themselves are left
        out."""
        return self.symbols.meaning

    @cached_property
    def _read(self) -> Read:
        """The statement with its parts and ranges."""
        return rename_bound(self.received, self.meaning)

    @property
    def statement(self) -> Basic:
        """The statement with bound symbols renamed apart, as SymPy rebuilds it."""
        return self._read.expression

    @cached_property
    def _given(self) -> tuple[Read, ...]:
        """The conditions with their parts and ranges."""
        return tuple(rename_bound(condition, self.meaning) for condition in self.conditions)

    @cached_property
    def given(self) -> tuple[Basic, ...]:
        """The conditions, read like the statement."""
        return tuple(read_as.expression for read_as in self._given)

    @cached_property
    def _remainder(self) -> Read | None:
        """The remainder with its parts and ranges."""
        return None if self.aside is None else rename_bound(self.aside, self.meaning)

    @property
    def remainder(self) -> Expr | None:
        """What the sides of an inequality are claimed to differ by."""
        return None if self._remainder is None else self._remainder.expression

    @property
    def present(self) -> tuple[Part, ...]:
        """The parts of the statement that have to exist, those SymPy has cancelled among them."""
        return self._read.parts

    @cached_property
    def ranges(self) -> dict[Symbol, Range]:
        """The bounds of each summation index, outer sums first."""
        reads = [self._read, *self._given, *([self._remainder] if self._remainder else [])]
        return {index: span for one in reads for index, span in one.ranges}

    @cached_property
    def named(self) -> list[Symbol]:
        """The free symbols that the statement and its conditions mention, without the batch size,
        by name."""
        read_as = {self.meaning.get(symbol, symbol) for symbol in self.symbols.scalars}
        return sorted(read_as - {m}, key=lambda symbol: (symbol.name, str(symbol)))

    @property
    def scalars(self) -> list[Symbol]:
        """The batch size, then eps and the symbols mentioned, by name."""
        return [m, *sorted({eps, *self.named}, key=lambda symbol: symbol.name)]

    @property
    def free_indices(self) -> list[Symbol]:
        """Those of ``i``, ``j``, ``k`` that are mentioned."""
        return [index for index in FREE if index in self.named]

    @property
    def received_parts(self) -> tuple[Basic, ...]:
        """The statement, the conditions and the remainder, as they were received."""
        return (self.received, *self.conditions, *(() if self.aside is None else (self.aside,)))

    @cached_property
    def indices(self) -> list[Expr]:
        """Index terms with no summation index in them (``i``, ``k``, ``1``), in a fixed order.

        They are what a statement is split into cases by: two of them are equal or differ. The
        indices of a condition on all entries are bound, so they do not count.
        """
        parts = (part for part in self.received_parts if not isinstance(part, Every))
        used = {t.xreplace(self.meaning).expand() for p in parts for t in list_free_indices(p)}
        return sorted(used | set(self.free_indices), key=str)

    @cached_property
    def bases(self) -> list[IndexedBase]:
        """The indexed bases, ``x`` always among them, by name."""
        return sorted(
            {self.meaning.get(base, base) for base in (x, *self.symbols.bases.values())}, key=str
        )

    @cached_property
    def vectors(self) -> list[IndexedBase]:
        """The bases whose entries have one index, as a batch has."""
        parts = (self.received, *self.conditions)
        several = {e.base for part in parts for e in part.atoms(Indexed) if len(e.indices) != 1}
        return [
            base for base in self.bases if base not in {self.meaning.get(b, b) for b in several}
        ]


def read(statement: Any, given: tuple[Any, ...] = (), remainder: Expr | None = None) -> Question:
    """Read a SymPy statement, its conditions and a remainder.

    Parameters
    ----------
    statement
        A SymPy relation, a logical combination of them, or ``true`` or ``false``.
    given
        The conditions. A conjunction among them is taken apart.
    remainder
        Of an inequality, what its sides are claimed to differ by.

    Returns
    -------
    Question
        What was received, once all of its symbols have one meaning.

    Raises
    ------
    TypeError
        For what is no statement or condition.
    Unreadable
        For what cannot be read exactly as it is written. It is a ``ValueError``.
    """
    received = _read_boolean(statement)
    if isinstance(received, Every):
        raise TypeError(f"{received} is a condition on all entries, no statement")
    conditions = tuple(
        part for one in given for part in And.make_args(_read_boolean(one, "condition", "m >= 2"))
    )
    # First of all: every walk takes as long as the tree is large.
    parts = (received, *conditions, *(() if remainder is None else (remainder,)))
    refuse_large_trees(parts)
    for condition in (received, *conditions):
        if not isinstance(condition, Every) and condition.has(Every):
            raise Unreadable(
                f"{condition}: Every(...) is a condition of its own, not a part of one"
            )
    symbols = Symbols()
    # Before anything is rebuilt: SymPy would compute a power that takes for ever.
    refuse_long_powers(parts, conditions)
    for part in parts:
        symbols.collect(part)
    return Question(received, conditions, symbols, remainder)


def substitute(part: Basic, replacements: dict[Basic, Basic]) -> Basic:
    """``part`` with replacements made; a relation stays one, without SymPy deciding it by
    assumptions.

    Parameters
    ----------
    part
        An expression, a relation, or a condition on all entries.
    replacements
        What is put in, for symbols or for whole subexpressions.

    Examples
    --------
    >>> from sympy import Ge, Integer, Symbol
    >>> from bnproof.symbolic.reading import substitute
    >>> a = Symbol("a", real=True)
    >>> substitute(Ge(a, 0, evaluate=False), {a: Integer(1)})
    1 >= 0
    """
    if not replacements:
        return part
    if isinstance(part, Every):
        return Every(substitute(part.relation, replacements), *part.indices)
    if isinstance(part, Relational):
        return part.func(*(side.xreplace(replacements) for side in part.args), evaluate=False)
    return part.xreplace(replacements)


def _read_boolean(part: Any, what: str = "statement", example: str = "Eq(lhs, rhs)") -> Basic:
    """A statement or condition as SymPy has it; raises ``TypeError`` for anything else.

    ``what`` and ``example`` go into the message.
    """
    # A text is refused before ``sympify`` sees it, which would evaluate it as code.
    if isinstance(part, str):
        raise TypeError(f"{part!r} is a text: write the {what} with SymPy, such as {example}")
    if isinstance(part, bool):
        raise TypeError(f"{part} is a Python bool, which a == b gives: write Eq(a, b)")
    if hasattr(part, "dtype"):  # what NumPy gives; SymPy would take its truth value
        raise TypeError(f"{part!r} is a value of NumPy's: write the {what} with SymPy")
    if isinstance(part, (list, tuple, set, frozenset, dict)):
        raise TypeError("conditions are given one by one: prove(statement, condition, condition)")
    try:
        read_as = sympify(part)
    except Exception as error:
        raise TypeError(f"{part!r} is no {what}: write an equation such as {example}") from error
    if not isinstance(read_as, (Relational, Boolean)) or isinstance(read_as, Symbol):
        raise TypeError(f"{part} is no {what}: write an equation such as {example}")
    refuse_foreign_parts(read_as)
    return read_as


#: Functions that have a value for every real argument; any other one has to be known to exist. A
#: function that is missing here costs proofs, while one that does not belong here would be unsound.
TOTAL = (Abs, sign, Max, Min, exp, sin, cos, sinh, cosh, tanh, KroneckerDelta, Piecewise)

#: Kinds of nodes that are read; every other one is refused.
READABLE = (
    *(Add, Mul, Pow, Indexed, Derivative, Piecewise, ExprCondPair),
    *(Relational, BooleanFunction, Tuple),
    # Functions that SymPy evaluates at once. Of others, such as factorials, one number may take for
    # ever, and the normal form has no use for them.
    *(*TOTAL, log, tan, asin, acos, atan, Mod, floor, ceiling, Expectation, AppliedUndef),
)

# -- renaming --------------------------------------------------------------------------------------

# By expression and by what is put for its names. Beside the time, this table is what gives equal
# sums equal dummies: a sum that was read before comes back with the dummy it got then.
_KNOWN: dict[tuple[Basic, frozenset[tuple[Basic, Basic]]], Read] = {}


def rename_bound(e: Basic, names: dict[Basic, Basic] | None = None) -> Read:
    """``e`` with every bound symbol replaced by a dummy.

    Equal sums get equal dummies, here and in every other statement; no sum contains itself.

    Parameters
    ----------
    e
        An expression, a relation or a condition.
    names
        What is put for free symbols and bases.

    Returns
    -------
    Read
        The expression with its parts and ranges.

    Raises
    ------
    Undecided
        For a kind of node that is not known, and for an expected value beyond its degree.
    Unreadable
        Where SymPy cannot rebuild the expression.

    Examples
    --------
    >>> from sympy import Symbol
    >>> from bnproof.symbolic.reading import rename_bound
    >>> a = Symbol("a", real=True)
    >>> read_as = rename_bound((a + 1) / a)
    >>> read_as.expression, read_as.parts
    ((a + 1)/a, (1/a,))
    """
    names = names or {}
    if isinstance(e, (Symbol, Idx, IndexedBase)):
        return Read(names.get(e, e))
    if not e.args:
        return Read(e)
    mentioned = _find_names(e)
    key = (e, frozenset((old, new) for old, new in names.items() if old in mentioned))
    if key not in _KNOWN:
        # A bound on the memory. Statements read later get new dummies, which changes no verdict.
        if len(_KNOWN) > 1 << 16:
            _KNOWN.clear()
        _KNOWN[key] = _rename_bound(e, names)
    return _KNOWN[key]


def _rename_bound(e: Basic, names: dict[Basic, Basic]) -> Read:
    """One level of :func:`rename_bound`; the arguments go through it again.

    ``own`` holds what this node adds to the parts of its arguments. It is built unevaluated, since
    SymPy might cancel even the part.
    """
    if isinstance(e, Sum):
        return _rename_sum(e, names)
    if isinstance(e, Limit):
        return _rename_limit(e, names)
    if isinstance(e, Every):
        return _rename_every(e, names)
    if not isinstance(e, READABLE):
        # what SymPy cancels of an unknown kind would vanish unseen, whether it exists or not
        raise Undecided(f"{type(e).__name__} is beyond the power-sum normal form")
    if isinstance(e, Expectation):
        # over all values of the entries: whether a part exists for those at hand says nothing
        of_degree = degree(e.args[0])
        if of_degree is None or of_degree > e.most:
            raise Undecided("an expected value beyond the degree its presumptions decide")
    inside = [rename_bound(a, names) for a in e.args]
    arguments = [one.expression for one in inside]
    built = _rebuild(e, arguments)
    own: tuple[Part, ...] = ()
    # A power with a positive number for its exponent exists wherever its base does.
    if isinstance(e, Pow) and not (arguments[1].is_Integer and arguments[1] > 0):
        own = (Pow(*arguments, evaluate=False),)
    elif isinstance(e, log):
        own = (log(*arguments, evaluate=False),)
    elif isinstance(e, Indexed):
        own = (built,)
    elif isinstance(e, Derivative):
        own = (built, Around(tuple(variable for variable, _ in arguments[1:]), inside[0].parts))
    # With a last case for all that is left, one of the cases always applies.
    elif isinstance(e, Piecewise) and e.args[-1].cond != true:
        own = (Piecewise(*arguments, evaluate=False),)
    elif isinstance(e, Function) and not isinstance(e, TOTAL):
        own = (e.func(*arguments, evaluate=False),)
    return _gather(built, inside, own)


def _rebuild(e: Basic, arguments: list[Basic]) -> Basic:
    """``e`` with other arguments; a relation stays one, all else is evaluated by SymPy."""
    if isinstance(e, Relational):
        return e.func(*arguments, evaluate=False)
    try:
        return e.func(*arguments)
    except (TypeError, ArithmeticError) as error:  # of Mod(a, 0), and of orders that hold NaN
        raise Unreadable(f"{e}: SymPy cannot evaluate it ({error})") from error


def _gather(built: Basic, inside: list[Read], own: tuple[Part, ...] = ()) -> Read:
    """``built`` with the parts and ranges of what is inside, and its own parts last."""
    # A dictionary keeps the order, so that of several parts the same one is named on every run.
    parts = dict.fromkeys(part for one in inside for part in one.parts) | dict.fromkeys(own)
    ranges = dict(pair for one in inside for pair in one.ranges)
    return Read(built, tuple(parts), tuple(ranges.items()))


def _rename_sum(e: Sum, names: dict[Basic, Basic]) -> Read:
    """A sum, opened at its outermost index.

    The last limit of a SymPy ``Sum`` is the outermost; each bound sees only the indices outside of
    it. The part that is recorded is the sum of 1 over the same range: whether a sum runs backwards
    does not depend on its summand.
    """
    *inner, (index, low, high) = e.limits
    summand = Sum(e.function, *inner) if inner else e.function
    first, last = rename_bound(low, names), rename_bound(high, names)
    # as it is read: an index of an outer sum may be a symbol that is declared positive elsewhere
    known = {"positive": True} if first.expression.is_positive else {}
    fresh = Dummy(index.name, integer=True, **known)
    body = rename_bound(summand, {**names, index: fresh})
    span = (first.expression, last.expression)
    built = Sum(body.expression, (fresh, *span))
    outer = Read(built, (), ((fresh, span),))
    return _gather(built, [outer, first, last, body], (Sum(Integer(1), (fresh, *span)),))


def _rename_limit(e: Limit, names: dict[Basic, Basic]) -> Read:
    """A limit. Parts that depend on its variable have to exist near the target, the others
    everywhere."""
    function, variable, target, direction = e.args
    known = {"integer": True} if variable.is_integer else {}
    # Near infinity the variable is positive. Near any other target its sign is not known here.
    fresh = Dummy(
        variable.name, **known, **({"positive": True} if target == oo else {"real": True})
    )
    body, end = rename_bound(function, {**names, variable: fresh}), rename_bound(target, names)
    built = Limit(body.expression, fresh, end.expression, str(direction))
    outside = tuple(part for part in body.parts if fresh not in _find_dependencies(part))
    near = tuple(part for part in body.parts if part not in outside)
    return _gather(
        built, [Read(body.expression, outside, body.ranges), end], (built, Near(built, near))
    )


def _find_dependencies(part: Part) -> frozenset[Symbol]:
    """The symbols for numbers that a part depends on, also one near a limit or around a point."""
    if isinstance(part, Near):
        return find_numbers(part.limit).union(*map(_find_dependencies, part.parts))
    if isinstance(part, Around):
        return frozenset[Symbol]().union(*map(_find_dependencies, (*part.variables, *part.parts)))
    return find_numbers(part)


def list_expressions(parts: tuple[Part, ...]) -> Iterator[Expr]:
    """The expressions among parts, and among the parts of limits and derivatives.

    Parameters
    ----------
    parts
        Parts of a :class:`Read`. Of one near a limit the limit itself is listed too.
    """
    for part in parts:
        if isinstance(part, Near):
            yield part.limit
        if isinstance(part, (Near, Around)):
            yield from list_expressions(part.parts)
        else:
            yield part


def _rename_every(e: Every, names: dict[Basic, Basic]) -> Read:
    """A condition on all entries, without parts: each of its instances goes through the normal
    form, which asks for them."""
    fresh = {index: Dummy(index.name, integer=True, positive=True) for index in e.indices}
    body = rename_bound(e.relation, {**names, **fresh})
    return Read(Every(body.expression, *fresh.values()), (), body.ranges)


@lru_cache(maxsize=1 << 16)
def _find_names(e: Basic) -> frozenset[Basic]:
    """The symbols, indices and bases that occur in an expression, bound ones too."""
    if isinstance(e, (Symbol, Idx, IndexedBase)):
        return frozenset({e})
    return frozenset[Basic]().union(*(_find_names(a) for a in e.args))


@lru_cache(maxsize=1 << 16)
def find_numbers(e: Basic) -> frozenset[Symbol]:
    """Free symbols of ``e`` that stand for numbers: labels of bases and summation indices do
    not.

    Parameters
    ----------
    e
        Any expression, relation or condition. SymPy's own ``free_symbols`` would also hold the
        labels of its bases.

    Examples
    --------
    >>> from sympy import Sum, Symbol
    >>> from bnproof.symbolic import i, m, x
    >>> from bnproof.symbolic.reading import find_numbers
    >>> sorted(find_numbers(Sum(x[i] * Symbol("a"), (i, 1, m))), key=str)
    [a, m]
    """
    if isinstance(e, (Symbol, Idx)):
        return frozenset({e})
    if isinstance(e, IndexedBase):
        return frozenset()
    if isinstance(e, Limit):
        return (find_numbers(e.args[0]) - {e.args[1]}) | find_numbers(e.args[2])
    if isinstance(e, Every):
        return find_numbers(e.relation) - frozenset(e.indices)
    if isinstance(e, Sum):
        numbers = find_numbers(e.function)
        for limit in e.limits:  # the innermost first: its bounds see the indices of the outer ones
            numbers = (numbers - {limit[0]}).union(*(find_numbers(end) for end in limit[1:]))
        return numbers
    return frozenset[Symbol]().union(*(find_numbers(a) for a in e.args))


def list_free_indices(e: Basic, bound: frozenset[Basic] = frozenset()) -> Iterator[Expr]:
    """Terms that index a base or a delta and hold no summation index, and the ends a partial sum
    leaves.

    Parameters
    ----------
    e
        An expression, a relation or a condition.
    bound
        The bound symbols in force here.

    Yields
    ------
    Expr
        Index terms, some of them more than once. A sum from 3 leaves out entries 1 and 2, one up to
        ``m - 1`` leaves out entry m, so these are listed too.
    """
    if isinstance(e, Sum):
        bound = bound | {limit[0] for limit in e.limits}
        for _, low, high in e.limits:
            # Each term may double the cases of a statement, so those beyond 8 are not listed. A
            # missing term makes no verdict wrong: its deltas are then left undecided.
            if low.is_Integer:
                yield from (Integer(p) for p in range(1, int(min(low, 9))))
            if low.is_Integer and high.is_Integer:
                yield from (Integer(p) for p in range(int(max(low, -9)), int(min(high, 9)) + 1))
            elif high.is_Add and not high.free_symbols & bound:
                yield high.as_coeff_Add()[1]
    if isinstance(e, Limit):
        bound = bound | {e.args[1]}
    if isinstance(e, (Indexed, KroneckerDelta)):
        for index in e.indices if isinstance(e, Indexed) else e.args:
            if not index.free_symbols & bound:
                yield index
    for argument in e.args:
        yield from list_free_indices(argument, bound)
