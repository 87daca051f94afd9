"""Deciding one case of a question by the normal form.
 A case says which free indices are equal (:mod:`bnproof.symbolic.index_cases`). Within it the
conditions are turned into knowledge first: signs of generators, values of generators, relations
between them. Then every part of the statement is shown to exist. Then both sides are rewritten into
generators, and their difference is compared with 0.

The order matters for soundness. What is divided by must be known not to vanish, and what stands
under a root must be known not to be negative, before the rewriting may use it. A case whose
conditions contradict each other has no steps: there is nothing to prove in it.

Start reading at :meth:`CaseProof.prove_steps`.
"""

from __future__ import annotations

from itertools import combinations

from sympy import Add, Basic, Derivative, Dummy, Eq, Expr, Gt, Indexed, Integer, Limit, Sum
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFalse, BooleanTrue

from bnproof.symbolic.exact import Evaluator
from bnproof.symbolic.expectation import Expectation
from bnproof.symbolic.frames import NotEvaluable, Point, Undefined
from bnproof.symbolic.index_cases import IndexCase, find_given_size
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

# Of each relation, the sign that the greater side minus the lesser one has to have, and the word
# for it. ``<`` and ``<=`` are read from right to left.
WANTED = {
    ">": (POSITIVE, "positive"),
    "<": (POSITIVE, "positive"),
    ">=": (NONNEGATIVE, "not negative"),
    "<=": (NONNEGATIVE, "not negative"),
    "!=": (NONZERO, "not 0"),
}


class Unequal(Exception):
    """The normal forms do not show the statement in some case.

    For an equation the difference has a non-zero normal form, for an inequality its sign does not
    follow. That refutes nothing: the prover then searches for a counterexample.
    """


