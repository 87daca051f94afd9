"""``prove``: refute exactly where possible, else decide by the power-sum normal form, for every ``m`` at once."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

from sympy import Abs, Basic, Derivative, Eq, Expr, Gt, Indexed, Integer, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, BooleanFalse, BooleanTrue

from bnproof.symbolic.cases import Case, cases, concrete_cases, given_size
from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point, Undefined
from bnproof.symbolic.hypotheses import Hypotheses
from bnproof.symbolic.normal_form import NormalForm, differentiated, expanded
from bnproof.symbolic.outcomes import Counterexample, Disagreement, Proof, Refuted, Step, Undecided
from bnproof.symbolic.reading import Question, read, replaced
from bnproof.symbolic.rendering import text
from bnproof.symbolic.sampling import Sampler, assignment
from bnproof.symbolic.setting import eps, m, v
from bnproof.symbolic.signs import NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, ZERO, Signs
from bnproof.symbolic.surds import NotExact, Surd

SIZES = range(1, 9)
MOST_CASES = 64
FURTHER_SIZES = (9, 10, 11, 12, 13, 16, 24, 40)
_SIGNS = {">": POSITIVE, ">=": NONNEGATIVE, "<": NEGATIVE, "<=": NEGATIVE | ZERO, "!=": NONZERO}


def prove(statement: Any, *given: Any) -> Proof:
    """Prove a statement about batches for every batch size ``m >= 1`` and every value the conditions allow.

    ``statement``: a SymPy equation (also an inequality, a conjunction, ``true`` or ``false``) over the names of
    :mod:`bnproof.symbolic.setting`; ``given``: conditions such as ``Eq(eps, 0)``, ``m >= 2``, ``a > 0``.  Free
    indices lie in ``1..m``; ``eps >= 0`` and ``v + eps > 0`` are assumed; a plain symbol is a real number.

    Returns a ``Proof``.  Raises ``Refuted`` with an exact counterexample; ``Undecided`` with the reason, also where the
    statement does not exist for some allowed value (a division by ``m - 1`` without ``m >= 2``); ``TypeError`` for
    what is no statement.
    """
    question = read(statement, given)
    if isinstance(question.statement, And):
        return _conjunction(question)
    search = Search(question)
    search.run(SIZES, count=2)
    try:
        steps = _steps(search)
    except _Nonzero as unequal:
        search.run(FURTHER_SIZES, count=2)
        search.run(SIZES, count=8, edges=True)
        raise Undecided(f"{unequal}, yet no exact counterexample was found") from None
    if search.undefined:
        raise Undecided(f"the statement does not exist everywhere: {search.undefined}")
    if not search.points:
        raise Undecided(search.obstacle or "no exact point that satisfies the conditions was found to check the proof")
    return Proof(question.statement, question.given, tuple(steps), search.points)


def _conjunction(question: Question) -> Proof:
    proofs = [prove(part, *question.given) for part in question.statement.args]
    steps = tuple(step for proof in proofs for step in proof.steps)
    return Proof(question.statement, question.given, steps, min(proof.points for proof in proofs))


class Search:
    """Evaluates the statement as it was written, exactly, at points that satisfy the conditions."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.samples: list[Point] = []
        self.undefined = ""
        self.obstacle = ""

    @property
    def points(self) -> int:
        return len(self.samples)

    def run(self, sizes: Iterable[int], count: int, *, edges: bool = False) -> None:
        """Try every size; raises ``Refuted`` at the first point where the statement is false."""
        sampler = Sampler(self.question, Random(20150211), edges)
        for size in sizes:
            for point in sampler.points(size, count if size < 5 else 1):
                self._try(point)

    def _try(self, point: Point) -> None:
        try:
            holds = Evaluator(point).holds(self.question.statement)
        except Undefined as undefined:
            self.undefined = self.undefined or f"{undefined} at {_describe(self.question, point)}"
        except (NotExact, NotEvaluable) as obstacle:
            self.obstacle = f"the exact check has to pass: {obstacle}"
        else:
            if not holds:
                raise Refuted(self.question.statement, _describe(self.question, point))
            self.samples.append(point)


