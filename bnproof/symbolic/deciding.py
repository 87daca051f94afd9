"""Deciding one case of a question by the normal form."""

from __future__ import annotations

from sympy import Abs, Basic, Derivative, Eq, Expr, Gt, Indexed, Integer, Limit, Pow, sign
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from bnproof.symbolic.atoms import expanded
from bnproof.symbolic.cases import Case, given_size
from bnproof.symbolic.exact import Evaluator, NotEvaluable, Point
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.hypotheses import Hypotheses
from bnproof.symbolic.moments import expected
from bnproof.symbolic.normal_form import NormalForm, differentiated
from bnproof.symbolic.outcomes import Disagreement, Step, Undecided
from bnproof.symbolic.reading import Question, replaced
from bnproof.symbolic.rendering import text
from bnproof.symbolic.sampling import assignment
from bnproof.symbolic.search import Search
from bnproof.symbolic.setting import eps, g, m, v, x
from bnproof.symbolic.signs import NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, ZERO, Signs
from bnproof.symbolic.surds import NotExact
from bnproof.symbolic.visible import visible_signs

WANTED = {
    ">": (POSITIVE, "positive"),
    "<": (POSITIVE, "positive"),
    ">=": (NONNEGATIVE, "not negative"),
    "<=": (NONNEGATIVE, "not negative"),
    "!=": (NONZERO, "not 0"),
}
SIGNS = {">": POSITIVE, ">=": NONNEGATIVE, "<": NEGATIVE, "<=": NEGATIVE | ZERO, "!=": NONZERO}