class CaseProof:
    """One case of a question, with the normal form in which it is decided.

    Parameters
    ----------
    search
        The exact check of the same question. Its points are used once more, to compare each side
        with its normal form.
    case
        Which index terms are equal, and which differ.

    Attributes
    ----------
    replace
        What stands for what in this case: equal indices, and symbols to which a condition gives a
        value.
    given
        The conditions with these replacements made.
    form
        The normal form of this case. It learns the conditions in ``prove_steps`` or ``exists``.
    impossible
        Whether the conditions exclude the case.
    """

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
        # different free indices need as many entries, and a condition may fix the size
        form.signs.lower[place] = max(case.least_size, find_given_size(question) or 1)
        self.impossible = any(isinstance(condition, BooleanFalse) for condition in self.given)

    def _substitute(self, e: Expr) -> Expr:
        """Make the replacements of the case in an expression without derivatives."""
        return e.xreplace(self.replace)

    def _specialise(self, part: Basic) -> Basic:
        """Make the replacements of the case in a statement or a condition.

        Derivatives and expected values are taken first. Once a symbol has been replaced by its
        value there is nothing left to differentiate by, and an entry that is put in for a constant
        would count as random under an expected value.
        """
        if not self.replace:
            return part
        if isinstance(part, Every):
            # an index that the condition runs over is not the free index of the same name
            free = {old: new for old, new in self.replace.items() if old not in part.indices}
            taken = part.relation.func(*map(take_all, part.relation.args), evaluate=False)
            return Every(substitute(taken, free), *part.indices)
        if part.has(Derivative, Expectation):
            taken = (take_all(side) for side in part.args)
            part = part.func(*taken, evaluate=False)
        return substitute(part, self.replace)

    def exists(self) -> None:
        """Make sure that the statement exists in this case, without proving it.

        A witness proves other statements in its place, so its own parts would not be looked at.

        Raises
        ------
        Undecided
            Where a part of the statement as received is not known to exist.
        """
        self._learn()
        if not self.impossible:
            self._exists()

    def prove_steps(self) -> list[Step]:
        """Prove the case.

        Returns
        -------
        list of Step
            What was shown, for the proof to print. It is empty where the conditions exclude the
            case.

        Raises
        ------
        Unequal
            Where the normal forms do not show the statement.
        Undecided
            Where a part of the statement is not known to exist, or the normal form cannot follow
            it.
        Disagreement
            Where a normal form has another exact value than the side it was made from: a fault of
            bnproof.
        """
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
        """Turn the conditions into what the normal form knows.

        Signs of scalars come first, since they say what may be divided by. Then come
        ``v + eps > 0`` and the signs of entries, then the equations. An equation may give a value
        to a generator that other conditions mention, so all signs are learned again, in those
        values, until no further generator gets one.
        """
        form = self.form
        relations = [c for c in self.given if isinstance(c, Relational)]
        signed = [c for c in relations if not isinstance(c, Eq)]
        standing = [
            Gt(self._specialise(v + eps), 0, evaluate=False),
            *(c for c in signed if c.has(Indexed)),
        ]
        # A product tells the sign of a factor only once that of the other factor is known, so what
        # speaks of fewer symbols comes first.
        scalar = (c for c in signed if not c.has(Indexed))
        signed = [*sorted(scalar, key=lambda c: len(c.free_symbols)), *standing]
        self._learn_signs(signed)
        for condition in relations:
            if isinstance(condition, Eq):
                form.assume(self._difference(condition))
                # a sum of squares that is 0 says more than its one equation: every square is 0
                for term in list_vanishing_terms(condition):
                    form.assume(form.normal_form(term))
        known = 0
        # what the equations give a value may stand in the other conditions
        while len(form.solved) > known:
            known = len(form.solved)
            # they speak of generators that have values by now
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
        """Learn the signs of sums over the batch from conditions on all entries.

        What is positive for every entry has a positive sum, because a batch has at least one entry.
        The same holds for the product of two expressions that are both positive for every entry.
        """
        fresh = Dummy("j", integer=True, positive=True)
        greater = [
            (c.relation.gts - c.relation.lts).xreplace({c.indices[0]: fresh}) for c in conditions
        ]
        strict = [c.relation.rel_op in (">", "<") for c in conditions]
        products = [
            (a * b, p and q)
            # products of three would be as true, and there are many more of them
            for (a, p), (b, q) in combinations(zip(greater, strict, strict=True), 2)
        ]
        for summand, positive in [*zip(greater, strict, strict=True), *products]:
            total = self.form.normal_form(Sum(summand, (fresh, 1, self.form.size)))
            self._learn_sign(total, ">" if positive else ">=")

    def _learn_signs(self, conditions: list[Relational]) -> None:
        """Learn the sign of the difference of the sides of each relation."""
        for condition in conditions:
            if isinstance(condition, Relational):
                self._learn_sign(self._difference(condition), condition.rel_op)

    def _learn_sign(self, difference: Quotient, op: str) -> None:
        """Learn the sign that ``op`` gives a difference, or that no point can have it."""
        if self.form.vanishes(difference):
            self.impossible |= 0 not in OF_RELATION[op]
        elif difference.constant is not None:
            self.impossible |= not self.form.signs.find_signs(difference) <= OF_RELATION[op]
        else:
            self.form.signs.learn(difference, OF_RELATION[op])

    def _difference(self, relation: Relational) -> Quotient:
        """The left side minus the right side of a relation, in generators."""
        return self.form.normal_form(relation.lhs) - self.form.normal_form(relation.rhs)

    def _exists(self) -> None:
        """Make sure that every part of the statement as received exists.

        The rebuilt statement alone would not show it: SymPy cancels ``a b/c`` to ``a`` where
        ``b = c``, and the division by ``c`` is gone.
        """
        # once for each case: a part may exist in one and not in another
        for part in self.search.question.present:
            self.form.exists(part, self.replace)

    def _decide(self, statement: Relational) -> list[Step]:
        """Compare the sides by their normal forms; raises ``Unequal`` where these do not show the
        statement."""
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
        """Tell whether the difference of the sides is known to have the sign that the statement
        claims.

        The cheaper ways come first: the difference is 0, its sign is certified, it shows in the
        statement as it is written. At last inequalities such as that of Cauchy and Schwarz are
        learned, and the sign is searched for once more.
        """
        wanted = OF_RELATION[statement.rel_op]
        if self.form.vanishes(difference):
            return 0 in wanted
        if self.form.signs.shows(difference, wanted):
            return True
        as_written = Add(statement.lhs, -statement.rhs)
        if find_visible_signs(self.form, as_written) <= wanted:
            return True
        for lemma in list_lemmas(self.form, as_written, self.search.question.free_indices):
            # a lemma on the terms of a sum says nothing where the sum may be empty
            if self.form.occurs(lemma):
                self.form.signs.learn(self.form.normal_form(lemma), NONNEGATIVE)
        return self.form.signs.shows(difference, wanted)

    def _decide_by_remainder(
        self, statement: Relational, lhs: Quotient, rhs: Quotient, remainder: Expr
    ) -> list[Step]:
        """Decide an inequality by the remainder that its witness names.

        ``greater - lesser`` has to equal the remainder for every ``m``, and the sign of the
        remainder has to show as it is written, such as that of a sum of squares.
        """
        # the sign is read off the written form, and these have none that shows
        if remainder.has(Derivative, Limit, Expectation):
            raise Undecided(f"a remainder is an algebraic expression; {text(remainder)} is none")
        shown = self._substitute(remainder)
        # the remainder is always that of the greater side minus the lesser one
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
        """The steps of a decided case; each normal form is compared with its side first."""
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
        """The sentence that says why the difference is 0."""
        return (
            "over a common denominator, known not to be 0, the numerator cancels to"
            f" 0{self._mention_roots(difference)}"
        )

    def _mention_roots(self, difference: Quotient) -> str:
        """The relations ``r^2 = base`` of the roots that were used, for the sentence above."""
        ring, used = self.form.ring, difference.list_places()
        roots = [
            f"{text(ring.meaning[r])}^2 = {text(ring.expression(b))}"
            for r, b in ring.relations.items()
            if r in used
        ]
        return f", using {', '.join(roots)}" if roots else ""

    def _format_title(self, rule: str) -> str:
        """The name of a step, with the case where there is more than one."""
        return f"{rule} (case {self.case})" if str(self.case) else rule

    def _check(self, normal: Expr, side: Expr, name: str) -> None:
        """Compare a normal form with the side it was made from, exactly, where this case applies.

        This catches a wrong rewriting even where it spoils both sides alike, which their difference
        would not show. Two points are enough: a wrong rewriting seldom has the right value at any.
        """
        for point in [p for p in self.search.samples if self._applies(p)][:2]:
            # no meaning is handed over: the normal form speaks of the symbols as they were read
            evaluator = Evaluator(point)
            try:
                agrees = evaluator.allows(Eq(normal, side, evaluate=False))
            # no exact value here, such as the root of a root: the next point may have one
            except (NotExact, NotEvaluable, Undefined):
                continue
            if not agrees:
                raise Disagreement(
                    f"the {name} side of {text(self.search.question.statement)} and its normal form"
                    " differ"
                )

    def _applies(self, point: Point) -> bool:
        """Tell whether a point lies in this case: what is replaced has its value, and what differs
        differs."""
        evaluator = Evaluator(point)
        merged = all(
            evaluator.evaluate(old) == evaluator.evaluate(new) for old, new in self.replace.items()
        )
        return merged and len({evaluator.evaluate(t) for t in self.case.distinct}) == len(
            self.case.distinct
        )


def _collect_assignments(question: Question, case: IndexCase) -> dict[Expr, Expr]:
    """Read conditions ``symbol = value`` as replacements.

    The values are expressions in the symbols that stay: each new value is written with the
    replacements so far, and put into them. A batch size is no replacement here, because a proof for
    one size is tried only after that for all sizes. A symbol that would be given a value that holds
    it is left to the equations.
    """
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