def _describe(question: Question, point: Point) -> Counterexample:
    values: dict[str, object] = {}
    for base, entries in sorted(point.entries.items(), key=str):
        values[str(base)] = tuple(_plain(entries[index]) for index in sorted(entries))
    values |= {s.name: _plain(point.scalars[s]) for s in question.named}
    statement = question.statement
    sides: tuple[object, object] = (None, None)
    if isinstance(statement, Relational):
        evaluator = Evaluator(point)
        try:
            sides = (_plain(evaluator.value(statement.lhs)), _plain(evaluator.value(statement.rhs)))
        except (Undefined, NotExact, NotEvaluable):
            sides = (None, None)
    elif isinstance(statement, BooleanFalse):
        sides = (False, True)
    return Counterexample(point.size, values, *sides)


def _plain(value: Surd) -> object:
    return value.rational if value.is_rational else value


class _Nonzero(Exception):
    """The difference of the sides has a non-zero normal form: not an identity."""


def _steps(search: Search) -> list[Step]:
    """For every batch size at once; only where that fails and ``Eq(m, 3)`` is given, for that size alone."""
    question = search.question
    if not isinstance(question.statement, (Relational, BooleanTrue)):
        raise _Nonzero(f"{text(question.statement)} is not an identity")
    size = given_size(question)
    try:
        return _prove_cases(search, cases(question))
    except (_Nonzero, Undecided):
        if size is None:
            raise
    numbered = concrete_cases(question, size)
    if len(numbered) > MOST_CASES:
        raise Undecided(f"m = {size} leaves {len(numbered)} cases, more than {MOST_CASES}")
    return _prove_cases(search, numbered)


def _prove_cases(search: Search, chosen: list[Case]) -> list[Step]:
    return [step for case in chosen for step in CaseProof(search, case).steps()]


