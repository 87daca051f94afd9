"""Deciding one case of a question by the normal form."""

from __future__ import annotations

from itertools import combinations

from sympy import Add, Basic, Derivative, Dummy, Eq, Expr, Gt, Indexed, Integer, Limit, Sum
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from bnproof.symbolic.cases import IndexCase, find_given_size
from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.lemmas import list_lemmas
from bnproof.symbolic.moments import take_all
from bnproof.symbolic.normal_form import NormalForm, find_batches
from bnproof.symbolic.outcomes import Disagreement, Step, Undecided
from bnproof.symbolic.quotients import Quotient
from bnproof.symbolic.reading import Question, substitute
from bnproof.symbolic.rendering import text
from bnproof.symbolic.sampling import find_assignment
from bnproof.symbolic.search import Search
from bnproof.symbolic.setting import Every, eps, m, v
from bnproof.symbolic.signsets import NONNEGATIVE, NONZERO, OF_RELATION, POSITIVE
from bnproof.symbolic.surds import NotExact
from bnproof.symbolic.vanishing import average_pairs, derive_entrywise, list_vanishing_terms
from bnproof.symbolic.visible import find_visible_signs

WANTED = {
    ">": (POSITIVE, "positive"),
    "<": (POSITIVE, "positive"),
    ">=": (NONNEGATIVE, "not negative"),
    "<=": (NONNEGATIVE, "not negative"),
    "!=": (NONZERO, "not 0"),
}


class Unequal(Exception):
    """The difference of the sides has a non-zero normal form: not an identity."""