class Unequal(Exception):
    """The difference of the sides has a non-zero normal form: not an identity."""


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
        """The part with its derivatives and expected values taken, and only then with what the conditions replace."""
        if not self.replace:
            return part
        if part.has(Derivative, Expectation):
            taken = (_taken(side) for side in part.args)
            part = part.func(*taken, evaluate=False)
        return replaced(part, self.replace)

    def exists(self) -> None:
        """Raises ``Undecided`` where the statement as received is not known to exist in this case."""
        self._learn()
        if not (self.impossible or self.hypotheses.impossible):
            self._exists()

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
            raise Unequal(f"{text(self.search.question.statement)} does not hold in the case {self.case}")
        return self._decide(statement)

    def _learn(self) -> None:
        """What the conditions say of signs, scalars first, and ``v + eps > 0``."""
        conditions = [c for c in self.given if isinstance(c, Relational) and c.rel_op in SIGNS]
        conditions.sort(key=lambda c: c.has(Indexed))
        standing = [c for c in conditions if not c.has(Indexed)] + [Gt(self._read(v + eps), 0, evaluate=False)]
        for condition in [*standing, *(c for c in conditions if c.has(Indexed))]:
            if isinstance(condition, Relational):
                difference = expanded(self.form.normal(condition.lhs) - self.form.normal(condition.rhs))
                if difference.is_number:
                    self.impossible |= not self.form.signs.of(difference) <= SIGNS[condition.rel_op]
                else:
                    self.form.signs.learn(difference, SIGNS[condition.rel_op])
        if self.form.signs.of(self.form.normal(self._read(v))) == POSITIVE:
            self.form.signs.learn(m - 2, NONNEGATIVE)  # one value has no spread
        equations = [c.lhs - c.rhs for c in self.given if isinstance(c, Eq)]
        self.hypotheses = Hypotheses(self.form, equations)

    def _exists(self) -> None:
        """Every entry, division, root, symbolic power and derivative of the statement as received must exist.

        SymPy cancels when it rebuilds (``a b/c`` with ``b = c``), so the statement alone does not show it.
        """
        form = self.form
        for index, (low, high) in self.search.question.sizes.items():
            form.size_of[index] = self._read(high)
            form.ranged(index, self._read(low), self._read(high))
        for part in map(self._read, self.search.question.present):
            if isinstance(part, Indexed):
                self._entry_exists(part)
            else:
                form.normal(part)
        for limit in self.search.question.statement.atoms(Limit):
            form.normal(self._read(limit))
            if self.replace and limit.free_symbols & set(self.replace):  # what is put in may cancel a division inside
                function, *approach = limit.args
                for power in function.atoms(Pow):
                    form.normal(self._read(Limit(power, *approach)))
        for derivative in self.search.question.statement.atoms(Derivative):
            taken = differentiated(derivative)
            for part in (taken, *taken.atoms(Pow)):  # a condition may cancel a division inside the derivative
                form.normal(part.xreplace(self.replace))
            for corner in derivative.expr.atoms(Abs, sign):
                form.divisor(form.normal(self._read(corner.args[0])), corner.args[0])
        form.leave_sums()

    def _entry_exists(self, entry: Indexed) -> None:
        """Entries of ``x`` and ``g`` lie in ``1..m``; every other base is a sequence without end."""
        if entry.base not in (x, g):
            return
        (index,) = entry.indices
        if index in self.search.question.sizes:
            low, high = (self._read(end) for end in self.search.question.sizes[index])
        elif index.is_Symbol:
            return  # a free index lies in 1..m
        else:
            low = high = index
        size = self._read(m)
        within = high == size or self.form.signs.of(expanded(size - high)) <= NONNEGATIVE
        if not (low.is_Integer and low >= 1 and within):
            raise Undecided(f"{text(entry)} is not known to be an entry for every m")

    def _decide(self, statement: Relational) -> list[Step]:
        lhs, rhs = (expanded(self.form.normal(side)) for side in (statement.lhs, statement.rhs))
        difference = self.hypotheses.apply(expanded(lhs - rhs))
        if isinstance(statement, Eq):
            if not self.hypotheses.vanishes(difference):
                raise Unequal(f"the sides of {text(statement)} have different normal forms")
        elif self.search.question.remainder is not None:
            return self._by_remainder(statement, lhs, rhs, self.search.question.remainder)
        elif not self.form.signs.of(difference) <= SIGNS[statement.rel_op]:
            raise Unequal(f"the sign of the difference in {text(statement)} does not follow from the conditions")
        return self._written(statement, lhs, rhs, difference)

    def _by_remainder(self, statement: Relational, lhs: Expr, rhs: Expr, remainder: Expr) -> list[Step]:
        """The difference equals the remainder, whose sign shows as it is written."""
        if remainder.has(Derivative, Limit, Expectation):
            raise Undecided(f"a remainder is an algebraic expression; {text(remainder)} is none")
        shown = remainder.xreplace(self.replace)
        downwards = statement.rel_op in ("<", "<=")
        greater, lesser = (rhs, lhs) if downwards else (lhs, rhs)
        difference = self.hypotheses.apply(expanded(greater - lesser - expanded(self.form.normal(shown))))
        if not self.hypotheses.vanishes(difference):
            raise Unequal(f"the sides of {text(statement)} do not differ by {text(shown)}")
        wanted, adjective = WANTED[statement.rel_op]
        if not visible_signs(self.form, shown) <= wanted:
            raise Undecided(f"{text(shown)} is not visibly {adjective}")
        title = self._title("right minus left" if downwards else "left minus right")
        why = f"the difference of both cancels to 0{self._using(difference)}; as it is written it is {adjective}"
        return [Step(title, shown, why)]

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
        return f"over a common denominator, known not to be 0, the numerator cancels to 0{self._using(difference)}"

    def _using(self, difference: Expr) -> str:
        unfold, used = self.form.unfold, difference.free_symbols
        roots = [f"{text(unfold(r))}^2 = {text(unfold(b))}" for r, b in self.form.relations.items() if r in used]
        return f", using {', '.join(roots)}" if roots else ""

    def _title(self, rule: str) -> str:
        return f"{rule} (case {self.case})" if str(self.case) else rule

    def _check(self, normal: Expr, side: Expr, name: str) -> None:
        """Each written side must equal the original one, evaluated exactly where this case applies."""
        for point in [p for p in self.search.samples if self._applies(p)][:2]:
            evaluator = Evaluator(point)
            try:
                agrees = evaluator.holds(Eq(normal, side, evaluate=False))
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


def _taken(side: Expr) -> Expr:
    """The side with its expected values and derivatives taken (of an expected value there is no derivative here)."""
    side = side.replace(lambda e: isinstance(e, Derivative), differentiated)
    return side.replace(lambda e: isinstance(e, Expectation), expected)


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