class CaseProof:
    """One case of a question: its own statement, the normal form, what is known of signs, the equations given."""

    def __init__(self, search: Search, case: Case) -> None:
        self.search, self.case = search, case
        self.replace = {**case.replace, **_assignments(search.question, case)}
        self.given = [self._read(condition) for condition in search.question.given]
        signs = Signs()
        signs.lower[m] = max(case.least_size, given_size(search.question) or 1)
        self.form = NormalForm(signs, case.distinct)
        self.impossible = any(isinstance(condition, BooleanFalse) for condition in self.given)

    def _read(self, part: Basic) -> Basic:
        """The part with its derivatives taken, and only then with what the case and the conditions replace."""
        if not self.replace:
            return part
        if part.has(Derivative):
            taken = (side.replace(lambda e: isinstance(e, Derivative), differentiated) for side in part.args)
            part = part.func(*taken, evaluate=False)
        return replaced(part, self.replace)

    def steps(self) -> list[Step]:
        """The steps of the case; none where the conditions exclude it.  Raises where it is not proved."""
        self._learn()
        if self.impossible or self.hypotheses.impossible:
            return []
        self._exists()
        statement = self._read(self.search.question.statement)
        if isinstance(statement, BooleanTrue):
            return [Step(self._title("evaluate"), statement, "both sides are the same expression")]
        if not isinstance(statement, Relational):
            raise _Nonzero(f"{text(self.search.question.statement)} does not hold in the case {self.case}")
        return self._decide(statement)

    def _learn(self) -> None:
        """What the conditions say of signs, scalars first, and ``v + eps > 0``."""
        conditions = [c for c in self.given if isinstance(c, Relational) and c.rel_op in _SIGNS]
        conditions.sort(key=lambda c: c.has(Indexed))
        standing = [c for c in conditions if not c.has(Indexed)] + [Gt(self._read(v + eps), 0, evaluate=False)]
        for condition in [*standing, *(c for c in conditions if c.has(Indexed))]:
            if isinstance(condition, Relational):
                difference = expanded(self.form.normal(condition.lhs) - self.form.normal(condition.rhs))
                if difference.is_number:
                    self.impossible |= not self.form.signs.of(difference) <= _SIGNS[condition.rel_op]
                else:
                    self.form.signs.learn(difference, _SIGNS[condition.rel_op])
        equations = [c.lhs - c.rhs for c in self.given if isinstance(c, Eq)]
        self.hypotheses = Hypotheses(self.form, equations)

    def _exists(self) -> None:
        """Every division, root and symbolic power of the statement as received must exist in this case.

        SymPy cancels when it rebuilds (``a b/c`` with ``b = c``), so the statement alone does not show it.
        """
        form = self.form
        for index, (_, high) in self.search.question.sizes.items():
            form.size_of[index] = self._read(high)
        for power in self.search.question.powers:
            form.normal(self._read(power))
        for derivative in self.search.question.statement.atoms(Derivative):
            for corner in derivative.expr.atoms(Abs, sign):
                form.divisor(form.normal(self._read(corner.args[0])), corner.args[0])
        form.leave_sums()

    def _decide(self, statement: Relational) -> list[Step]:
        lhs, rhs = (expanded(self.form.normal(side)) for side in (statement.lhs, statement.rhs))
        difference = self.hypotheses.apply(expanded(lhs - rhs))
        if isinstance(statement, Eq):
            if not self.hypotheses.vanishes(difference):
                raise _Nonzero(f"the sides of {text(statement)} have different normal forms")
        elif not self.form.signs.of(difference) <= _SIGNS[statement.rel_op]:
            raise _Nonzero(f"the sign of the difference in {text(statement)} does not follow from the conditions")
        return self._written(statement, lhs, rhs, difference)

    def _written(self, statement: Relational, lhs: Expr, rhs: Expr, difference: Expr) -> list[Step]:
        why = "deltas contracted, summands expanded, constants pulled out of the sums"
        sides = [
            (self.form.unfold(n), s, name)
            for n, s, name in ((lhs, statement.lhs, "left"), (rhs, statement.rhs, "right"))
        ]
        for normal, side, name in sides:
            self._check(normal, side, name)
        steps = [Step(self._title(f"{name} side in power sums"), normal, why) for normal, _, name in sides]
        if isinstance(statement, Eq):
            return [*steps, Step(self._title("left minus right"), Integer(0), self._reason(difference))]
        why = f"every term of it is known to be {statement.rel_op} 0"
        return [*steps, Step(self._title("left minus right"), self.form.unfold(difference), why)]

    def _reason(self, difference: Expr) -> str:
        unfold, used = self.form.unfold, difference.free_symbols
        roots = [f"{text(unfold(r))}^2 = {text(unfold(b))}" for r, b in self.form.relations.items() if r in used]
        using = f", using {', '.join(roots)}" if roots else ""
        return f"over a common denominator, known not to be 0, the numerator cancels to 0{using}"

    def _title(self, rule: str) -> str:
        return f"{rule} (case {self.case})" if str(self.case) else rule

    def _check(self, normal: Expr, side: Expr, name: str) -> None:
        """Each written side must equal the original one, evaluated exactly where this case applies."""
        for point in [p for p in self.search.samples if self._applies(p)][:2]:
            evaluator = Evaluator(point)
            try:
                agrees = evaluator.value(normal) == evaluator.value(side)
            except (NotExact, NotEvaluable):
                continue
            if not agrees:
                raise Disagreement(
                    f"the {name} side of {text(self.search.question.statement)} and its normal form differ"
                )

    def _applies(self, point: Point) -> bool:
        evaluator = Evaluator(point)
        merged = all(evaluator.value(old) == evaluator.value(new) for old, new in self.replace.items())
        return merged and len({evaluator.value(t) for t in self.case.distinct}) == len(self.case.distinct)


def _assignments(question: Question, case: Case) -> dict[Expr, Expr]:
    """Conditions ``symbol = value`` as replacements, with the values in terms of what stays."""
    replace: dict[Expr, Expr] = {}
    for condition in question.given:
        assigned = assignment(condition)
        if assigned and assigned[0] not in (*case.replace, *replace, m):
            symbol, value = assigned[0], assigned[1].xreplace({**case.replace, **replace})
            if symbol not in value.free_symbols:
                replace = {s: old.xreplace({symbol: value}) for s, old in replace.items()} | {symbol: value}
    return replace