class CaseProof:
    """One case of a question: its own statement, the normal form, what is known of signs, the
    equations given."""

    def __init__(self, search: Search, case: IndexCase) -> None:
        self.search, self.case = search, case
        question = search.question
        self.replace = {**case.replace, **_collect_assignments(question, case)}
        self.given = [self._specialise(condition) for condition in question.given]
        span = {
            index: tuple(map(self._substitute, ends)) for index, ends in question.ranges.items()
        }
        self.form = form = NormalForm(span)
        form.size = self._substitute(m)
        form.batches = find_batches(question.present, question.ranges)
        form.distinct = case.distinct
        form.every = [one for c in self.given if isinstance(c, Every) for one in average_pairs(c)]
        form.every += [flat for c in self.given for flat in derive_entrywise(c)]
        place = form.ring.place(m, POSITIVE)
        form.signs.lower[place] = max(case.least_size, find_given_size(question) or 1)
        self.impossible = any(isinstance(condition, BooleanFalse) for condition in self.given)

    def _substitute(self, e: Expr) -> Expr:
        return e.xreplace(self.replace)

    def _specialise(self, part: Basic) -> Basic:
        """The part with its derivatives and expected values taken, and only then with what the
        conditions replace."""
        if not self.replace:
            return part
        if isinstance(part, Every):
            free = {old: new for old, new in self.replace.items() if old not in part.indices}
            taken = part.relation.func(*map(take_all, part.relation.args), evaluate=False)
            return Every(substitute(taken, free), *part.indices)
        if part.has(Derivative, Expectation):
            taken = (take_all(side) for side in part.args)
            part = part.func(*taken, evaluate=False)
        return substitute(part, self.replace)

    def exists(self) -> None:
        """Raises ``Undecided`` where the statement as received is not known to exist in this
        case."""
        self._learn()
        if not self.impossible:
            self._exists()

    def prove_steps(self) -> list[Step]:
        """The steps of the case; none where the conditions exclude it.  Raises where it is not
        proved."""
        self._learn()
        if self.impossible:
            return []
        self._exists()
        statement = self._specialise(self.search.question.statement)
        if isinstance(statement, BooleanTrue):
            return [
                Step(
                    self._format_title("evaluate"), statement, "both sides are the same expression"
                )
            ]
        if not isinstance(statement, Relational):
            raise Unequal(
                f"{text(self.search.question.statement)} does not hold in the case {self.case}"
            )
        return self._decide(statement)

    def _learn(self) -> None:
        """What the conditions say: signs of scalars and ``v + eps > 0``, then equations, then all
        signs once more."""
        form = self.form
        relations = [c for c in self.given if isinstance(c, Relational)]
        signed = [c for c in relations if not isinstance(c, Eq)]
        standing = [
            Gt(self._specialise(v + eps), 0, evaluate=False),
            *(c for c in signed if c.has(Indexed)),
        ]
        signed = [*(c for c in signed if not c.has(Indexed)), *standing]
        self._learn_signs(signed)
        for condition in relations:
            if isinstance(condition, Eq):
                form.assume(self._difference(condition))
                for term in list_vanishing_terms(condition):
                    form.assume(form.normal_form(term))
        known = 0
        # what the equations give a value may stand in the other conditions
        while len(form.solved) > known:
            known = len(form.solved)
            form.signs.facts.clear()
            self._learn_signs(signed)
        self._learn_sums(
            [c for c in form.every if len(c.indices) == 1 and c.relation.rel_op not in ("==", "!=")]
        )
        if form.signs.find_signs(form.normal_form(self._specialise(v))) == POSITIVE:
            # one value has no spread
            self._learn_sign(form.normal_form(form.size) - form.number(2), ">=")
        self.impossible |= form.impossible

    def _learn_sums(self, conditions: list[Every]) -> None:
        """What is positive for every entry has a positive sum over the batch, and so has a product
        of two such."""
        fresh = Dummy("j", integer=True, positive=True)
        greater = [
            (c.relation.gts - c.relation.lts).xreplace({c.indices[0]: fresh}) for c in conditions
        ]
        strict = [c.relation.rel_op in (">", "<") for c in conditions]
        products = [
            (a * b, p and q)
            for (a, p), (b, q) in combinations(zip(greater, strict, strict=True), 2)
        ]
        for summand, positive in [*zip(greater, strict, strict=True), *products]:
            total = self.form.normal_form(Sum(summand, (fresh, 1, self.form.size)))
            self._learn_sign(total, ">" if positive else ">=")

    def _learn_signs(self, conditions: list[Relational]) -> None:
        for condition in conditions:
            if isinstance(condition, Relational):
                self._learn_sign(self._difference(condition), condition.rel_op)

    def _learn_sign(self, difference: Quotient, op: str) -> None:
        if self.form.vanishes(difference):
            self.impossible |= 0 not in OF_RELATION[op]
        elif difference.constant is not None:
            self.impossible |= not self.form.signs.find_signs(difference) <= OF_RELATION[op]
        else:
            self.form.signs.learn(difference, OF_RELATION[op])

    def _difference(self, relation: Relational) -> Quotient:
        return self.form.normal_form(relation.lhs) - self.form.normal_form(relation.rhs)

    def _exists(self) -> None:
        """Every part of the statement as received that can fail to exist has to.

        SymPy cancels when it rebuilds (``a b/c`` with ``b = c``), so the statement alone does not
        show it.
        """
        for part in self.search.question.present:
            self.form.exists(part, self.replace)

    def _decide(self, statement: Relational) -> list[Step]:
        form = self.form
        lhs, rhs = form.normal_form(statement.lhs), form.normal_form(statement.rhs)
        difference = form.substitute_solved(lhs - rhs)
        if isinstance(statement, Eq):
            if not form.vanishes(difference):
                raise Unequal(f"the sides of {text(statement)} have different normal forms")
        elif self.search.question.remainder is not None:
            return self._decide_by_remainder(statement, lhs, rhs, self.search.question.remainder)
        elif not self._has_sign(statement, difference):
            raise Unequal(
                f"the sign of the difference in {text(statement)} does not follow from the"
                " conditions"
            )
        return self._write_steps(statement, lhs, rhs, difference)

    def _has_sign(self, statement: Relational, difference: Quotient) -> bool:
        wanted = OF_RELATION[statement.rel_op]
        if self.form.vanishes(difference):
            return 0 in wanted
        if self.form.signs.shows(difference, wanted):
            return True
        as_written = Add(statement.lhs, -statement.rhs)
        if find_visible_signs(self.form, as_written) <= wanted:
            return True
        for lemma in list_lemmas(self.form, as_written, self.search.question.free_indices):
            if self.form.occurs(lemma):
                self.form.signs.learn(self.form.normal_form(lemma), NONNEGATIVE)
        return self.form.signs.shows(difference, wanted)

    def _decide_by_remainder(
        self, statement: Relational, lhs: Quotient, rhs: Quotient, remainder: Expr
    ) -> list[Step]:
        """The difference equals the remainder, whose sign shows as it is written."""
        if remainder.has(Derivative, Limit, Expectation):
            raise Undecided(f"a remainder is an algebraic expression; {text(remainder)} is none")
        shown = self._substitute(remainder)
        downwards = statement.rel_op in ("<", "<=")
        greater, lesser = (rhs, lhs) if downwards else (lhs, rhs)
        difference = self.form.substitute_solved(greater - lesser - self.form.normal_form(shown))
        if not self.form.vanishes(difference):
            raise Unequal(f"the sides of {text(statement)} do not differ by {text(shown)}")
        wanted, adjective = WANTED[statement.rel_op]
        if not find_visible_signs(self.form, shown) <= wanted:
            raise Undecided(f"{text(shown)} is not visibly {adjective}")
        title = self._format_title("right minus left" if downwards else "left minus right")
        why = (
            f"the difference of both cancels to 0{self._mention_roots(difference)}; as it is"
            f" written it is {adjective}"
        )
        return [Step(title, shown, why)]

    def _write_steps(
        self, statement: Relational, lhs: Quotient, rhs: Quotient, difference: Quotient
    ) -> list[Step]:
        why = "deltas contracted, summands expanded, constants pulled out of the sums"
        sides = [
            (lhs.expression(), statement.lhs, "left"),
            (rhs.expression(), statement.rhs, "right"),
        ]
        for normal, side, name in sides:
            self._check(normal, side, name)
        steps = [
            Step(self._format_title(f"{name} side in power sums"), normal, why)
            for normal, _, name in sides
        ]
        if isinstance(statement, Eq):
            return [
                *steps,
                Step(
                    self._format_title("left minus right"),
                    Integer(0),
                    self._explain_zero(difference),
                ),
            ]
        why = f"every term of it is known to be {statement.rel_op} 0"
        return [*steps, Step(self._format_title("left minus right"), difference.expression(), why)]

    def _explain_zero(self, difference: Quotient) -> str:
        return (
            "over a common denominator, known not to be 0, the numerator cancels to"
            f" 0{self._mention_roots(difference)}"
        )

    def _mention_roots(self, difference: Quotient) -> str:
        ring, used = self.form.ring, difference.list_places()
        roots = [
            f"{text(ring.meaning[r])}^2 = {text(ring.expression(b))}"
            for r, b in ring.relations.items()
            if r in used
        ]
        return f", using {', '.join(roots)}" if roots else ""

    def _format_title(self, rule: str) -> str:
        return f"{rule} (case {self.case})" if str(self.case) else rule

    def _check(self, normal: Expr, side: Expr, name: str) -> None:
        """Each written side must equal the original one, evaluated exactly where this case
        applies."""
        for point in [p for p in self.search.samples if self._applies(p)][:2]:
            evaluator = Evaluator(point)
            try:
                agrees = evaluator.allows(Eq(normal, side, evaluate=False))
            except (NotExact, NotEvaluable, Undefined):
                continue
            if not agrees:
                raise Disagreement(
                    f"the {name} side of {text(self.search.question.statement)} and its normal form"
                    " differ"
                )

    def _applies(self, point: Point) -> bool:
        evaluator = Evaluator(point)
        merged = all(
            evaluator.evaluate(old) == evaluator.evaluate(new) for old, new in self.replace.items()
        )
        return merged and len({evaluator.evaluate(t) for t in self.case.distinct}) == len(
            self.case.distinct
        )


def _collect_assignments(question: Question, case: IndexCase) -> dict[Expr, Expr]:
    """Conditions ``symbol = value`` as replacements, with the values in terms of what stays."""
    replace: dict[Expr, Expr] = {}
    for condition in question.given:
        assigned = find_assignment(condition)
        if assigned and assigned[0] not in (*case.replace, *replace, m):
            symbol, value = (
                assigned[0],
                take_all(assigned[1]).xreplace({**case.replace, **replace}),
            )
            if symbol not in value.free_symbols:
                replace = {s: old.xreplace({symbol: value}) for s, old in replace.items()} | {
                    symbol: value
                }
    return replace
